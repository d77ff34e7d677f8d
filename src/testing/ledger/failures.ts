import assert from 'node:assert/strict';
import type { FailedIssuance } from '../../core/coupon.ts';
import type { Ledger } from '../../core/ledger.ts';
import { batchOf, conflictAt, couponOf, failureOf, issue, issuedAs, seen, unchangedBy } from './acting.ts';
import { type LedgerConcern, needing } from './bench.ts';

const all = { afterId: 0, limit: 1000 };

/** Keeps failed issuances of these slots and gives them as they stand. */
async function keep(ledger: Ledger, ...slots: number[]): Promise<FailedIssuance[]> {
  await issue(ledger, { failures: slots.map((slot) => failureOf(slot)) });
  return await ledger.failures(all);
}

async function keepOne(ledger: Ledger, slot = 1): Promise<FailedIssuance> {
  return (await keep(ledger, slot))[0] ?? assert.fail('the failed issuance was not kept');
}

const slotsOf = (failures: readonly FailedIssuance[]) => failures.map((one) => one.slot);

export const failures: LedgerConcern = {
  concern: 'failed issuances',
  cases: {
    'are kept whole, their first attempt counted': async ({ ledger }) => {
      const [first, second] = await keep(ledger, 7, 8);
      const { id, ...rest } = first ?? assert.fail('the failed issuance was not kept');
      assert.deepEqual(rest, { ...failureOf(7), attempts: 1, state: 'waiting', reason: null });
      assert.ok(Number.isSafeInteger(id) && id >= 1);
      assert.deepEqual(await ledger.failure(id), first);
      assert.deepEqual(await ledger.failuresBySlot('drop', [7, 9, 8]), [first, second]);
      assert.equal(await ledger.failure(id + 1000), null);
    },
    'of one slot again leave the one that stands, whatever has been done to it': async ({ ledger }) => {
      const { id } = await keepOne(ledger);
      await ledger.changeFailure(id, { state: 'discarded', reason: 'a test account' });
      await unchangedBy(ledger, () => issue(ledger, { from: '1-0', failures: [failureOf(1, { error: 'other' })] }));
    },
    'of poison records, which name nobody, are each kept': async ({ ledger }) => {
      const poison = failureOf(null, { eventId: null, record: '{"v":1,"type":"wi' });
      await issue(ledger, { failures: [poison, poison, failureOf(null)] });
      const kept = await ledger.failures(all);
      assert.deepEqual(
        kept.map((one) => [one.eventId, one.slot, one.userId, one.record]),
        [
          [null, null, null, poison.record],
          [null, null, null, poison.record],
          ['drop', null, null, failureOf(null).record],
        ],
      );
      assert.deepEqual(await ledger.totals('drop'), { issued: 0, failed: 0, discarded: 0, lastSlot: 0 });
    },
    'keep a record of 2 MB': async ({ ledger }) => {
      const record = `{"wins":"${'한🎟x'.repeat(250_000)}"}`;
      await issue(ledger, { failures: [failureOf(1, { record, error: 'e'.repeat(10_000) })] });
      const [kept] = await ledger.failures(all);
      assert.ok(kept?.record === record, 'the record comes back as it was');
    },
    'keep a record with a NUL in it': async ({ ledger }) => {
      const record = '{"cut\0here":1}';
      await issue(ledger, { failures: [failureOf(1, { record })] });
      assert.equal((await ledger.failures(all))[0]?.record, record);
    },
    'are written with the position, or not at all': async ({ ledger }) => {
      await issue(ledger, { to: '5-0' });
      const outcome = await unchangedBy(ledger, () => ledger.issue(batchOf({ from: '4-0', failures: [failureOf(1)] })));
      assert.equal(outcome.outcome, 'moved');
    },
    'are listed in order of their ids, in pages': async ({ ledger }) => {
      const kept = await keep(ledger, 3, 1, 2, 12, 11);
      assert.deepEqual(slotsOf(kept), [3, 1, 2, 12, 11]);
      const paged: FailedIssuance[] = [];
      for (let afterId = 0; ; afterId = paged.at(-1)?.id ?? 0) {
        const page = await ledger.failures({ afterId, limit: 2 });
        if (page.length === 0) break;
        paged.push(...page);
      }
      assert.deepEqual(paged, kept);
    },
    'are listed by state and event': async ({ ledger }) => {
      await issue(ledger, { failures: [failureOf(1), failureOf(2), failureOf(1, { eventId: 'other' })] });
      const [first] = await ledger.failures(all);
      await ledger.changeFailure(first!.id, { state: 'discarded', reason: 'a test account' });
      const listed = async (query: object) =>
        (await ledger.failures({ ...all, ...query })).map((one) => [one.eventId, one.slot]);
      assert.deepEqual(await listed({ state: 'waiting' }), [
        ['drop', 2],
        ['other', 1],
      ]);
      assert.deepEqual(await listed({ state: 'discarded' }), [['drop', 1]]);
      assert.deepEqual(await listed({ state: 'reissued' }), []);
      assert.deepEqual(await listed({ eventId: 'drop' }), [
        ['drop', 1],
        ['drop', 2],
      ]);
      assert.deepEqual(await listed({ eventId: 'drop', state: 'waiting' }), [['drop', 2]]);
    },
    'that are due come the longest due first': async ({ ledger }) => {
      const [first] = await keep(ledger, 3, 1, 2, 4);
      const dueAt = failureOf(3).nextAttemptAt;
      assert.deepEqual(slotsOf(await ledger.failures({ ...all, dueAt })), [1, 2, 3]);
      assert.deepEqual(slotsOf(await ledger.failures({ ...all, dueAt: dueAt - 1 })), [1, 2]);
      assert.deepEqual(slotsOf(await ledger.failures({ ...all, dueAt, limit: 2 })), [1, 2]);
      await ledger.changeFailure(first!.id, { state: 'discarded', reason: 'a test account' });
      assert.deepEqual(slotsOf(await ledger.failures({ ...all, dueAt })), [1, 2], 'only those that wait');
    },
    'beside a coupon of their slot are no second win of it, waiting or discarded': async ({ ledger }) => {
      const [first] = await keep(ledger, 1, 2, 3);
      const coupons = [couponOf(1, { userId: 'mallory', claimId: '1-ffffffffffff' }), couponOf(2)];
      await issue(ledger, { from: '1-0', to: '2-0', coupons: [...coupons, couponOf(3, { eventId: 'other' })] });
      assert.deepEqual(await ledger.totals('drop'), { issued: 2, failed: 1, discarded: 0, lastSlot: 3 });
      await ledger.changeFailure(first!.id, { state: 'discarded', reason: 'another was first' });
      assert.deepEqual(await ledger.totals('drop'), { issued: 2, failed: 1, discarded: 0, lastSlot: 3 });
    },
    'are counted by state, over all events': async ({ ledger }) => {
      assert.deepEqual(await ledger.failureTotals(), { waiting: 0, reissued: 0, discarded: 0 });
      const [first, second] = await keep(ledger, 1, 2, 3);
      await ledger.changeFailure(first!.id, { state: 'discarded', reason: 'a test account' });
      await ledger.reissue(second!.id, couponOf(2), null);
      assert.deepEqual(await ledger.failureTotals(), { waiting: 1, reissued: 1, discarded: 1 });
      assert.deepEqual(await ledger.totals('drop'), { issued: 1, failed: 1, discarded: 1, lastSlot: 3 });
    },
  },
};

