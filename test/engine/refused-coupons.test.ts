/** Coupons that the ledger refuses for their own sake: exactly these are kept aside, and all others are issued. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createCouponMaker } from '../../src/engine/coupon-code.ts';
import { type Issuable, issuePiece, type Piece } from '../../src/engine/issue-batch.ts';
import { pieceOf } from '../../src/engine/piece.ts';
import type { IssueBatch, IssueOutcome, Ledger } from '../../src/core/ledger.ts';
import { parseRecord, type WinsRecord } from '../../src/core/record.ts';
import type { Win } from '../../src/core/win.ts';
import { wrapLedger } from '../../src/testing/canaries/wrap.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { emptyLedgerData, openModelLedger } from '../../src/testing/model-ledger.ts';
import { openRig } from './fixture.ts';

const pieceWins = 500;
const slotsTo = (count: number): number[] => Array.from({ length: count }, (_, at) => at + 1);

/** 37 slots of a piece, spread without a pattern, the same at each run. */
function scattered(): number[] {
  const slots = new Set<number>();
  for (let seed = 7; slots.size < 37; seed = (seed * 48_271) % 2_147_483_647) slots.add((seed % pieceWins) + 1);
  return [...slots].toSorted((a, b) => a - b);
}

describe('coupons that the ledger refuses', () => {
  for (const [name, slots] of [
    ['none', []],
    ['the first', [1]],
    ['the last', [500]],
    ['one in the middle', [250]],
    ['two that stand together', [250, 251]],
    ['the first and the last', [1, 500]],
    ['37 at random', scattered()],
    ['every other', slotsTo(pieceWins).filter((slot) => slot % 2 === 0)],
    ['all but one', slotsTo(pieceWins).filter((slot) => slot !== 123)],
    ['all', slotsTo(pieceWins)],
  ] as [string, number[]][]) {
    it(`are kept and nothing else, in one transaction with the position: ${name}`, async (t) => {
      const commits: IssueBatch[] = [];
      const rig = await openRig(t, { roles: ['claims'] });
      await rig.drop({}, pieceWins);
      rig.plant(slots.length === 0 ? [0] : slots);
      await rig.reopen({
        ledger: (ledger) =>
          wrapLedger(ledger, {
            issue: async (batch) => {
              const outcome = await ledger.issue(batch);
              if (batch.to !== null && outcome.outcome === 'issued' && batch.coupons.length + batch.failures.length > 0)
                commits.push(batch);
              return outcome;
            },
          }),
      });
      const { issued, failed, unissued } = await rig.soundAudit();
      assert.deepEqual([issued, failed, unissued], [pieceWins - slots.length, slots.length, 0]);
      assert.deepEqual(
        await rig.couponSlots(),
        slotsTo(pieceWins).filter((slot) => !slots.includes(slot)),
      );
      assert.equal((await rig.dibs.figures()).issued, issued, 'those that failed are not counted');
      assert.equal(commits.length, 1);
      assert.deepEqual([commits[0]?.from, commits[0]?.to], [null, '500-0']);
      const failures = await rig.ledger.failures({ eventId: 'drop', afterId: 0, limit: pieceWins });
      assert.deepEqual(
        failures.map((failure) => failure.slot),
        slots,
      );
      for (const { slot, userId, error, attempts, state, record } of failures) {
        assert.deepEqual([userId, attempts, state], [`u${slot ?? 0}`, 1, 'waiting']);
        assert.match(error, /planted/);
        const kept = parseRecord(record) as WinsRecord;
        assert.deepEqual(kept.wins, await rig.gate.wins('drop', (slot ?? 0) - 1, 1));
      }
      assert.deepEqual(
        rig.alarms.map((alarm) => alarm.match(/\d+/)?.[0]),
        slots.length === 0 ? [] : [String(slots.length)],
      );
    });
  }

  it('do not hold up those behind them, nor another event', async (t) => {
    const rig = await openRig(t, { roles: ['claims'] });
    await rig.drop({}, 1100);
    await rig.drop({ id: 'other' }, 600);
    rig.plant([1, 700, 1100]);
    await rig.reopen();
    const { issued, failed } = await rig.soundAudit();
    assert.deepEqual([issued, failed], [1097, 3]);
    assert.deepEqual((await rig.soundAudit('other')).issued, 600);
  });

  it('are won still: the user is told so, and the place is not given to another', async (t) => {
    const rig = await openRig(t);
    await rig.drop({ capacity: 1 });
    rig.plant([1]);
    const [claim] = await rig.win('drop', 1, 1);
    await rig.caughtUp();
    assert.deepEqual(await rig.dibs.getClaim('drop', claim?.id ?? ''), claim);
    const late = await rig.dibs.claim({ eventId: 'drop', userId: 'late' });
    assert.equal(late.outcome === 'rejected' && late.reason, 'sold_out');
  });
});

