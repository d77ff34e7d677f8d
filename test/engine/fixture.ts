/** What the tests of the engine stand on: real SQLite stores in a folder of their own, and a clock that a test steps. */
import assert from 'node:assert/strict';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync, type SQLOutputValue } from 'node:sqlite';
import type { TestContext } from 'node:test';
import { DibsError } from '../../src/core/errors.ts';
import type { Gate } from '../../src/core/gate.ts';
import type { IssueBatch, Ledger } from '../../src/core/ledger.ts';
import { outboxEnd } from '../../src/core/record.ts';
import type { WinLog } from '../../src/core/win-log.ts';
import type { Dibs } from '../../src/engine/dibs.ts';
import { openEngine, type Role, roles } from '../../src/engine/engine.ts';
import type { AuditReport, ClaimView, NewEvent } from '../../src/engine/views.ts';
import { openSqliteGate } from '../../src/gates/sqlite/gate.ts';
import { openSqliteLedger } from '../../src/ledgers/sqlite/ledger.ts';
import { Attendance } from '../../src/lib/attendance.ts';
import { openEmbeddedLog } from '../../src/logs/embedded/log.ts';
import { wrapLedger } from '../../src/testing/canaries/wrap.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';

/** How the engine of a rig is opened; each wrapper may break its store. */
export interface RigOptions {
  readonly roles?: readonly Role[];
  readonly issueRatePerSecond?: number;
  readonly gate?: (gate: Gate) => Gate;
  readonly log?: (log: WinLog) => WinLog;
  readonly ledger?: (ledger: Ledger) => Ledger;
  readonly random?: () => number;
  readonly codeSecret?: string;
}

type StoreFile = 'gate.db' | 'ledger.db';

const attemptsMax = 10_000;
// Enough for the issuer to gather and to back off while a test waits, and no more than a fraction of either.
const stepMs = 5;

/** Lets all that can happen without time happen once. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Waits until `probe` holds, for a bounded number of turns. */
export async function until(what: string, probe: () => unknown, between: () => void = () => undefined): Promise<void> {
  for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
    if ((await probe()) === true) return;
    between();
    await turn();
  }
  assert.fail(`never came: ${what}`);
}

/** Lets `count` turns pass, for what must not happen in them. */
export async function turns(count: number): Promise<void> {
  for (let passed = 0; passed < count; passed += 1) await turn();
}

/** Something that a test opens when it wants to. */
export function latch(): { readonly opened: Promise<void>; open(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: () => resolve() };
}

/** An engine over SQLite stores in a temporary folder. */
export class Rig {
  readonly clock = new ManualClock();
  /** What an operator was told, the oldest first. */
  readonly alarms: string[] = [];
  /** How many coupons each batch wrote. */
  readonly issued: number[] = [];
  readonly #folder: string;
  #engine: { readonly dibs: Dibs; readonly gate: Gate; readonly ledger: Ledger } | null = null;

  constructor(folder: string) {
    this.#folder = folder;
  }

  get dibs(): Dibs {
    return this.#open.dibs;
  }

  /** The gate itself, without what an option has wrapped around it. */
  get gate(): Gate {
    return this.#open.gate;
  }

  get ledger(): Ledger {
    return this.#open.ledger;
  }

  async open(options: RigOptions = {}): Promise<void> {
    const { clock } = this;
    const gate = await openSqliteGate({ path: this.pathOf('gate.db'), clock });
    const ledger = await openSqliteLedger({ path: this.pathOf('ledger.db'), clock });
    await ledger.migrate();
    const asked = options.gate?.(gate) ?? gate;
    const attendance = new Attendance({ gate: asked, clock, worker: 'only' });
    const log = openEmbeddedLog(asked, attendance);
    const dibs = await openEngine(
      {
        gate: asked,
        log: options.log?.(log) ?? log,
        ledger: options.ledger?.(ledger) ?? ledger,
        attendance,
        clock,
        random: options.random ?? (() => 0.5),
      },
      {
        codeSecret: options.codeSecret ?? 'a-secret-of-the-tests',
        issueRatePerSecond: options.issueRatePerSecond ?? null,
        roles: options.roles ?? roles,
        isShared: false,
        observer: { issued: (coupons) => void this.issued.push(coupons) },
        alarm: (message) => void this.alarms.push(message),
      },
    );
    this.#engine = { dibs, gate, ledger };
  }

  async close(): Promise<void> {
    const engine = this.#engine;
    this.#engine = null;
    await engine?.dibs.close();
  }

  async reopen(options: RigOptions = {}): Promise<void> {
    await this.close();
    await this.open(options);
  }

  /** Waits until `probe` holds, while time goes on. */
  async until(what: string, probe: () => unknown): Promise<void> {
    await until(what, probe, () => this.clock.step(stepMs));
  }

