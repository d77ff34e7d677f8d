import type { Coupon, FailedIssuance, FailedIssuanceState, NewCoupon } from './coupon.ts';
import type { EventPhase, EventSpec } from './event-spec.ts';
import type { IssueRate } from './issue-rate.ts';

/** An event as the ledger has it: its latest revision that has arrived. */
export interface LedgerEvent {
  readonly spec: EventSpec;
  readonly phase: EventPhase;
  readonly revision: number;
  readonly epoch: number;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** A win that the ledger refused for its own sake, to be kept. */
export interface NewFailure {
  readonly eventId: string | null;
  readonly slot: number | null;
  readonly userId: string | null;
  readonly record: string;
  readonly error: string;
  readonly nextAttemptAt: number;
}

/** An event that is served and issued no more, because the stores contradict each other; its records are kept as failures. */
export interface StoppedEvent {
  readonly eventId: string;
  readonly cause: string;
}

/** What is to be written in one transaction. */
export interface IssueBatch {
  readonly partition: string;
  /** The position that the ledger must be at; null where it must have none yet. */
  readonly from: string | null;
  /** The position that it moves to, by compare-and-set from `from`; null is a probe: all is tried, then rolled back whatever came of it. */
  readonly to: string | null;
  readonly events: readonly LedgerEvent[];
  readonly coupons: readonly NewCoupon[];
  readonly failures: readonly NewFailure[];
  /** Events to stop from here on; one that is stopped already keeps its first cause. */
  readonly stops: readonly StoppedEvent[];
  /** Holds the coupons of all workers to this rate; null: as fast as they come. A probe takes nothing of it. */
  readonly rate: IssueRate | null;
}

/** What became of a batch. Anything but `issued` has changed nothing. */
export type IssueOutcome =
  /** `repeats` of the coupons stood there already, the same. */
  | { readonly outcome: 'issued'; readonly repeats: number; readonly issuedAt: number }
  /** Somebody else has moved the position; go on from there. */
  | { readonly outcome: 'moved'; readonly position: string | null }
  /** The rate is used up for so long. */
  | { readonly outcome: 'throttled'; readonly waitMs: number }
  /** Another win stands where this one belongs. */
  | { readonly outcome: 'conflict'; readonly eventId: string; readonly slot: number; readonly message: string }
  /** The database refused a row for that row's own sake; which one is for the caller to find. */
  | { readonly outcome: 'refused'; readonly error: string };

/** How many of an event's wins are where. A slot that has a coupon counts as that coupon, whatever was kept beside it. */
export interface LedgerTotals {
  readonly issued: number;
  /** Failed issuances in state `waiting` that hold a slot. */
  readonly failed: number;
  readonly discarded: number;
  /** The greatest slot the ledger knows, in whatever table; 0 where none. */
  readonly lastSlot: number;
}

/** What an attempt to reissue, or an operator, made of a failed issuance. */
export type FailureChange =
  | { readonly state: 'waiting'; readonly error: string; readonly nextAttemptAt: number }
  /** `isNoWin`: it turned out that nobody has won what it keeps, so that it holds its slot no more. */
  | { readonly state: 'discarded'; readonly reason: string; readonly isNoWin?: boolean };

/** Which failed issuances to list: in order of their ids, or the longest due first where `dueAt` is given. */
export interface FailureQuery {
  readonly state?: FailedIssuanceState;
  /** Only those waiting and due at this time. */
  readonly dueAt?: number;
  readonly eventId?: string;
  readonly afterId: number;
  readonly limit: number;
}

/**
 * The relational database that holds coupons.
 * Errors of all methods: `unavailable`, or `unknown_outcome` where a transaction may have been committed (the same call
 * again tells).
 */
export interface Ledger {
  /** Which database it is: `sqlite`, `mysql`, `postgres`. */
  readonly kind: string;
  /** Brings the schema to this version, under a lock; gives the names of the migrations that were run. */
  migrate(): Promise<string[]>;
  /** Throws `store_not_migrated` when the schema is another, `unavailable` when it does not answer. */
  check(): Promise<void>;
  /** Writes an event unless a later revision stands. */
  putEvent(event: LedgerEvent): Promise<void>;
  event(eventId: string): Promise<LedgerEvent | null>;
  /** At most `limit` events in byte order of their ids, behind `after`. */
  events(after: string | null, limit: number): Promise<LedgerEvent[]>;
  /** How far a partition has been issued; null where nothing has. */
  position(partition: string): Promise<string | null>;
  /** Coupons, failures, event revisions and the position, in one transaction. */
  issue(batch: IssueBatch): Promise<IssueOutcome>;
  /** At most `limit` coupons in slot order behind slot `after`. */
  coupons(eventId: string, after: number, limit: number): Promise<Coupon[]>;
  couponsBySlot(eventId: string, slots: readonly number[]): Promise<Coupon[]>;
  /** Counts every row of the event: for who compares the stores, not for who asks often. */
  totals(eventId: string): Promise<LedgerTotals>;
  /** The greatest slot of the event that the ledger knows, in whatever table; 0 where none. Costs the same however many there are. */
  lastSlot(eventId: string): Promise<number>;
  failures(query: FailureQuery): Promise<FailedIssuance[]>;
  failure(id: number): Promise<FailedIssuance | null>;
  failuresBySlot(eventId: string, slots: readonly number[]): Promise<FailedIssuance[]>;
  /** Failed issuances of all events, by state. */
  failureTotals(): Promise<Record<FailedIssuanceState, number>>;
  /** Writes the coupon of a waiting failed issuance and marks it `reissued`, in one transaction; a repeat is harmless. */
  reissue(id: number, coupon: NewCoupon, rate: IssueRate | null): Promise<IssueOutcome>;
  /** Changes a waiting failed issuance, counting an attempt where it stays waiting; false where it no longer waits. */
  changeFailure(id: number, change: FailureChange): Promise<boolean>;
  /** All events that are stopped, in byte order of their ids. */
  stopped(): Promise<StoppedEvent[]>;
  /** Issues an event again that was stopped; what was kept of it meanwhile is due at once. */
  unstop(eventId: string): Promise<void>;
  close(): Promise<void>;
}