describe('finding what is refused', () => {
  const record = (count: number): WinsRecord => ({
    v: 1,
    type: 'wins',
    eventId: 'drop',
    epoch: 1,
    revision: 1,
    wins: slotsTo(count).map(
      (slot): Win => ({ slot, userId: `u${slot}`, nth: 1, claimId: `${slot}-000000000000`, key: null, wonAt: slot }),
    ),
  });
  const couponOf = createCouponMaker('a-secret-of-the-tests');
  const slotsOf = (issuables: readonly Issuable[]) => issuables.map(({ coupon }) => coupon.slot);

  /** A model that refuses `slots`, and how often it was asked. */
  async function refusing(slots: readonly number[], interrupt: (asked: number) => IssueOutcome | null = () => null) {
    const store = emptyLedgerData();
    const model = openModelLedger(new ManualClock(), store);
    await model.migrate();
    for (const slot of slots) store.refused.add(`drop ${slot}`);
    let asked = 0;
    const ledger = wrapLedger(model, {
      issue: async (batch) => interrupt((asked += 1)) ?? model.issue(batch),
    });
    return { ledger, model, asked: () => asked };
  }

  const place = { partition: 'drop', from: null, to: '40-0', rate: null };

  /** The records of `count` wins, taken apart for a ledger that has none of them. */
  const pieceFor = (ledger: Ledger, count: number): Promise<Piece> => {
    const none = { lastSlotOf: async () => 0, causeOf: () => null, isWon: async () => null, nextAttemptAt: () => 0 };
    return pieceOf([record(count)], { ledger, couponOf, ...none }, []);
  };

  it('is right for any of them', async () => {
    const some = fc.uniqueArray(fc.integer({ min: 1, max: 40 }), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(some, async (slots) => {
        const { ledger, model } = await refusing(slots);
        const { outcome, failed } = await issuePiece(ledger, place, await pieceFor(ledger, 40), () => 99);
        assert.deepEqual([outcome.outcome, failed], ['issued', slots.length]);
        const failures = await model.failures({ afterId: 0, limit: 100 });
        const inOrder = slots.toSorted((a, b) => a - b);
        assert.deepEqual(
          failures.map(({ slot, nextAttemptAt }) => [slot, nextAttemptAt]),
          inOrder.map((slot) => [slot, 99]),
        );
        const coupons = await model.coupons('drop', 0, 100);
        assert.deepEqual(
          coupons.map((coupon) => coupon.slot),
          slotsTo(40).filter((slot) => !slots.includes(slot)),
        );
        assert.equal(await model.position('drop'), '40-0');
      }),
      { numRuns: 40 },
    );
  });

  it('takes few looks where one is refused', async () => {
    const { ledger, asked } = await refusing([17]);
    await issuePiece(ledger, place, await pieceFor(ledger, 500), () => 0);
    assert.ok(asked() <= 22, `${asked()} looks`);
  });

  it('changes nothing where something else comes between, at any look', async () => {
    const others: IssueOutcome[] = [
      { outcome: 'moved', position: '7-0' },
      { outcome: 'conflict', eventId: 'drop', slot: 3, message: 'planted' },
    ];
    for (const other of others) {
      for (let at = 1; at <= 12; at += 1) {
        const { ledger, model } = await refusing([3, 17, 18], (asked) => (asked === at ? other : null));
        const { outcome, failed } = await issuePiece(ledger, place, await pieceFor(ledger, 40), () => 0);
        assert.deepEqual([outcome, failed], [other, 0]);
        assert.equal(await model.position('drop'), null);
        assert.deepEqual(await model.coupons('drop', 0, 100), []);
        assert.deepEqual(await model.failures({ afterId: 0, limit: 100 }), []);
      }
    }
  });

  it('takes records apart in order, each coupon with a record of its own', async () => {
    const { ledger } = await refusing([]);
    const { coupons, events, failures, stops } = await pieceFor(ledger, 3);
    assert.deepEqual([events, failures, stops], [[], [], []]);
    assert.deepEqual(slotsOf(coupons), [1, 2, 3]);
    const [, second] = record(3).wins;
    assert.deepEqual(JSON.parse(coupons[1]?.record ?? ''), { ...record(3), wins: [second] });
  });
});
