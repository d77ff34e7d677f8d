import type {
  AuditReport,
  ClaimDecision,
  ClaimInput,
  ClaimView,
  CouponView,
  EventChange,
  EventView,
  FailedIssuanceView,
  Figures,
  NewEvent,
  Page,
  PageQuery,
  Readiness,
  RecoveryPlan,
} from './views.ts';
import type { FailedIssuanceState } from '../core/coupon.ts';

/** Which revision a change is meant for; another one is refused with `revision_mismatch`. */
export interface RevisionGuard {
  readonly ifRevision?: number;
}

/** What the engine tells whoever measures it; each call must be cheap and must not throw. */
export interface Observer {
  /** A batch of claims went to the gate. */
  admitted?(batchSize: number): void;
  /** A batch of wins was written to the ledger, in so many seconds. */
  issued?(coupons: number, seconds: number): void;
}

/**
 * The engine, as the library, the HTTP server and the tests use it. Every method throws `DibsError` where there is
 * trouble; `event_not_found` where an event is not there, `recovering` where it waits for recovery, `unavailable` or
 * `unknown_outcome` where a store does not answer.
 */
export interface Dibs {
  /** Creates an event, or gives the same one that stands (`created: false`). Throws `invalid_request`, `event_exists`. */
  createEvent(input: NewEvent): Promise<{ readonly event: EventView; readonly created: boolean }>;
  getEvent(eventId: string): Promise<EventView>;
  /** Events in byte order of their ids. */
  listEvents(query?: PageQuery): Promise<Page<EventView>>;
  /** Throws `invalid_request`, `closed`, `already_open`, `capacity_below_won`, `revision_mismatch`. */
  changeEvent(eventId: string, change: EventChange, guard?: RevisionGuard): Promise<EventView>;
  pauseEvent(eventId: string, guard?: RevisionGuard): Promise<EventView>;
  resumeEvent(eventId: string, guard?: RevisionGuard): Promise<EventView>;
  /** Closes for ever. */
  closeEvent(eventId: string, guard?: RevisionGuard): Promise<EventView>;

  /** One user's claim of one place. Throws `invalid_request`, `idempotency_key_required`, `overloaded`. */
  claim(input: ClaimInput): Promise<ClaimDecision>;
  /** A claim by its id; of `userId` alone where that is given. Throws `claim_not_found`. */
  getClaim(eventId: string, claimId: string, userId?: string): Promise<ClaimView>;
  /** All claims of one user that have won, in order of `nth`; at most `limitPerUser`. */
  listClaims(eventId: string, userId: string): Promise<Page<ClaimView>>;
  /** What has been issued, in slot order. */
  listCoupons(eventId: string, query?: PageQuery): Promise<Page<CouponView>>;
  /** Compares gate, log and ledger, slot by slot. */
  audit(eventId: string): Promise<AuditReport>;

  listFailedIssuances(query?: PageQuery & { readonly state?: FailedIssuanceState }): Promise<Page<FailedIssuanceView>>;
  /** Tries to issue a failed one now. Throws `failed_issuance_not_found`, `not_failed`, `reissue_refused`. */
  reissue(id: number): Promise<FailedIssuanceView>;
  /**
   * Gives a failed one up, for a reason of 1 to 500 characters: a win gets no coupon and stays counted; what the gate has given
   * to nobody holds no slot afterwards. Throws `failed_issuance_not_found`, `not_failed`, and `unavailable` where it must know
   * which it is and cannot.
   */
  discard(id: number, reason: string): Promise<FailedIssuanceView>;

  /** What the stores hold of an event, and what `recover` would do. Changes nothing. */
  recoveryPlan(eventId: string): Promise<RecoveryPlan>;
  /** Rebuilds the gate's event from the ledger. Throws `not_recovering`, `recovery_conflict`. */
  recover(eventId: string): Promise<EventView>;

  /** Whether claims can be decided now. */
  readiness(): Promise<Readiness>;
  figures(): Promise<Figures>;
  /** Answers what it has taken, stops issuing after the batch in hand, and closes the stores. */
  close(): Promise<void>;
}
