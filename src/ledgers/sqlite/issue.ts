import type { NewCoupon } from '../../core/coupon.ts';
import { freshRate, type IssueRate, msUntilDue, refilled, taken } from '../../core/issue-rate.ts';
import type { IssueOutcome } from '../../core/ledger.ts';
import { sameWin } from '../../core/win.ts';
import { isKeyTaken, isRowRefusal } from '../../lib/sqlite.ts';
import type { Statements } from './statements.ts';

/** Thrown inside a transaction to roll it back and give `outcome` as what became of it. */
export class Stop extends Error {
  readonly outcome: IssueOutcome;

  constructor(outcome: IssueOutcome) {
    super(outcome.outcome);
    this.outcome = outcome;
  }
}

/** Runs a transaction and gives its outcome, or that of the `Stop` which ended it. */
export function attempt(run: () => IssueOutcome): IssueOutcome {
  try {
    return run();
  } catch (error) {
    if (error instanceof Stop) return error.outcome;
    throw error;
  }
}

/** As `writeCoupons`, held to a rate; repeats take nothing of it. Throws `Stop`. */
export function writeAtRate(
  sql: Statements,
  coupons: readonly NewCoupon[],
  rate: IssueRate | null,
  now: number,
): number {
  if (rate === null || coupons.length === 0) return writeCoupons(sql, coupons, now);
  const state = refilled(sql.rate.get() ?? freshRate(now), rate, now);
  const waitMs = msUntilDue(state, rate);
  if (waitMs > 0) throw new Stop({ outcome: 'throttled', waitMs });
  const repeats = writeCoupons(sql, coupons, now);
  const { tokens, filledAt } = taken(state, coupons.length - repeats);
  sql.putRate.run(tokens, filledAt);
  return repeats;
}

/** Writes coupons inside the caller's transaction and gives how many stood there already, the same. Throws `Stop`. */
export function writeCoupons(sql: Statements, coupons: readonly NewCoupon[], issuedAt: number): number {
  let repeats = 0;
  for (const coupon of coupons) {
    if (insert(sql, coupon, issuedAt)) continue;
    const standing = sql.couponBySlot.get(coupon.eventId, coupon.slot);
    if (standing === undefined || !sameWin(standing, coupon)) throw conflictAt(coupon, coupon.slot);
    repeats += 1;
  }
  return repeats;
}

function insert(sql: Statements, coupon: NewCoupon, issuedAt: number): boolean {
  const { eventId, slot, userId, nth, claimId, key, code, wonAt } = coupon;
  try {
    return sql.insertCoupon.run(eventId, slot, userId, nth, claimId, key, code, wonAt, issuedAt).changes === 1;
  } catch (error) {
    const standing = isKeyTaken(error) ? sql.couponOwner.get(eventId, userId, nth, claimId)?.slot : undefined;
    if (standing !== undefined) throw conflictAt(coupon, standing);
    // A key that none of ours explains is one of the organiser's own.
    if (isRowRefusal(error)) throw new Stop({ outcome: 'refused', error: (error as Error).message });
    throw error;
  }
}

function conflictAt({ eventId, slot, userId, nth, claimId }: NewCoupon, standing: number): Stop {
  const message = `slot ${slot} (${claimId}, win ${nth} of ${userId}) contradicts the coupon that stands at slot ${standing}`;
  return new Stop({ outcome: 'conflict', eventId, slot, message });
}
