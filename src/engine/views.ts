import type { RejectionReason } from '../core/decision.ts';
import type { FailedIssuanceState } from '../core/coupon.ts';
import type { EventState } from '../core/event-spec.ts';
import type { Finding } from '../core/invariants.ts';

/** A moment as a caller may write it: a Date, or RFC 3339 text with a zone. */
export type TimeInput = Date | string;

/** What an organiser says of a new event. */
export interface NewEvent {
  /** 1 to 64 of `A-Z a-z 0-9 _ - .`, the first a letter or digit; made up where absent. */
  readonly id?: string;
  readonly name: string;
  /** 1 to 10,000,000. */
  readonly capacity: number;
  /** 1 to 100; 1 where absent. */
  readonly limitPerUser?: number;
  readonly opensAt?: TimeInput | null;
  readonly closesAt?: TimeInput | null;
}

/** What may be changed of an event; what is absent stays, null takes a time away. */
export interface EventChange {
  readonly name?: string;
  readonly capacity?: number;
  readonly opensAt?: TimeInput | null;
  readonly closesAt?: TimeInput | null;
}

/** An event as anyone may see it. `JSON.stringify` writes the times as the HTTP API does. */
export interface EventView {
  readonly id: string;
  readonly name: string;
  readonly state: EventState;
  readonly capacity: number;
  readonly won: number;
  readonly remaining: number;
  readonly limitPerUser: number;
  readonly opensAt: Date | null;
  readonly closesAt: Date | null;
  readonly revision: number;
  /** By the gate's clock, which opens and closes the event. */
  readonly serverTime: Date;
}

/** `won` until the ledger has it, then `issued`; or `discarded` by an operator, with a reason. */
export const claimStatuses = ['won', 'issued', 'discarded'] as const;
export type ClaimStatus = (typeof claimStatuses)[number];

/** A claim that has won. */
export interface ClaimView {
  readonly id: string;
  readonly eventId: string;
  readonly userId: string;
  readonly slot: number;
  readonly nth: number;
  readonly status: ClaimStatus;
  readonly wonAt: Date;
  /** Null until issued. */
  readonly code: string | null;
  readonly issuedAt: Date | null;
}

/** What an event answers to a claim; a refusal is a value, trouble is thrown as `DibsError`. */
export type ClaimDecision =
  | { readonly outcome: 'won'; readonly replayed: boolean; readonly claim: ClaimView }
  | {
      readonly outcome: 'rejected';
      readonly reason: RejectionReason;
      /** When the event opens where the reason is `not_open`, else null. */
      readonly opensAt: Date | null;
      /** The user's claims where the reason is `limit_reached`, else empty. */
      readonly claims: readonly ClaimView[];
    };

/** A claim as a caller makes it. */
export interface ClaimInput {
  readonly eventId: string;
  /** 1 to 128 printable ASCII characters without space. */
  readonly userId: string;
  /** The idempotency key: needed where `limitPerUser` is above 1. The same key again is the same claim. */
  readonly key?: string | null;
}

/** A coupon as the organiser sees it. */
export interface CouponView {
  readonly slot: number;
  readonly userId: string;
  readonly nth: number;
  readonly claimId: string;
  readonly code: string;
  readonly wonAt: Date;
  readonly issuedAt: Date;
}

/** A failed issuance as the operator sees it. */
export interface FailedIssuanceView {
  readonly id: number;
  readonly eventId: string | null;
  readonly slot: number | null;
  readonly userId: string | null;
  readonly record: string;
  readonly error: string;
  readonly attempts: number;
  readonly nextAttemptAt: Date | null;
  readonly state: FailedIssuanceState;
  readonly reason: string | null;
}

/** What an audit found: gate, log and ledger compared slot by slot. `won = issued + unissued + failed + discarded`. */
export interface AuditReport {
  /** True when there are no findings; wins that wait to be issued are none. */
  readonly ok: boolean;
  readonly capacity: number;
  readonly won: number;
  /** How many wins the log carries, or has carried to the ledger. */
  readonly logged: number;
  readonly issued: number;
  readonly unissued: number;
  readonly failed: number;
  readonly discarded: number;
  readonly findings: readonly Finding[];
}

/** Wins that a store holds: how many, and the greatest slot among them, 0 where there are none. */
export interface HeldWins {
  readonly wins: number;
  readonly lastSlot: number;
}

/** What `recover` would do to an event, and what each store holds of it. */
export interface RecoveryPlan {
  readonly eventId: string;
  /** False when the event is served and nothing need be done. */
  readonly needed: boolean;
  /** Why the event waits, in a sentence. */
  readonly cause: string;
  readonly gate: { readonly won: number; readonly revision: number } | null;
  /** The wins that are left in the gate's outbox; null where they were not looked at, since nothing need be done. */
  readonly outbox: HeldWins | null;
  /** What the log holds behind the ledger's position; null where it is the gate's own outbox, or was not looked at. */
  readonly log: (HeldWins & { readonly revision: number }) | null;
  readonly ledger: {
    readonly won: number;
    readonly revision: number;
    readonly issued: number;
    readonly failed: number;
    readonly discarded: number;
  };
  /** The event as it would be served afterwards. */
  readonly after: { readonly won: number; readonly remaining: number; readonly nextSlot: number };
  /** What no store can bring back, in a sentence. */
  readonly lost: string;
  /** Contradictions; where there is one, `recover` refuses with `recovery_conflict`. */
  readonly findings: readonly Finding[];
}

/** One piece of a list; `nextCursor` is null at its end. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
}

/** Which piece of a list: `limit` 1 to 1000, 100 where absent; `cursor` as the piece before gave it. */
export interface PageQuery {
  readonly cursor?: string;
  readonly limit?: number;
}

/** Live figures of one event; `unissued` and its age are as of the issuer's last look. */
export interface EventFigures {
  readonly eventId: string;
  readonly state: EventState;
  readonly capacity: number;
  readonly won: number;
  readonly unissued: number;
  /** Seconds since the oldest win not yet issued was won; 0 where none waits. */
  readonly oldestUnissuedSeconds: number;
  /** Claims by what became of them since this process started: `won`, `replayed`, and the rejection reasons. */
  readonly claims: Readonly<Record<string, number>>;
}

/** Live figures of this process; counts are since its start. */
export interface Figures {
  readonly at: Date;
  readonly events: readonly EventFigures[];
  /** How many events are not served: they wait for recovery, or are stopped. */
  readonly recovering: number;
  /** Claims that wait for their decision now. */
  readonly queueDepth: number;
  readonly issued: number;
  readonly failedIssuances: Readonly<Record<FailedIssuanceState, number>>;
  /** About how many records of each log partition that this process issues are not in the ledger yet. */
  readonly logLags: readonly { readonly partition: string; readonly records: number }[];
  /** Whether each store answered when it was last asked. */
  readonly stores: readonly { readonly store: string; readonly up: boolean; readonly message: string | null }[];
}

/** Whether claims can be decided, and what is missing: for all events where they cannot, else for some of them. */
export interface Readiness {
  readonly ready: boolean;
  readonly missing: readonly { readonly store: string; readonly message: string }[];
}
