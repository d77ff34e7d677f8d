import type { DatabaseSync } from 'node:sqlite';
import type { Clock } from '../../core/clock.ts';
import type { Coupon, FailedIssuance, FailedIssuanceState, NewCoupon } from '../../core/coupon.ts';
import { DibsError } from '../../core/errors.ts';
import type { IssueRate } from '../../core/issue-rate.ts';
import type {
  FailureChange,
  FailureQuery,
  IssueBatch,
  IssueOutcome,
  Ledger,
  LedgerEvent,
  LedgerTotals,
  StoppedEvent,
} from '../../core/ledger.ts';
import { readMigrations } from '../../lib/sql-file.ts';
import {
  assertDurable,
  checkMigrated,
  isStoreFailure,
  migrateSqlite,
  openSqlite,
  sqliteTrouble,
  transact,
} from '../../lib/sqlite.ts';
import { attempt, Stop, writeAtRate } from './issue.ts';
import { eventOf, prepareStatements, type Statements } from './statements.ts';

/** Where the ledger lives and which clock dates its coupons. */
export interface SqliteLedgerOptions {
  /** The file; its folder must exist. */
  readonly path: string;
  readonly clock: Clock;
}

// Long enough for somebody's look with another tool; longer would hold up the claims of this process.
const busyTimeoutMs = 100;

/**
 * Opens the ledger of one machine: one SQLite file, which other tools may read meanwhile. Its schema is not touched; see
 * `migrate`. Throws `store_locked`, `store_unfit`, `unavailable`.
 */
export async function openSqliteLedger(options: SqliteLedgerOptions): Promise<Ledger> {
  const db = openSqlite({ path: options.path, exclusive: false, busyTimeoutMs });
  return new SqliteLedger(db, options);
}

class SqliteLedger implements Ledger {
  readonly kind = 'sqlite';
  readonly #db: DatabaseSync;
  readonly #path: string;
  readonly #clock: Clock;
  readonly #migrations = readMigrations(import.meta.url, 'migrations');
  #statements: Statements | null = null;
  #broken: DibsError | null = null;
  /** What the last write met; null once one has succeeded. */
  #writeTrouble: DibsError | null = null;

  constructor(db: DatabaseSync, options: SqliteLedgerOptions) {
    this.#db = db;
    this.#path = options.path;
    this.#clock = options.clock;
  }

  async migrate(): Promise<string[]> {
    return this.#guard(() => {
      const names = migrateSqlite(this.#db, this.#migrations, this.#clock.now());
      assertDurable(this.#db, { path: this.#path, exclusive: false, busyTimeoutMs });
      return names;
    });
  }

  async check(): Promise<void> {
    this.#guard(() => {
      checkMigrated(this.#db, this.#migrations);
      // Reads succeed while another program holds the write lock. The issuer tries again by itself, and its success is the answer.
      if (this.#writeTrouble !== null) throw this.#writeTrouble;
    });
  }

  async putEvent(event: LedgerEvent): Promise<void> {
    this.#guard(() => this.#commit(() => this.#putEvent(event)));
  }

