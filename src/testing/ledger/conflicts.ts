import assert from 'node:assert/strict';
import type { NewCoupon } from '../../core/coupon.ts';
import { batchOf, conflictAt, couponOf, couponsOf, failureOf, issue, ledgerEvent, unchangedBy } from './acting.ts';
import { type LedgerCase, type LedgerConcern, needing } from './bench.ts';

// Each contradicts the coupon of slot 2, in one way alone.
const contradictions: readonly (readonly [string, NewCoupon])[] = [
  ['another claim on the same slot', couponOf(2, { userId: 'mallory', claimId: '2-ffffffffffff' })],
  ['another user under the same claim id', couponOf(2, { userId: 'mallory' })],
  ['another number of the user under the same claim id', couponOf(2, { nth: 2 })],
  ['the same user and nth on another slot', couponOf(9, { userId: 'user-2' })],
  ['the same claim id on another slot', couponOf(9, { claimId: couponOf(2).claimId })],
];

const contradictionCases: Record<string, LedgerCase> = Object.fromEntries(
  contradictions.map(([name, coupon]) => [
    name,
    needing([], async ({ ledger }) => {
      await issue(ledger, { to: '3-0', events: [ledgerEvent(1)], coupons: couponsOf(1, 3) });
      const rest = { events: [ledgerEvent(2)], failures: [failureOf(6)] };
      for (const coupons of [[coupon], [couponOf(4), coupon, couponOf(5)], [coupon, couponOf(4)]]) {
        for (const to of ['9-0', null]) {
          const batch = batchOf({ from: '3-0', to, coupons, ...rest });
          conflictAt(await unchangedBy(ledger, () => ledger.issue(batch)), coupon.slot);
        }
      }
    }),
  ]),
);

export const conflicts: LedgerConcern = {
  concern: 'a conflict is said, and nothing is written',
  cases: {
    ...contradictionCases,
    'two claims on one slot within one batch': async ({ ledger }) => {
      const coupons = [couponOf(1), couponOf(2), couponOf(2, { userId: 'mallory', claimId: '2-ffffffffffff' })];
      conflictAt(await unchangedBy(ledger, () => ledger.issue(batchOf({ coupons }))), 2);
    },
    'the same user and nth of another event is none': async ({ ledger }) => {
      await issue(ledger, { coupons: [couponOf(1)] });
      assert.equal(await issue(ledger, { from: '1-0', to: '2-0', coupons: [couponOf(1, { eventId: 'other' })] }), 0);
    },
    'goes away when the batch is without it': async ({ ledger }) => {
      await issue(ledger, { to: '3-0', coupons: couponsOf(1, 3) });
      const bad = couponOf(4, { userId: 'user-2' });
      conflictAt(await ledger.issue(batchOf({ from: '3-0', to: '5-0', coupons: [bad, couponOf(5)] })), 4);
      await issue(ledger, { from: '3-0', to: '5-0', coupons: [couponOf(5)] });
      assert.equal((await ledger.totals('drop')).issued, 4);
    },
  },
};

export const repeats: LedgerConcern = {
  concern: 'repeats are counted and harmless',
  cases: {
    'the same coupons again': needing(['clock'], async ({ ledger, clock }) => {
      await issue(ledger, { to: '3-0', coupons: couponsOf(1, 3) });
      const before = await ledger.coupons('drop', 0, 10);
      clock.step(60_000);
      assert.equal(await issue(ledger, { from: '3-0', to: '5-0', coupons: couponsOf(2, 5) }), 2);
      const after = await ledger.coupons('drop', 0, 10);
      assert.deepEqual(after.slice(0, 3), before, 'code and time of issue stay as they were');
      assert.equal(after.length, 5);
    }),
    'a whole batch again from its own start': async ({ ledger }) => {
      await issue(ledger, { to: '500-0', coupons: couponsOf(1, 500) });
      assert.equal(await issue(ledger, { from: '500-0', to: '500-1', coupons: couponsOf(1, 500) }), 500);
      assert.equal((await ledger.totals('drop')).issued, 500);
    },
    'the same coupon twice in one batch': async ({ ledger }) => {
      assert.equal(await issue(ledger, { coupons: [couponOf(1), couponOf(2), couponOf(1)] }), 1);
      assert.equal((await ledger.totals('drop')).issued, 2);
    },
    'with another code keep the code that was given out': async ({ ledger }) => {
      await issue(ledger, { coupons: [couponOf(1)] });
      assert.equal(
        await issue(ledger, { from: '1-0', to: '1-1', coupons: [couponOf(1, { code: 'B'.repeat(16) })] }),
        1,
      );
      assert.equal((await ledger.coupons('drop', 0, 1))[0]?.code, couponOf(1).code);
    },
  },
};

