import type { Win } from './win.ts';

/** A win as the ledger has issued it. */
export interface Coupon extends Win {
  /** 16 base32 characters, a keyed hash over the win, so that issuing twice is issuing once. */
  readonly code: string;
  /** By the ledger's clock, milliseconds since 1970. */
  readonly issuedAt: number;
}

/** A win with its code, on its way to the ledger. */
export interface NewCoupon extends Win {
  readonly eventId: string;
  readonly code: string;
}

/** `waiting` for the next attempt, `reissued` (the coupon stands in the ledger), or `discarded` by an operator. */
export const failedIssuanceStates = ['waiting', 'reissued', 'discarded'] as const;
export type FailedIssuanceState = (typeof failedIssuanceStates)[number];

/** A win that the ledger refused for a reason of its own, kept whole until it is reissued. */
export interface FailedIssuance {
  readonly id: number;
  readonly eventId: string | null;
  /** The slot that it holds; null for what holds none, because it is no win of its event or no record at all. */
  readonly slot: number | null;
  /** Null for a poison record, which names nobody that could be read. */
  readonly userId: string | null;
  /** The raw record as the log had it. */
  readonly record: string;
  /** What the ledger said last. */
  readonly error: string;
  readonly attempts: number;
  /** Milliseconds since 1970; null once nothing more will be tried. */
  readonly nextAttemptAt: number | null;
  readonly state: FailedIssuanceState;
  /** The operator's reason for discarding it. */
  readonly reason: string | null;
}
