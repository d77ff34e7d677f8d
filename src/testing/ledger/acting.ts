import assert from 'node:assert/strict';
import type { Coupon, NewCoupon } from '../../core/coupon.ts';
import type { IssueBatch, IssueOutcome, Ledger, LedgerEvent, NewFailure } from '../../core/ledger.ts';

const startAt = 1_790_000_000_000;

/** The coupon of a slot of event `drop`; its user and claim id come from the slot. */
export const couponOf = (slot: number, other: Partial<NewCoupon> = {}): NewCoupon => ({
  eventId: 'drop',
  slot,
  userId: `user-${slot}`,
  nth: 1,
  claimId: `${slot}-${slot.toString(16).padStart(12, '0')}`,
  key: `key-${slot}`,
  code: slot.toString(32).toUpperCase().padStart(16, 'A'),
  wonAt: startAt + slot,
  ...other,
});

/** A new coupon as it stands once it is issued. */
export function issuedAs(coupon: NewCoupon, issuedAt: number): Coupon {
  const { slot, userId, nth, claimId, key, wonAt, code } = coupon;
  return { slot, userId, nth, claimId, key, wonAt, code, issuedAt };
}

export const couponsOf = (from: number, to: number): NewCoupon[] =>
  Array.from({ length: to - from + 1 }, (_, index) => couponOf(from + index));

export const ledgerEvent = (revision: number, other: Partial<LedgerEvent> = {}): LedgerEvent => ({
  spec: { id: 'drop', name: 'Drop', capacity: 1000, limitPerUser: 2, opensAt: null, closesAt: startAt + 1e9 },
  phase: 'active',
  revision,
  epoch: 1,
  createdAt: startAt,
  updatedAt: startAt + revision,
  ...other,
});

/** The failed issuance of a slot of event `drop`, due 1,000 ms after its win's number. */
export const failureOf = (slot: number | null, other: Partial<NewFailure> = {}): NewFailure => ({
  eventId: 'drop',
  slot,
  userId: slot === null ? null : `user-${slot}`,
  record: JSON.stringify({ slot }),
  error: 'refused by a trigger',
  nextAttemptAt: startAt + 1000 * (slot ?? 0),
  ...other,
});

/** A batch of partition `drop` that moves it from nothing to `1-0`, and has nothing in it but what `other` says. */
export const batchOf = (other: Partial<IssueBatch>): IssueBatch => ({
  partition: 'drop',
  from: null,
  to: '1-0',
  events: [],
  coupons: [],
  failures: [],
  stops: [],
  rate: null,
  ...other,
});

/** Issues a batch that has to be issued, and gives how many of it stood there already. */
export async function issue(ledger: Ledger, batch: Partial<IssueBatch>): Promise<number> {
  const outcome = await ledger.issue(batchOf(batch));
  assert.equal(outcome.outcome, 'issued', JSON.stringify(outcome));
  return outcome.outcome === 'issued' ? outcome.repeats : 0;
}

/** The conflict that an outcome has to be, and that it names the coupon and says something of it. */
export function conflictAt(outcome: IssueOutcome, slot: number): void {
  const { message, ...rest } = outcome.outcome === 'conflict' ? outcome : assert.fail(JSON.stringify(outcome));
  assert.deepEqual(rest, { outcome: 'conflict', eventId: 'drop', slot });
  assert.match(message, /\S/);
}

/** Everything that can be seen of event `drop`, to be compared before and after. */
export const seen = async (ledger: Ledger) => ({
  event: await ledger.event('drop'),
  coupons: await ledger.coupons('drop', 0, 1000),
  failures: await ledger.failures({ afterId: 0, limit: 1000 }),
  failureTotals: await ledger.failureTotals(),
  totals: await ledger.totals('drop'),
  position: await ledger.position('drop'),
  stopped: await ledger.stopped(),
});

/** Runs `act`, after which everything must be as it was before. */
export async function unchangedBy<T>(ledger: Ledger, act: () => Promise<T>): Promise<T> {
  const before = await seen(ledger);
  const value = await act();
  assert.deepEqual(await seen(ledger), before, 'nothing may have changed');
  return value;
}