  async event(eventId: string): Promise<LedgerEvent | null> {
    return this.#guard(() => {
      const row = this.#sql.eventById.get(eventId);
      return row === undefined ? null : eventOf(row);
    });
  }

  async events(after: string | null, limit: number): Promise<LedgerEvent[]> {
    return this.#guard(() => this.#sql.eventsAfter.all(after ?? '', limit).map(eventOf));
  }

  async position(partition: string): Promise<string | null> {
    return this.#guard(() => this.#sql.position.get(partition)?.position ?? null);
  }

  async issue(batch: IssueBatch): Promise<IssueOutcome> {
    return this.#attempt(() => {
      const now = this.#clock.now();
      const position = this.#sql.position.get(batch.partition)?.position ?? null;
      if (position !== batch.from) throw new Stop({ outcome: 'moved', position });
      for (const event of batch.events) this.#putEvent(event);
      const repeats = writeAtRate(this.#sql, batch.coupons, batch.to === null ? null : batch.rate, now);
      for (const { eventId, slot, userId, record, error, nextAttemptAt } of batch.failures) {
        this.#sql.insertFailure.run(eventId, slot, userId, record, error, nextAttemptAt);
      }
      for (const { eventId, cause } of batch.stops) this.#sql.stopEvent.run(eventId, cause, now);
      if (batch.to === null) throw new Stop({ outcome: 'issued', repeats, issuedAt: now });
      this.#sql.movePosition.run(batch.partition, batch.to, now);
      return { outcome: 'issued', repeats, issuedAt: now };
    });
  }

  async coupons(eventId: string, after: number, limit: number): Promise<Coupon[]> {
    return this.#guard(() => this.#sql.couponsAfter.all(eventId, after, limit).map((row) => ({ ...row })));
  }

  async couponsBySlot(eventId: string, slots: readonly number[]): Promise<Coupon[]> {
    return this.#guard(() =>
      slots.flatMap((slot) => this.#sql.couponBySlot.all(eventId, slot)).map((row) => ({ ...row })),
    );
  }

  async totals(eventId: string): Promise<LedgerTotals> {
    return this.#guard(() => ({ issued: 0, failed: 0, discarded: 0, lastSlot: 0, ...this.#sql.totals.get(eventId) }));
  }

  async lastSlot(eventId: string): Promise<number> {
    return this.#guard(() => this.#sql.lastSlot.get(eventId)?.lastSlot ?? 0);
  }

  async failures({ state, dueAt, eventId, afterId, limit }: FailureQuery): Promise<FailedIssuance[]> {
    return this.#guard(() => {
      const { failures, failuresDue } = this.#sql;
      const rows =
        dueAt === undefined
          ? failures.all(afterId, state ?? null, eventId ?? null, limit)
          : failuresDue.all(dueAt, limit);
      return rows.map((row) => ({ ...row }));
    });
  }

  async failure(id: number): Promise<FailedIssuance | null> {
    return this.#guard(() => {
      const row = this.#sql.failureById.get(id);
      return row === undefined ? null : { ...row };
    });
  }

  async failuresBySlot(eventId: string, slots: readonly number[]): Promise<FailedIssuance[]> {
    return this.#guard(() =>
      slots.flatMap((slot) => this.#sql.failureBySlot.all(eventId, slot)).map((row) => ({ ...row })),
    );
  }

  async failureTotals(): Promise<Record<FailedIssuanceState, number>> {
    return this.#guard(() => {
      const totals = { waiting: 0, reissued: 0, discarded: 0 };
      for (const { state, count } of this.#sql.failureTotals.all()) totals[state] = count;
      return totals;
    });
  }

  async reissue(id: number, coupon: NewCoupon, rate: IssueRate | null): Promise<IssueOutcome> {
    return this.#attempt(() => {
      const state = this.#sql.failureById.get(id)?.state;
      // Discarded since it was read: a coupon as well would count its win twice.
      if (state !== 'waiting' && state !== 'reissued')
        throw new Stop({ outcome: 'refused', error: 'It waits no longer.' });
      const issuedAt = this.#clock.now();
      const repeats = writeAtRate(this.#sql, [coupon], rate, issuedAt);
      this.#sql.settleFailure.run(id, 'reissued', null, 0);
      return { outcome: 'issued', repeats, issuedAt };
    });
  }

  async changeFailure(id: number, change: FailureChange): Promise<boolean> {
    return this.#guard(() =>
      this.#commit(() => {
        const { changes } =
          change.state === 'waiting'
            ? this.#sql.postponeFailure.run(id, change.error, change.nextAttemptAt)
            : this.#sql.settleFailure.run(id, change.state, change.reason, Number(change.isNoWin ?? false));
        return changes === 1;
      }),
    );
  }

  async stopped(): Promise<StoppedEvent[]> {
    return this.#guard(() => this.#sql.stoppedEvents.all().map((row) => ({ ...row })));
  }

  async unstop(eventId: string): Promise<void> {
    this.#guard(() =>
      this.#commit(() => {
        this.#sql.unstopEvent.run(eventId);
        this.#sql.makeDue.run(eventId);
      }),
    );
  }

  async close(): Promise<void> {
    if (!this.#db.isOpen) return;
    this.#broken ??= new DibsError('unavailable', `${this.#path} is closed.`);
    this.#db.close();
  }

  // Prepared at first use: before `migrate` there are no tables to prepare for.
  get #sql(): Statements {
    if (this.#statements === null) {
      checkMigrated(this.#db, this.#migrations);
      this.#statements = prepareStatements(this.#db);
    }
    return this.#statements;
  }

  #putEvent({ spec, phase, revision, epoch, createdAt, updatedAt }: LedgerEvent): void {
    this.#sql.putEvent.run(spec.id, JSON.stringify(spec), phase, revision, epoch, createdAt, updatedAt);
  }

  #attempt(act: () => IssueOutcome): IssueOutcome {
    return this.#guard(() => attempt(() => this.#commit(act)));
  }

  #commit<T>(act: () => T): T {
    try {
      const outcome = transact(this.#db, act);
      this.#writeTrouble = null;
      return outcome;
    } catch (error) {
      if (error instanceof Stop) throw error;
      if (!isStoreFailure(error)) throw (this.#writeTrouble = sqliteTrouble(error, this.#path));
      // After an I/O error nobody knows what a file holds: the ledger stops for good.
      this.#broken = new DibsError('unavailable', `${this.#path} failed; check the disk, then start anew.`, {
        cause: error,
      });
      throw new DibsError('unknown_outcome', undefined, { cause: error });
    }
  }

  #guard<T>(act: () => T): T {
    if (this.#broken !== null) throw this.#broken;
    try {
      return act();
    } catch (error) {
      throw sqliteTrouble(error, this.#path);
    }
  }
}
