/** What contradicts what stands, and what only repeats it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { NewCoupon } from '../../../src/core/coupon.ts';
import { firstFault, firstMissing, type Standing } from '../../../src/ledgers/sql/conflicts.ts';
import { couponOf, couponsOf } from '../../../src/testing/ledger/acting.ts';

const standing = (...coupons: NewCoupon[]): Standing => Map.groupBy(coupons, (coupon) => coupon.eventId);
const faultAt = (coupons: NewCoupon[], there: Standing): number | null => {
  const fault = firstFault(coupons, there);
  return fault?.outcome === 'conflict' ? fault.slot : null;
};

describe('what contradicts what stands', () => {
  it('is nothing where the same stands, or nothing does', () => {
    assert.equal(faultAt(couponsOf(1, 3), standing()), null);
    assert.equal(faultAt(couponsOf(1, 3), standing(couponOf(2))), null);
    assert.equal(faultAt([couponOf(1), couponOf(1)], standing()), null);
  });

  it('is the first in their order, named with what stands', () => {
    const there = standing(couponOf(2), couponOf(9, { userId: 'user-3' }));
    const bad = couponOf(2, { userId: 'mallory', claimId: 'other' });
    assert.equal(faultAt([couponOf(1), bad, couponOf(3)], there), 2);
    assert.equal(faultAt([couponOf(1), couponOf(3), bad], there), 3);
    const fault = firstFault([couponOf(3)], there);
    assert.match(fault?.outcome === 'conflict' ? fault.message : '', /slot 3 .* win 1 of user-3\) .* slot 9/);
  });

  it('is found among themselves', () => {
    assert.equal(faultAt([couponOf(1), couponOf(2, { userId: 'user-1' })], standing()), 2);
    assert.equal(faultAt([couponOf(1), couponOf(2, { claimId: couponOf(1).claimId })], standing()), 2);
    assert.equal(faultAt([couponOf(1), couponOf(1, { claimId: 'other' })], standing()), 1);
  });

  it('is one claim id on one slot for two users', () => {
    assert.equal(faultAt([couponOf(1, { userId: 'mallory' })], standing(couponOf(1))), 1);
    assert.equal(faultAt([couponOf(1, { nth: 2 })], standing(couponOf(1))), 1);
  });

  it('is never of another event', () => {
    assert.equal(faultAt([couponOf(1, { claimId: 'other' })], standing(couponOf(1, { eventId: 'other' }))), null);
  });
});

describe('what is missing', () => {
  it('is what does not stand at its slot', () => {
    assert.equal(firstMissing(couponsOf(1, 3), standing(couponOf(1), couponOf(3)))?.slot, 2);
    assert.equal(firstMissing(couponsOf(1, 3), standing(...couponsOf(1, 3))), null);
    assert.equal(firstMissing([couponOf(1)], standing(couponOf(1, { eventId: 'other' })))?.slot, 1);
  });
});
