/** What the tests of the relay stand on: gate, log and ledger in memory, and relays between the first two. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { emptyFold, type FoldState, fold } from '../../src/core/fold.ts';
import type { Gate } from '../../src/core/gate.ts';
import { type LogRecord, type OutboxId, outboxIdOf, outboxStart } from '../../src/core/record.ts';
import type { WinLog } from '../../src/core/win-log.ts';
import { EventRegistry } from '../../src/engine/event-registry.ts';
import { Relay } from '../../src/engine/relay.ts';
import { wrapLedger } from '../../src/testing/canaries/wrap.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { type ModelStore, openModelGate } from '../../src/testing/model-gate.ts';
import { emptyLedgerData, openModelLedger } from '../../src/testing/model-ledger.ts';
import { openModelLog } from '../../src/testing/model-log.ts';
import { unavailable, until } from './fixture.ts';

type Append = (records: readonly LogRecord[], send: (records: readonly LogRecord[]) => Promise<void>) => Promise<void>;

export interface RelayOptions {
  readonly gate?: (gate: Gate) => Gate;
  /** What becomes of a send. */
  readonly append?: Append;
  readonly isMine?: (eventId: string) => boolean;
  /** The start where absent. */
  readonly placeOf?: (eventId: string) => Promise<OutboxId>;
}

export const sweepIntervalMs = 100;

/** Gate, log and ledger in memory, and relays between the first two. */
export class Shelf {
  readonly clock = new ManualClock();
  readonly events: ModelStore = new Map();
  readonly gate = openModelGate(this.clock, this.events);
  readonly ledger = openModelLedger(this.clock, emptyLedgerData());
  readonly log: WinLog = openModelLog(this.gate).log;
  readonly alarms: string[] = [];
  /** Whether the ledger does not answer. */
  isLedgerAway = false;
  readonly registry = new EventRegistry({
    gate: this.gate,
    log: this.log,
    ledger: wrapLedger(this.ledger, {
      event: (eventId) => (this.isLedgerAway ? unavailable() : this.ledger.event(eventId)),
      lastSlot: (eventId) => (this.isLedgerAway ? unavailable() : this.ledger.lastSlot(eventId)),
    }),
  });

  /** A relay that is under way, and stopped when the test ends. */
  relay(t: TestContext, options: RelayOptions = {}): { readonly relay: Relay; readonly relayed: string[] } {
    const { clock, registry, alarms, log } = this;
    const relayed: string[] = [];
    const send = async (records: readonly LogRecord[]): Promise<void> => log.append?.(records);
    const relay = new Relay({
      gate: options.gate?.(this.gate) ?? this.gate,
      append: (records) => options.append?.(records, send) ?? send(records),
      registry,
      placeOf: options.placeOf ?? (async () => outboxStart),
      attendance: { isMine: options.isMine ?? (() => true) },
      clock,
      random: () => 0.5,
      sweepIntervalMs,
      relayed: (eventId) => void relayed.push(eventId),
      alarm: (message) => void alarms.push(message),
    });
    t.after(() => relay.stop());
    relay.start();
    return { relay, relayed };
  }

  async create(id: string, capacity = 100_000): Promise<void> {
    await this.gate.create({ id, name: 'A drop', capacity, limitPerUser: 1, opensAt: null, closesAt: null });
  }

  /** One batch of new wins. */
  async win(eventId: string, count: number): Promise<void> {
    const from = this.events.get(eventId)?.event.won ?? 0;
    const requests = Array.from({ length: count }, (_, at) => ({ userId: `u${from + at + 1}`, key: null }));
    await this.gate.admit(eventId, requests);
  }

  /** Everything that the log has of an event. */
  async logged(eventId: string): Promise<LogRecord[]> {
    const { records } = await this.log.read(this.log.partitionOf(eventId), '0', Number.MAX_SAFE_INTEGER);
    return records.filter((record) => record.type !== 'poison').filter((record) => record.eventId === eventId);
  }

  async placesOf(eventId: string): Promise<OutboxId[]> {
    return (await this.logged(eventId)).map(outboxIdOf);
  }

  /** What the log says of an event; fails where it contradicts itself. */
  async folded(eventId: string): Promise<FoldState> {
    let state = emptyFold();
    for (const record of await this.logged(eventId)) {
      const result = fold(state, record);
      if (!result.ok) assert.fail(`${result.conflict.message} in ${JSON.stringify(await this.placesOf(eventId))}`);
      state = result.state;
    }
    return state;
  }

  /** Whether the log says of all events what the gate does. */
  async isComplete(): Promise<boolean> {
    for (const { event } of this.events.values()) {
      const { won, revision } = await this.folded(event.spec.id);
      if (won !== event.won || revision !== event.revision) return false;
    }
    return true;
  }

  async complete(): Promise<void> {
    await this.until('the log has all that the gate has', () => this.isComplete());
  }

  async until(what: string, probe: () => unknown): Promise<void> {
    await until(what, probe, () => this.clock.step(5));
  }
}
