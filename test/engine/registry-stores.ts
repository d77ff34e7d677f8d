/** Three stores in memory, and registries over them as several processes have them. */
import type { Gate } from '../../src/core/gate.ts';
import type { Ledger } from '../../src/core/ledger.ts';
import type { LogRecord } from '../../src/core/record.ts';
import type { WinLog } from '../../src/core/win-log.ts';
import { EventRegistry } from '../../src/engine/event-registry.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { type ModelStore, openModelGate } from '../../src/testing/model-gate.ts';
import { emptyLedgerData, openModelLedger } from '../../src/testing/model-ledger.ts';
import { openModelLog } from '../../src/testing/model-log.ts';

interface StoreOptions {
  readonly gate?: (gate: Gate) => Gate;
  readonly log?: (log: WinLog) => WinLog;
  readonly ledger?: (ledger: Ledger) => Ledger;
}

/** One set of stores. */
export class Stores {
  readonly clock = new ManualClock();
  readonly events: ModelStore = new Map();
  readonly gate = openModelGate(this.clock, this.events);
  readonly data = emptyLedgerData();
  readonly ledger = openModelLedger(this.clock, this.data);
  readonly log = openModelLog(this.gate).log;

  constructor() {
    this.data.migrated = true;
  }

  registry(options: StoreOptions = {}): EventRegistry {
    return new EventRegistry({
      gate: options.gate?.(this.gate) ?? this.gate,
      log: options.log?.(this.log) ?? this.log,
      ledger: options.ledger?.(this.ledger) ?? this.ledger,
    });
  }

  /** An event with `won` wins and `revision` acts in the gate. */
  async create(id: string, won = 0, revision = 1): Promise<void> {
    await this.gate.create({ id, name: 'A drop', capacity: 100, limitPerUser: 1, opensAt: null, closesAt: null });
    for (let user = 1; user <= won; user += 1) await this.gate.admit(id, [{ userId: `u${user}`, key: null }]);
    for (let act = 1; act < revision; act += 1)
      await this.gate.command(id, { act: act % 2 === 1 ? 'pause' : 'resume' }, null);
  }

  /** What the ledger has of an event, and what the log has behind the ledger's position. */
  async know(id: string, ledger: { won: number; revision: number }, log: { won: number; revision: number }) {
    const partition = this.log.partitionOf(id);
    const head = { v: 1, eventId: id, epoch: 1 } as const;
    const phase = 'active';
    const spec = { id, name: 'A drop', capacity: 100, limitPerUser: 1, opensAt: null, closesAt: null };
    const time = this.clock.now();
    const winAt = (slot: number) => {
      const user = { slot, userId: `u${slot}`, nth: 1 };
      return { ...user, claimId: `${slot}-000000000000`, key: null, wonAt: time };
    };
    const records: LogRecord[] = [];
    for (let slot = 1; slot <= log.won; slot += 1)
      records.push({ ...head, type: 'wins', revision: 1, wins: [winAt(slot)] });
    if (log.revision > 0)
      records.push({
        ...head,
        type: 'event',
        act: 'change',
        revision: log.revision,
        spec,
        phase,
        won: log.won,
        n: 1,
        time,
      });
    const position = (await this.log.ends(null, 10)).find((one) => one.partition === partition)?.end ?? '0';
    this.data.positions.set(partition, position);
    await this.log.append?.(records);
    for (let slot = 1; slot <= ledger.won; slot += 1)
      this.data.coupons.push({ ...winAt(slot), eventId: id, code: `C${slot}`, issuedAt: time });
    const times = { createdAt: time, updatedAt: time };
    if (ledger.revision > 0) this.data.events.set(id, { spec, phase, revision: ledger.revision, epoch: 1, ...times });
  }

  isFenced(id: string): boolean {
    return this.events.get(id)?.event.fenced === true;
  }
}

/** What a store has that has nothing. */
export const none = { won: 0, revision: 0 };
