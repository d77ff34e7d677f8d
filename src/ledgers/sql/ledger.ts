import type { Coupon, FailedIssuance, FailedIssuanceState, NewCoupon } from '../../core/coupon.ts';
import { DibsError } from '../../core/errors.ts';
import type { EventSpec } from '../../core/event-spec.ts';
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
import { firstFault, readStanding } from './conflicts.ts';
import { missingMigrations } from './migrations.ts';
import type { EventRow, SqlDriver, SqlSession } from './session.ts';
import { attempt, Stop } from './stop.ts';
import { kept, keepable } from './text.ts';
import { Rollback, type TransactionOptions, Transactions } from './transactions.ts';
import {
  claimPosition,
  CouponsRefused,
  dueRate,
  keepFailures,
  keepRate,
  lockRate,
  putEvents,
  readNow,
  stopEvents,
  writeCoupons,
} from './writing.ts';

/** A ledger in a database server, whichever it is: what is particular to one is in its driver and its statements. */
export class SqlLedger<Session extends SqlSession> implements Ledger {
  readonly kind: string;
  readonly #driver: SqlDriver<Session>;
  readonly #transactions: Transactions<Session>;
  /** Whether the last write that was tried has succeeded. */
  #writes = false;

  constructor(driver: SqlDriver<Session>, options: TransactionOptions) {
    this.kind = driver.kind;
    this.#driver = driver;
    this.#transactions = new Transactions(driver, options);
  }

  async migrate(): Promise<string[]> {
    return await this.#transactions.migrate();
  }

  async check(): Promise<void> {
    const applied = await this.#applied();
    const missing = missingMigrations(applied, this.#driver.migrations);
    if (missing.length > 0) {
      const text = `${this.#transactions.name} lacks ${missing.join(', ')} in its schema.`;
      throw new DibsError('store_not_migrated', text);
    }
    // Reading goes on where a server is read-only, and there may be nothing to write that would show it.
    if (!this.#writes) await this.#probe();
  }

  async putEvent(event: LedgerEvent): Promise<void> {
    await this.#write((session) => putEvents(session, [event]));
  }

  async event(eventId: string): Promise<LedgerEvent | null> {
    const [row] = await this.#transactions.read((session) => session.read('event-by-id', [eventId]));
    return row === undefined ? null : eventOf(row);
  }

  async events(after: string | null, limit: number): Promise<LedgerEvent[]> {
    const rows = await this.#transactions.read((session) => session.read('events-after', [after ?? '', limit]));
    return rows.map(eventOf);
  }

  async position(partition: string): Promise<string | null> {
    const [row] = await this.#transactions.read((session) => session.read('position', [partition]));
    return row?.position ?? null;
  }

  async issue(batch: IssueBatch): Promise<IssueOutcome> {
    return await this.#issue(batch.coupons, async (session) => {
      // Locks are taken in one order by all: the position, the rate, then rows.
      await claimPosition(session, batch);
      const rate = batch.to === null || batch.coupons.length === 0 ? null : batch.rate;
      const standing = rate === null ? null : await lockRate(session);
      const now = await readNow(session);
      const due = rate === null || standing === null ? null : dueRate(standing, rate, now);
      await putEvents(session, batch.events);
      const repeats = await this.#writeCoupons(session, batch.coupons, now);
      await keepFailures(session, batch.failures);
      await stopEvents(session, batch.stops, now);
      const outcome: IssueOutcome = { outcome: 'issued', repeats, issuedAt: now };
      if (batch.to === null) throw new Stop(outcome);
      if (due !== null) await keepRate(session, due, batch.coupons.length - repeats);
      return outcome;
    });
  }

  async coupons(eventId: string, after: number, limit: number): Promise<Coupon[]> {
    return await this.#transactions.read((session) => session.read('coupons-after', [eventId, after, limit]));
  }

  async couponsBySlot(eventId: string, slots: readonly number[]): Promise<Coupon[]> {
    if (slots.length === 0) return [];
    return await this.#transactions.read((session) => session.read('coupons-by-slot', [eventId, slots]));
  }

  async totals(eventId: string): Promise<LedgerTotals> {
    const [row] = await this.#transactions.read((session) => session.read('totals', [eventId]));
    return row ?? { issued: 0, failed: 0, discarded: 0, lastSlot: 0 };
  }

  async lastSlot(eventId: string): Promise<number> {
    const [row] = await this.#transactions.read((session) => session.read('last-slot', [eventId]));
    return row?.lastSlot ?? 0;
  }

