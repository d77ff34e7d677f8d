import type { NewCoupon } from '../core/coupon.ts';
import type { IssueRate } from '../core/issue-rate.ts';
import type { IssueBatch, IssueOutcome, Ledger, LedgerEvent, NewFailure, StoppedEvent } from '../core/ledger.ts';
import type { EventRecord, WinsRecord } from '../core/record.ts';
import type { Win } from '../core/win.ts';
import type { CouponMaker } from './coupon-code.ts';

/** A coupon that is to be written, and the raw record to keep should the ledger refuse it. */
export interface Issuable {
  readonly coupon: NewCoupon;
  readonly record: string;
}

/** What a piece of the log asks of the ledger. */
export interface Piece {
  readonly events: readonly LedgerEvent[];
  readonly coupons: readonly Issuable[];
  /** What is to be kept for a person: poison, and the wins of stopped events. */
  readonly failures: readonly NewFailure[];
  readonly stops: readonly StoppedEvent[];
}

/** An event record as the ledger keeps it. */
export const revisionOf = ({ spec, phase, revision, epoch, time }: EventRecord): LedgerEvent => ({
  spec,
  phase,
  revision,
  epoch,
  createdAt: time,
  updatedAt: time,
});

/** One win of a record, to be issued or kept. */
export class WinToIssue implements Issuable {
  readonly coupon: NewCoupon;
  readonly #origin: WinsRecord;
  readonly #win: Win;

  constructor(origin: WinsRecord, win: Win, couponOf: CouponMaker) {
    this.#origin = origin;
    this.#win = win;
    this.coupon = couponOf(origin.eventId, win);
  }

  // A failed win is kept as a record of its own. Written only when it is asked for: almost never.
  get record(): string {
    return JSON.stringify({ ...this.#origin, wins: [this.#win] } satisfies WinsRecord);
  }
}

/** A win as it is kept when it is not issued. */
export const failureOf = ({ coupon, record }: Issuable, error: string, nextAttemptAt: number): NewFailure => ({
  eventId: coupon.eventId,
  slot: coupon.slot,
  userId: coupon.userId,
  record,
  error,
  nextAttemptAt,
});

/** A coupon that the ledger refuses for its own sake, and what the ledger says. */
interface Refused {
  readonly issuable: Issuable;
  readonly error: string;
}

type Found =
  | { readonly good: readonly Issuable[]; readonly refused: readonly Refused[] }
  | { readonly outcome: IssueOutcome };

/**
 * Finds which coupons the ledger refuses for their own sake, by halves: probes that are rolled back, so that nothing is
 * written before everything is known. One refused row of 500 takes about 18 probes.
 */
async function findRefused(ledger: Ledger, batch: IssueBatch, candidates: readonly Issuable[]): Promise<Found> {
  if (candidates.length === 0) return { good: [], refused: [] };
  const probe = await ledger.issue({
    ...batch,
    to: null,
    coupons: candidates.map(({ coupon }) => coupon),
    failures: [],
    stops: [],
  });
  if (probe.outcome === 'issued') return { good: candidates, refused: [] };
  if (probe.outcome !== 'refused') return { outcome: probe };
  const [only] = candidates;
  if (candidates.length === 1 && only !== undefined)
    return { good: [], refused: [{ issuable: only, error: probe.error }] };
  const middle = candidates.length >>> 1;
  const left = await findRefused(ledger, batch, candidates.slice(0, middle));
  if ('outcome' in left) return left;
  const right = await findRefused(ledger, batch, candidates.slice(middle));
  if ('outcome' in right) return right;
  return { good: [...left.good, ...right.good], refused: [...left.refused, ...right.refused] };
}

/** What became of a piece of the log: `written` coupons, and `failed` that were refused and are kept. */
export type PieceOutcome = { readonly outcome: IssueOutcome; readonly written: number; readonly failed: number };

/** Where a piece stands in the log, and how fast it may be written. */
export interface Place {
  readonly partition: string;
  readonly from: string | null;
  readonly to: string;
  readonly rate: IssueRate | null;
}

/**
 * Writes one piece of the log in one transaction. Where the ledger refuses rows for their own sake, these go to
 * `failed_issuances` and all others are issued, in one transaction again.
 */
export async function issuePiece(
  ledger: Ledger,
  place: Place,
  piece: Piece,
  nextAttemptAt: () => number,
): Promise<PieceOutcome> {
  const coupons = piece.coupons.map(({ coupon }) => coupon);
  const batch: IssueBatch = { ...place, ...piece, coupons };
  const outcome = await ledger.issue(batch);
  if (outcome.outcome !== 'refused') return { outcome, written: newOf(outcome, coupons), failed: 0 };
  const found = await findRefused(ledger, batch, piece.coupons);
  if ('outcome' in found) return { outcome: found.outcome, written: 0, failed: 0 };
  const refused = found.refused.map(({ issuable, error }) => failureOf(issuable, error, nextAttemptAt()));
  const good = found.good.map(({ coupon }) => coupon);
  const settled = await ledger.issue({ ...batch, coupons: good, failures: [...piece.failures, ...refused] });
  return { outcome: settled, written: newOf(settled, good), failed: refused.length };
}

const newOf = (outcome: IssueOutcome, coupons: readonly NewCoupon[]): number =>
  outcome.outcome === 'issued' ? coupons.length - outcome.repeats : 0;
