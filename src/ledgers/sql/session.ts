import type { Coupon, FailedIssuance, FailedIssuanceState } from '../../core/coupon.ts';
import type { EventPhase } from '../../core/event-spec.ts';
import type { RateState } from '../../core/issue-rate.ts';
import type { LedgerTotals, StoppedEvent } from '../../core/ledger.ts';

/** A row of `events`. */
export interface EventRow {
  readonly eventId: string;
  readonly spec: string;
  readonly state: EventPhase;
  readonly revision: number;
  readonly epoch: number;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** A coupon that stands, as far as another win can contradict it. */
export type StandingCoupon = Pick<Coupon, 'slot' | 'userId' | 'nth' | 'claimId'>;

/**
 * The statements that read, and the rows that each gives. Every statement is a file of its own in the folder of each
 * database, by this name and with the same parameters.
 */
export interface Reads {
  readonly 'applied-migrations': { readonly name: string };
  readonly 'coupons-after': Coupon;
  readonly 'coupons-by-slot': Coupon;
  readonly 'event-by-id': EventRow;
  readonly 'events-after': EventRow;
  readonly 'failure-by-id': FailedIssuance;
  readonly 'failure-totals': { readonly state: FailedIssuanceState; readonly count: number };
  readonly failures: FailedIssuance;
  readonly 'failures-by-slot': FailedIssuance;
  readonly 'failures-due': FailedIssuance;
  readonly 'last-slot': { readonly lastSlot: number };
  readonly 'lock-failure': { readonly state: FailedIssuanceState };
  readonly 'lock-rate': RateState;
  readonly now: { readonly now: number };
  readonly position: { readonly position: string };
  readonly 'standing-coupons': StandingCoupon;
  readonly 'stopped-events': StoppedEvent;
  readonly totals: LedgerTotals;
}

/** The statements that change one row, or none. */
export type Change =
  | 'insert-position'
  | 'insert-rate'
  | 'move-position'
  | 'postpone-failure'
  | 'put-event'
  | 'put-rate'
  | 'settle-failure'
  | 'unstop-event'
  | 'make-due';

/** The statements that insert many rows at once, and pass over those whose key is taken. */
export type Insert = 'insert-coupons' | 'insert-failures' | 'insert-stops';

/** What a column takes. */
export type SqlValue = string | number | null;
/** What a statement takes: values, and lists of them where it says so. */
export type SqlParameter = SqlValue | readonly SqlValue[];
/** The columns of a row, in the order that the statement names. */
export type SqlRow = readonly SqlValue[];

/**
 * One connection to a database, which its driver has set up: it reads what is committed, refuses what does not fit, and waits
 * for no lock for long. One call at a time; what the client library or the server complains of is thrown as it is.
 */
export interface SqlSession {
  /** False once it is broken or ended. */
  readonly isOpen: boolean;
  read<Name extends keyof Reads>(name: Name, values: readonly SqlParameter[]): Promise<Reads[Name][]>;
  /** Gives how many rows were changed. */
  change(name: Change, values: readonly SqlValue[]): Promise<number>;
  /** Gives how many rows were inserted. */
  insert(name: Insert, rows: readonly SqlRow[]): Promise<number>;
  begin(): Promise<void>;
  /** Resolves once it is committed, and not where the server answers that it has rolled back instead. */
  commit(): Promise<void>;
  rollback(): Promise<void>;
  /** Cuts it; what it is doing fails at once. */
  destroy(): void;
  /** Takes leave of the server. */
  end(): Promise<void>;
}

/**
 * What an error means. `row`: the database refuses a row for that row's own sake. `key`: so, and because a unique key is taken.
 * `rolled_back`: the server says that it has rolled back. `not_migrated`: a table or column is not there. `lost`: the
 * connection broke, or could not be made. `other`: whatever else the server complains of.
 */
export type Fault = 'row' | 'key' | 'rolled_back' | 'not_migrated' | 'lost' | 'other';

/** What the ledger needs of one kind of database. */
export interface SqlDriver<Session extends SqlSession = SqlSession> {
  /** `mysql` or `postgres`. */
  readonly kind: string;
  /** Where the database is, for messages: host, port and name; nothing secret. */
  readonly place: string;
  /** Opens a connection and sets it up, or gives up after `timeoutMs`. Throws `store_unfit` where its commits are not durable. */
  open(timeoutMs: number): Promise<Session>;
  faultOf(error: unknown): Fault;
  /** The names of all migrations of this version, in order. */
  readonly migrations: readonly string[];
  /** Runs those that are missing, under a lock, and gives their names. */
  migrate(session: Session): Promise<string[]>;
}