export const changing: LedgerConcern = {
  concern: 'changing a failed issuance',
  cases: {
    'that stays waiting counts an attempt': async ({ ledger }) => {
      const failure = await keepOne(ledger);
      const change = {
        state: 'waiting',
        error: 'refused again',
        nextAttemptAt: failure.nextAttemptAt! + 5000,
      } as const;
      assert.equal(await ledger.changeFailure(failure.id, change), true);
      assert.equal(await ledger.changeFailure(failure.id, change), true);
      assert.deepEqual(await ledger.failure(failure.id), { ...failure, ...change, attempts: 3 });
    },
    'discards it, for a reason': async ({ ledger }) => {
      const failure = await keepOne(ledger);
      assert.equal(await ledger.changeFailure(failure.id, { state: 'discarded', reason: '중복 계정' }), true);
      const discarded = { ...failure, state: 'discarded', reason: '중복 계정', nextAttemptAt: null };
      assert.deepEqual(await ledger.failure(failure.id), discarded);
    },
    'discards what nobody has won, which holds its slot no more': async ({ ledger }) => {
      const [first, second] = await keep(ledger, 1, 900);
      const change = { state: 'discarded', reason: 'written by hand' } as const;
      assert.equal(await ledger.changeFailure(second!.id, { ...change, isNoWin: true }), true);
      assert.deepEqual(await ledger.failure(second!.id), { ...second, ...change, slot: null, nextAttemptAt: null });
      assert.deepEqual(await ledger.failuresBySlot('drop', [1, 900]), [first]);
      assert.deepEqual(await ledger.totals('drop'), { issued: 0, failed: 1, discarded: 0, lastSlot: 1 });
      assert.equal(await ledger.lastSlot('drop'), 1);
      const again = { ...change, isNoWin: true };
      assert.equal(await unchangedBy(ledger, () => ledger.changeFailure(second!.id, again)), false);
      assert.equal(await ledger.changeFailure(first!.id, { ...change, isNoWin: false }), true);
      assert.deepEqual(await ledger.totals('drop'), { issued: 0, failed: 0, discarded: 1, lastSlot: 1 });
      // Whoever has won the slot is kept there when it comes.
      await issue(ledger, { from: '1-0', to: '2-0', failures: [failureOf(900)] });
      assert.equal((await ledger.failuresBySlot('drop', [900])).length, 1);
    },
    'that waits no longer changes nothing': async ({ ledger }) => {
      const [first, second] = await keep(ledger, 1, 2);
      await ledger.changeFailure(first!.id, { state: 'discarded', reason: 'a test account' });
      await ledger.reissue(second!.id, couponOf(2), null);
      for (const { id } of [first!, second!]) {
        const again = { state: 'discarded', reason: 'other' } as const;
        assert.equal(await unchangedBy(ledger, () => ledger.changeFailure(id, again)), false);
        const later = { state: 'waiting', error: 'other', nextAttemptAt: 1 } as const;
        assert.equal(await unchangedBy(ledger, () => ledger.changeFailure(id, later)), false);
      }
    },
    'that is not there changes nothing': async ({ ledger }) => {
      assert.equal(await ledger.changeFailure(99, { state: 'discarded', reason: 'none' }), false);
    },
  },
};