  /** Waits until the ledger has all that the gate has of the event, acts included. */
  async caughtUp(eventId = 'drop'): Promise<void> {
    await this.until(`the ledger has all of ${eventId}`, async () => {
      const [event] = await this.gate.events([eventId]);
      return event != null && (await this.ledger.position(eventId)) === outboxEnd(event);
    });
  }

  /** An event that stands, and claims of `won` users on it: `u1`, `u2` and so on, slot for slot. */
  async drop(spec: Partial<NewEvent> = {}, won = 0): Promise<ClaimView[]> {
    const event = { id: 'drop', name: 'A drop', capacity: 10_000, ...spec };
    await this.dibs.createEvent(event);
    return this.win(event.id, 1, won);
  }

  /** Wins for the users `u<from>` to `u<to>`. */
  async win(eventId: string, from: number, to: number): Promise<ClaimView[]> {
    const decisions = [];
    for (let user = from; user <= to; user += 1)
      decisions.push(this.dibs.claim({ eventId, userId: `u${user}`, key: `k${user}` }));
    return (await Promise.all(decisions)).map((decision) => {
      assert.equal(decision.outcome, 'won', JSON.stringify(decision));
      return (decision as { claim: ClaimView }).claim;
    });
  }

  /** The audit once everything has reached the ledger; fails where it has findings. */
  async soundAudit(eventId = 'drop'): Promise<AuditReport> {
    await this.caughtUp(eventId);
    const report = await this.dibs.audit(eventId);
    assert.deepEqual(report.findings, []);
    assert.equal(report.ok, true);
    assert.equal(report.won, report.issued + report.unissued + report.failed + report.discarded);
    return report;
  }

  /** Slots that have a coupon. */
  async couponSlots(eventId = 'drop'): Promise<number[]> {
    return (await this.ledger.coupons(eventId, 0, 100_000)).map((coupon) => coupon.slot);
  }

  /** Codes by slot, as the organiser sees them. */
  async codes(eventId = 'drop'): Promise<[number, string][]> {
    return (await this.ledger.coupons(eventId, 0, 100_000)).map(({ slot, code }) => [slot, code]);
  }

  /** Statements of an operator with another tool. The gate's file can be had only while the engine is closed. */
  operate(file: StoreFile, sql: string): Record<string, SQLOutputValue>[] {
    using db = new DatabaseSync(this.pathOf(file));
    if (!sql.startsWith('SELECT')) {
      db.exec(sql);
      return [];
    }
    return db.prepare(sql).all();
  }

  /** Makes the ledger refuse these slots of `drop` for their own sake, until `unplant`. */
  plant(slots: readonly number[], eventId = 'drop'): void {
    this.operate(
      'ledger.db',
      `CREATE TRIGGER planted BEFORE INSERT ON coupons WHEN NEW.event_id = '${eventId}' AND NEW.slot IN (${slots.join()})
       BEGIN SELECT RAISE(ABORT, 'planted'); END`,
    );
  }

  unplant(): void {
    this.operate('ledger.db', 'DROP TRIGGER planted');
  }

  /** The file is gone, as with a disk that was replaced. Only while the engine is closed. */
  async lose(file: StoreFile): Promise<void> {
    for (const suffix of ['', '-wal', '-shm']) await rm(this.pathOf(file) + suffix, { force: true });
  }

  /** Copies a file away, as a backup does; `putBack` takes that copy. Only while the engine is closed. */
  async backUp(file: StoreFile): Promise<void> {
    await copyFile(this.pathOf(file), `${this.pathOf(file)}.copy`);
  }

  async putBack(file: StoreFile): Promise<void> {
    await this.lose(file);
    await copyFile(`${this.pathOf(file)}.copy`, this.pathOf(file));
  }

  pathOf(file: string): string {
    return join(this.#folder, file);
  }

  get #open(): { readonly dibs: Dibs; readonly gate: Gate; readonly ledger: Ledger } {
    return this.#engine ?? assert.fail('the engine is closed');
  }
}

/** A rig that is open, and taken down when the test ends. */
export async function openRig(t: TestContext, options: RigOptions = {}): Promise<Rig> {
  const folder = await mkdtemp(join(tmpdir(), 'dibs-engine-'));
  const rig = new Rig(folder);
  t.after(async () => {
    await rig.close();
    await rm(folder, { recursive: true });
  });
  await rig.open(options);
  return rig;
}

/** What a store does that is away. */
export const unavailable = (): Promise<never> => Promise.reject(new DibsError('unavailable', 'It is away.'));

/** `ledger` with another `issue`, which is not asked of probes that are rolled back. */
export const withIssue =
  (issue: (batch: IssueBatch, ledger: Ledger) => ReturnType<Ledger['issue']>) =>
  (ledger: Ledger): Ledger =>
    wrapLedger(ledger, {
      issue: async (batch) => (batch.to === null ? ledger.issue(batch) : issue(batch, ledger)),
    });