  async failures({ state, dueAt, eventId, afterId, limit }: FailureQuery): Promise<FailedIssuance[]> {
    const rows = await this.#transactions.read((session) =>
      dueAt === undefined
        ? session.read('failures', [afterId, state ?? null, eventId ?? null, limit])
        : session.read('failures-due', [dueAt, limit]),
    );
    return rows.map(failureOf);
  }

  async failure(id: number): Promise<FailedIssuance | null> {
    const [row] = await this.#transactions.read((session) => session.read('failure-by-id', [id]));
    return row === undefined ? null : failureOf(row);
  }

  async failuresBySlot(eventId: string, slots: readonly number[]): Promise<FailedIssuance[]> {
    if (slots.length === 0) return [];
    const rows = await this.#transactions.read((session) => session.read('failures-by-slot', [eventId, slots]));
    return rows.map(failureOf);
  }

  async failureTotals(): Promise<Record<FailedIssuanceState, number>> {
    const totals = { waiting: 0, reissued: 0, discarded: 0 };
    const rows = await this.#transactions.read((session) => session.read('failure-totals', []));
    for (const { state, count } of rows) totals[state] = count;
    return totals;
  }

  async reissue(id: number, coupon: NewCoupon, rate: IssueRate | null): Promise<IssueOutcome> {
    return await this.#issue([coupon], async (session) => {
      const standing = rate === null ? null : await lockRate(session);
      const [failure] = await session.read('lock-failure', [id]);
      // Discarded since it was read: a coupon as well would count its win twice.
      if (failure?.state !== 'waiting' && failure?.state !== 'reissued')
        throw new Stop({ outcome: 'refused', error: 'It waits no longer.' });
      const now = await readNow(session);
      const due = rate === null || standing === null ? null : dueRate(standing, rate, now);
      const repeats = await this.#writeCoupons(session, [coupon], now);
      await session.change('settle-failure', [id, 'reissued', null, 0]);
      if (due !== null) await keepRate(session, due, 1 - repeats);
      return { outcome: 'issued', repeats, issuedAt: now };
    });
  }

  async changeFailure(id: number, change: FailureChange): Promise<boolean> {
    const changed = await this.#write((session) =>
      change.state === 'waiting'
        ? session.change('postpone-failure', [id, keepable(change.error), change.nextAttemptAt])
        : session.change('settle-failure', [
            id,
            change.state,
            keepable(change.reason),
            Number(change.isNoWin ?? false),
          ]),
    );
    return changed === 1;
  }

  async stopped(): Promise<StoppedEvent[]> {
    const rows = await this.#transactions.read((session) => session.read('stopped-events', []));
    return rows.map(({ eventId, cause }) => ({ eventId, cause: kept(cause) }));
  }

  async unstop(eventId: string): Promise<void> {
    await this.#write(async (session) => {
      await session.change('unstop-event', [eventId]);
      return session.change('make-due', [eventId]);
    });
  }

  async close(): Promise<void> {
    await this.#transactions.close();
  }

  async #applied(): Promise<string[]> {
    try {
      const rows = await this.#transactions.read((session) => session.read('applied-migrations', []));
      return rows.map(({ name }) => name);
    } catch (error) {
      // No table of migrations: none was run.
      if (error instanceof DibsError && error.code === 'store_not_migrated') return [];
      throw error;
    }
  }

  /** Tries a write that is rolled back. */
  async #probe(): Promise<void> {
    const probe = { partition: '', from: null, to: null, events: [], coupons: [], failures: [], stops: [], rate: null };
    await this.issue(probe);
  }

  /** Writes coupons in a transaction, and finds the meaning of what the database refuses of them. */
  async #issue(coupons: readonly NewCoupon[], act: (session: Session) => Promise<IssueOutcome>): Promise<IssueOutcome> {
    return await attempt(async () => {
      try {
        return await this.#write(act);
      } catch (error) {
        if (!(error instanceof CouponsRefused)) throw error;
        const refused: IssueOutcome = { outcome: 'refused', error: error.message };
        // Asked once all is rolled back: PostgreSQL answers nothing more in a transaction that has failed.
        return error.isKey ? ((await this.#conflictOf(coupons)) ?? refused) : refused;
      }
    });
  }

  async #conflictOf(coupons: readonly NewCoupon[]): Promise<IssueOutcome | null> {
    const standing = await this.#transactions.read((session) => readStanding(session, coupons));
    return firstFault(coupons, standing);
  }

  async #writeCoupons(session: Session, coupons: readonly NewCoupon[], now: number): Promise<number> {
    return await writeCoupons(session, coupons, now, (error) => this.#driver.faultOf(error));
  }

  async #write<T>(act: (session: Session) => Promise<T>): Promise<T> {
    try {
      const value = await this.#transactions.write(act);
      this.#writes = true;
      return value;
    } catch (error) {
      this.#writes = error instanceof Rollback;
      throw error;
    }
  }
}

const eventOf = (row: EventRow): LedgerEvent => ({
  spec: JSON.parse(row.spec) as EventSpec,
  phase: row.state,
  revision: row.revision,
  epoch: row.epoch,
  createdAt: row.createdAt,
  updatedAt: row.updatedAt,
});

const failureOf = (row: FailedIssuance): FailedIssuance => ({
  ...row,
  record: kept(row.record),
  error: kept(row.error),
  reason: row.reason === null ? null : kept(row.reason),
});