export const probes: LedgerConcern = {
  concern: 'a probe tries all and changes nothing',
  cases: {
    'of what would be issued': async ({ ledger }) => {
      await issue(ledger, { to: '1-0', coupons: [couponOf(1)] });
      const batch = {
        from: '1-0',
        to: null,
        events: [ledgerEvent(3)],
        coupons: couponsOf(1, 4),
        failures: [failureOf(5)],
      };
      for (let time = 0; time < 2; time += 1) {
        const outcome = await unchangedBy(ledger, () => ledger.issue(batchOf(batch)));
        assert.deepEqual([outcome.outcome, outcome.outcome === 'issued' && outcome.repeats], ['issued', 1]);
      }
      assert.equal(await issue(ledger, { ...batch, to: '5-0' }), 1);
    },
    'of what another has moved': async ({ ledger }) => {
      await issue(ledger, { to: '1-0' });
      const outcome = await unchangedBy(ledger, () => ledger.issue(batchOf({ from: null, to: null })));
      assert.deepEqual(outcome, { outcome: 'moved', position: '1-0' });
    },
    'before anything was issued': async ({ ledger }) => {
      const batch = batchOf({ to: null, coupons: [couponOf(1)] });
      assert.equal((await unchangedBy(ledger, () => ledger.issue(batch))).outcome, 'issued');
      assert.equal(await ledger.position('drop'), null);
    },
  },
};

export const refusals: LedgerConcern = {
  concern: 'a refused row is said, and nothing is written',
  cases: {
    'alone and among others': needing(['plant'], async ({ ledger, plant, unplant }) => {
      await issue(ledger, { to: '1-0', coupons: [couponOf(1)] });
      await plant('drop', 3);
      const rest = { from: '1-0', events: [ledgerEvent(2)], failures: [failureOf(9)] };
      for (const coupons of [[couponOf(3)], couponsOf(1, 5)]) {
        for (const to of ['5-0', null]) {
          const outcome = await unchangedBy(ledger, () => ledger.issue(batchOf({ ...rest, to, coupons })));
          assert.equal(outcome.outcome, 'refused', JSON.stringify(outcome));
          assert.match(outcome.outcome === 'refused' ? outcome.error : '', /\S/);
        }
      }
      await issue(ledger, { from: '1-0', to: '2-0', coupons: [couponOf(2), couponOf(4)] });
      await unplant();
      assert.equal(await issue(ledger, { from: '2-0', to: '5-0', coupons: couponsOf(1, 5) }), 3);
    }),
    'kept as a failure while the others are issued': needing(['plant'], async ({ ledger, plant }) => {
      await plant('drop', 2);
      await issue(ledger, { to: '3-0', coupons: [couponOf(1), couponOf(3)], failures: [failureOf(2)] });
      assert.deepEqual(await ledger.totals('drop'), { issued: 2, failed: 1, discarded: 0, lastSlot: 3 });
    }),
    'of another event is no matter': needing(['plant'], async ({ ledger, plant }) => {
      await plant('other', 2);
      await issue(ledger, { to: '3-0', coupons: couponsOf(1, 3) });
    }),
  },
};
