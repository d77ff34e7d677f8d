import type { NewCoupon } from '../core/coupon.ts';
import type { LogRecord, WinsRecord } from '../core/record.ts';
import type { Win } from '../core/win.ts';
import type { IssueBatch, IssueOutcome, Ledger, LedgerEvent, NewFailure } from '../core/ledger.ts';
import type { CouponMaker } from './coupon-code.ts';

/** A coupon that is to be written, and the raw record to keep should the ledger refuse it. */
export interface Issuable {
  readonly coupon: NewCoupon;
  readonly record: string;
}

/** What a piece of the log asks of the ledger. */
export interface Issuables {
  readonly events: readonly LedgerEvent[];
  readonly coupons: readonly Issuable[];
}

/** Takes records apart into coupons and event revisions. */
export function issuablesOf(records: readonly LogRecord[], couponOf: CouponMaker): Issuables {
  const events: LedgerEvent[] = [];
  const coupons: Issuable[] = [];
  for (const record of records) {
    if (record.type === 'event') {
      const { spec, phase, revision, epoch, time } = record;
      events.push({ spec, phase, revision, epoch, createdAt: time, updatedAt: time });
      continue;
    }
    for (const win of record.wins) coupons.push(new WinToIssue(record, win, couponOf(record.eventId, win)));
  }
  return { events, coupons };
}

class WinToIssue implements Issuable {
  readonly coupon: NewCoupon;
  readonly #origin: WinsRecord;
  readonly #win: Win;

  constructor(origin: WinsRecord, win: Win, coupon: NewCoupon) {
    this.#origin = origin;
    this.#win = win;
    this.coupon = coupon;
  }

  // A failed win is kept as a record of its own. Written only when it is asked for: almost never.
  get record(): string {
    return JSON.stringify({ ...this.#origin, wins: [this.#win] } satisfies WinsRecord);
  }
}

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

/** What became of a piece of the log; `failed` of its coupons were refused and are kept. */
export type PieceOutcome = { readonly outcome: IssueOutcome; readonly failed: number };

/**
 * Writes one piece of the log in one transaction. Where the ledger refuses rows for their own sake, these go to
 * `failed_issuances` and all others are issued, in one transaction again.
 */
export async function issuePiece(
  ledger: Ledger,
  place: { readonly partition: string; readonly from: string | null; readonly to: string },
  issuables: Issuables,
  nextAttemptAt: () => number,
): Promise<PieceOutcome> {
  const batch: IssueBatch = {
    ...place,
    events: issuables.events,
    coupons: issuables.coupons.map(({ coupon }) => coupon),
    failures: [],
  };
  const outcome = await ledger.issue(batch);
  if (outcome.outcome !== 'refused') return { outcome, failed: 0 };
  const found = await findRefused(ledger, batch, issuables.coupons);
  if ('outcome' in found) return { outcome: found.outcome, failed: 0 };
  const failures = found.refused.map(({ issuable, error }): NewFailure => {
    const { eventId, slot, userId } = issuable.coupon;
    return { eventId, slot, userId, record: issuable.record, error, nextAttemptAt: nextAttemptAt() };
  });
  const coupons = found.good.map(({ coupon }) => coupon);
  return { outcome: await ledger.issue({ ...batch, coupons, failures }), failed: failures.length };
}
