/** Several processes over stores in memory that they share, and what a test does to any of them. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { Coupon, FailedIssuance } from '../../src/core/coupon.ts';
import { DibsError } from '../../src/core/errors.ts';
import type { Finding } from '../../src/core/invariants.ts';
import type { Gate } from '../../src/core/gate.ts';
import type { Ledger } from '../../src/core/ledger.ts';
import type { LogRecord, PoisonRecord } from '../../src/core/record.ts';
import type { WinLog } from '../../src/core/win-log.ts';
import type { Dibs } from '../../src/engine/dibs.ts';
import { openEngine, type Role, roles } from '../../src/engine/engine.ts';
import type { AuditReport, ClaimView, NewEvent } from '../../src/engine/views.ts';
import { Attendance } from '../../src/lib/attendance.ts';
import { wrapGate, wrapLedger, wrapLog } from '../../src/testing/canaries/wrap.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { type ModelEvent, type ModelStore, openModelGate } from '../../src/testing/model-gate.ts';
import { emptyLedgerData, type LedgerData, openModelLedger } from '../../src/testing/model-ledger.ts';
import { openModelLog } from '../../src/testing/model-log.ts';
import { turn, until } from './fixture.ts';

/** How one process is opened; each wrapper may break its store. */
export interface ProcessOptions {
  readonly roles?: readonly Role[];
  readonly issueRatePerSecond?: number;
  readonly gate?: (gate: Gate) => Gate;
  readonly log?: (log: WinLog) => WinLog;
  readonly ledger?: (ledger: Ledger) => Ledger;
}

/** One process of the fleet. */
export interface Process {
  readonly dibs: Dibs;
  /** What an operator was told, the oldest first. */
  readonly alarms: string[];
  /** From now on nothing that it asks of a store arrives there, nor any answer at it. */
  kill(): Promise<void>;
  close(): Promise<void>;
}

const stepMs = 5;
/** Of the four events of these names the first three share a partition of the model log, and the last has another. */
export const [one, two, three, apart] = ['drop', 'b', 'e', 'c'] as const;

/** A store whose calls fail once `isDead` says so, those on their way as well. */
function mortal<Port extends object>(port: Port, isDead: () => boolean): Port {
  return new Proxy(port, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      return (...args: readonly unknown[]): unknown => {
        const isAsked = !isDead() || atOnce.has(String(name));
        const answer: unknown = isAsked ? Reflect.apply(member, target, args) : Promise.reject(gone());
        if (!(answer instanceof Promise)) return answer;
        return answer.then((value: unknown) => {
          if (isDead()) throw gone();
          return value;
        });
      };
    },
  });
}

/** What a log answers of itself. */
const atOnce = new Set(['partitionOf', 'holds', 'distance', 'slotAt']);

const gone = (): DibsError => new DibsError('unavailable', 'This process is dead.');

export class Fleet {
  readonly clock = new ManualClock();
  readonly events: ModelStore = new Map();
  readonly data: LedgerData = emptyLedgerData();
  readonly gate: Gate = openModelGate(this.clock, this.events);
  readonly ledger: Ledger = openModelLedger(this.clock, this.data);
  readonly #shelf = openModelLog(this.gate);
  /** What a read of the log gives in place of the record at a position: another, or none. */
  alter: (record: LogRecord | PoisonRecord, at: number) => LogRecord | PoisonRecord | null = (record) => record;
  /** How many records of each partition have fallen out of the log at its front. */
  readonly trimmed = new Map<string, number>();
  readonly #open: Process[] = [];

  /** The log as nobody in particular has it. */
  get log(): WinLog {
    return this.#reading(this.#shelf.log);
  }

  /** Bytes that are no record, behind all that is in the partition of an event. */
  poison(eventId: string, text: string): Promise<void> {
    return this.#shelf.plant(eventId, new TextEncoder().encode(text));
  }