export const reissuing: LedgerConcern = {
  concern: 'reissuing',
  cases: {
    'writes the coupon and ends the failure': async ({ ledger }) => {
      const failure = await keepOne(ledger);
      const outcome = await ledger.reissue(failure.id, couponOf(1), null);
      assert.deepEqual([outcome.outcome, outcome.outcome === 'issued' && outcome.repeats], ['issued', 0]);
      assert.deepEqual(await ledger.failure(failure.id), { ...failure, state: 'reissued', nextAttemptAt: null });
      const [coupon] = await ledger.couponsBySlot('drop', [1]);
      assert.deepEqual(coupon, issuedAs(couponOf(1), outcome.outcome === 'issued' ? outcome.issuedAt : 0));
      assert.equal(await ledger.position('drop'), '1-0');
    },
    'again is a repeat and changes nothing': async ({ ledger }) => {
      const { id } = await keepOne(ledger);
      await ledger.reissue(id, couponOf(1), null);
      const outcome = await unchangedBy(ledger, () => ledger.reissue(id, couponOf(1), null));
      assert.deepEqual([outcome.outcome, outcome.outcome === 'issued' && outcome.repeats], ['issued', 1]);
    },
    'by two connections at once writes one coupon': needing(['connections'], async ({ ledger, connect }) => {
      const { id } = await keepOne(ledger);
      const outcomes = await Promise.all([ledger, await connect()].map((one) => one.reissue(id, couponOf(1), null)));
      const repeats = outcomes.map((one) => (one.outcome === 'issued' ? one.repeats : one.outcome));
      assert.deepEqual(new Set(repeats), new Set([0, 1]));
      assert.deepEqual(await ledger.totals('drop'), { issued: 1, failed: 0, discarded: 0, lastSlot: 1 });
    }),
    'of what was issued meanwhile ends the failure': async ({ ledger }) => {
      const { id } = await keepOne(ledger);
      await issue(ledger, { from: '1-0', to: '2-0', coupons: [couponOf(1)] });
      assert.equal((await ledger.reissue(id, couponOf(1), null)).outcome, 'issued');
      assert.deepEqual(await ledger.totals('drop'), { issued: 1, failed: 0, discarded: 0, lastSlot: 1 });
    },
    'against another win is a conflict and changes nothing': async ({ ledger }) => {
      const { id } = await keepOne(ledger);
      await issue(ledger, {
        from: '1-0',
        to: '2-0',
        coupons: [couponOf(1, { userId: 'mallory', claimId: '1-ffffffffffff' })],
      });
      conflictAt(await unchangedBy(ledger, () => ledger.reissue(id, couponOf(1), null)), 1);
    },
    'refused again changes nothing': needing(['plant'], async ({ ledger, plant, unplant }) => {
      const { id } = await keepOne(ledger);
      await plant('drop', 1);
      assert.equal((await unchangedBy(ledger, () => ledger.reissue(id, couponOf(1), null))).outcome, 'refused');
      await unplant();
      assert.equal((await ledger.reissue(id, couponOf(1), null)).outcome, 'issued');
    }),
    'of what was discarded writes no coupon': async ({ ledger }) => {
      const { id } = await keepOne(ledger);
      await ledger.changeFailure(id, { state: 'discarded', reason: 'a test account' });
      const before = await seen(ledger);
      // An operator who discards and a timer that reissues may meet: a win is never in two places (I12).
      const outcome = await ledger.reissue(id, couponOf(1), null);
      assert.deepEqual(await seen(ledger), before);
      assert.notEqual(outcome.outcome, 'issued');
    },
  },
};