  async open(worker: string, options: ProcessOptions = {}): Promise<Process> {
    const { clock } = this;
    await this.ledger.migrate();
    let isDead = false;
    const open = async () => undefined;
    const gate = (options.gate ?? same)(
      wrapGate(
        mortal(this.gate, () => isDead),
        { close: open },
      ),
    );
    const ledger = (options.ledger ?? same)(
      wrapLedger(
        mortal(this.ledger, () => isDead),
        { close: open },
      ),
    );
    const own = this.#shelf.connect();
    const log = (options.log ?? same)(wrapLog(mortal(this.#reading(own), () => isDead)));
    const alarms: string[] = [];
    const dibs = await openEngine(
      {
        gate,
        log,
        ledger,
        attendance: new Attendance({ gate, clock, worker, isShared: true }),
        clock,
        random: () => 0.5,
      },
      {
        codeSecret: 'a-secret-of-the-tests',
        issueRatePerSecond: options.issueRatePerSecond ?? null,
        roles: options.roles ?? roles,
        isShared: true,
        observer: {},
        alarm: (message) => void alarms.push(message),
      },
    );
    const process: Process = {
      dibs,
      alarms,
      async kill() {
        isDead = true;
        // The others miss it, and share its partitions among them.
        await own.close();
      },
      close: () => this.#close(process),
    };
    this.#open.push(process);
    return process;
  }

  async close(): Promise<void> {
    await Promise.all(this.#open.map((process) => process.dibs.close().catch(() => undefined)));
  }

  async #close(process: Process): Promise<void> {
    this.#open.splice(this.#open.indexOf(process), 1);
    await process.dibs.close();
  }

  /** Waits until `probe` holds, while time goes on. */
  async until(what: string, probe: () => unknown): Promise<void> {
    await until(what, probe, () => this.clock.step(stepMs));
  }

  /** Lets time pass, with all that happens in it. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += stepMs) {
      this.clock.step(stepMs);
      for (let turns = 0; turns < 4; turns += 1) await turn();
    }
  }

  /** Waits until the ledger has been given everything that the gate has, acts included. */
  async caughtUp(): Promise<void> {
    await this.until('the ledger has all that the gate has', async () => {
      for (const { event } of this.events.values()) {
        const { id } = event.spec;
        const { lastSlot } = await this.ledger.totals(id);
        if (lastSlot < event.won || (await this.ledger.event(id))?.revision !== event.revision) return false;
      }
      const ends = await this.log.ends(null, 10);
      return ends.every(({ partition, end }) => end === '0' || this.data.positions.get(partition) === end);
    });
  }

  /** An event that stands, and wins of `u1` to `u<won>` on it, slot for slot. */
  async drop({ dibs }: Process, id: string, won = 0, spec: Partial<NewEvent> = {}): Promise<ClaimView[]> {
    await dibs.createEvent({ id, name: 'A drop', capacity: 10_000, ...spec });
    return this.win({ dibs }, id, 1, won);
  }

  async win({ dibs }: Pick<Process, 'dibs'>, eventId: string, from: number, to: number): Promise<ClaimView[]> {
    const users = Array.from({ length: to - from + 1 }, (_, at) => from + at);
    const decisions = await Promise.all(
      users.map((user) => dibs.claim({ eventId, userId: `u${user}`, key: `k${user}` })),
    );
    return decisions.map((decision) => {
      assert.equal(decision.outcome, 'won', JSON.stringify(decision));
      return (decision as { claim: ClaimView }).claim;
    });
  }

  /** Everything has arrived, each win once, and no two stores say otherwise of any event. */
  async sound({ dibs }: Process): Promise<void> {
    await this.caughtUp();
    for (const id of this.events.keys()) {
      const report = await dibs.audit(id);
      assert.deepEqual(report.findings, [], id);
      assert.equal(report.unissued, 0, id);
    }
  }

  /** What an audit of `eventId` finds. */
  async finds({ dibs }: Process, rule: Finding['rule'], message: RegExp, eventId: string = one): Promise<AuditReport> {
    const report = await dibs.audit(eventId);
    const found = report.findings.map((finding) => `${finding.rule} ${finding.message}`);
    assert.ok(
      report.findings.some((finding) => finding.rule === rule && message.test(finding.message)),
      `${rule} ${message} in:\n${found.join('\n')}`,
    );
    return report;
  }

  coupons(eventId: string = one): (Coupon & { readonly eventId: string })[] {
    return this.data.coupons.filter((one) => one.eventId === eventId).toSorted((a, b) => a.slot - b.slot);
  }

  slots(eventId: string = one): number[] {
    return this.coupons(eventId).map(({ slot }) => slot);
  }

  failures(eventId: string | null = one): FailedIssuance[] {
    return this.data.failures.filter((failure) => failure.eventId === eventId);
  }

  /** An event as the gate keeps it, for a test to damage. */
  entry(eventId: string = one): ModelEvent {
    return this.events.get(eventId) ?? assert.fail(`the gate has no ${eventId}`);
  }

  /** Everything that was ever put into the log of an event, in order. */
  async logged(eventId: string = one): Promise<LogRecord[]> {
    const { records } = await this.#shelf.log.read(this.#shelf.log.partitionOf(eventId), '0', 1_000_000);
    return records.filter((record) => record.type !== 'poison').filter((record) => record.eventId === eventId);
  }

  #reading(log: WinLog): WinLog {
    return wrapLog(log, {
      read: async (partition, position, winsMax) => {
        const from = Math.max(Number(position), this.trimmed.get(partition) ?? 0);
        const batch = await log.read(partition, String(from), winsMax);
        const altered = batch.records.map((record, index) => this.alter(record, from + index));
        const records = altered.filter((record) => record !== null);
        // A read of nothing would be taken for the end.
        if (records.length > 0 || batch.records.length === 0) return { records, position: batch.position };
        return this.#reading(log).read(partition, batch.position, winsMax);
      },
    });
  }
}

const same = <T>(value: T): T => value;

/** A fleet that is taken down when the test ends. */
export function openFleet(t: TestContext): Fleet {
  const fleet = new Fleet();
  t.after(() => fleet.close());
  return fleet;
}

/** `first`, `first + 1`, … `last`. */
export const slotsFrom = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, at) => first + at);
