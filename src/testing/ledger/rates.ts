import assert from 'node:assert/strict';
import type { Coupon } from '../../core/coupon.ts';
import type { IssueRate } from '../../core/issue-rate.ts';
import type { IssueBatch, IssueOutcome, Ledger } from '../../core/ledger.ts';
import { batchOf, couponOf, couponsOf, failureOf, issue, ledgerEvent, unchangedBy } from './acting.ts';
import { type LedgerConcern, needing } from './bench.ts';

/** So little that a piece of it is owed for longer than any test takes. */
const slow: IssueRate = { perSecond: 0.1, pieceMax: 20 };
/** So much that whoever waits for a piece of it in earnest waits a tenth of a second. */
const fast: IssueRate = { perSecond: 200, pieceMax: 20 };
// What a rate may save up: a tenth of a second's worth, and one coupon at least.
const savedOf = ({ perSecond }: IssueRate): number => Math.max(1, perSecond / 10);

/** Issues slots 1 to 20 at a rate, which leaves it in debt. */
async function useUp(ledger: Ledger, rate: IssueRate): Promise<void> {
  await issue(ledger, { to: '20-0', events: [ledgerEvent(1)], coupons: couponsOf(1, 20), rate });
}

/** What follows: slots 21 to 40. */
const next = (rate: IssueRate | null, other: Partial<IssueBatch> = {}): IssueBatch =>
  batchOf({ from: '20-0', to: '40-0', coupons: couponsOf(21, 40), rate, ...other });

/** The wait that an outcome has to ask for: at most until a piece has come in. */
function throttledFor(outcome: IssueOutcome, { perSecond, pieceMax }: IssueRate): number {
  const { waitMs, ...rest } = outcome.outcome === 'throttled' ? outcome : assert.fail(JSON.stringify(outcome));
  assert.deepEqual(rest, { outcome: 'throttled' });
  assert.ok(Number.isInteger(waitMs) && waitMs >= 1 && waitMs <= (pieceMax * 1000) / perSecond, `${waitMs} ms`);
  return waitMs;
}

/** Asks until the rate allows it, waiting as long as it is told to. */
export async function untilIssued(ask: () => Promise<IssueOutcome>, pass: (ms: number) => Promise<void>) {
  for (;;) {
    const outcome = await ask();
    if (outcome.outcome !== 'throttled') return outcome;
    await pass(outcome.waitMs);
  }
}

/** One of several that issue at the same rate: `count` coupons of an event of its own, in pieces. */
export async function issueInPieces(
  { ledger, eventId, count }: { readonly ledger: Ledger; readonly eventId: string; readonly count: number },
  rate: IssueRate,
  pass: (ms: number) => Promise<void>,
): Promise<void> {
  for (let done = 0; done < count; done += rate.pieceMax) {
    const coupons = couponsOf(done + 1, Math.min(count, done + rate.pieceMax)).map((one) => ({ ...one, eventId }));
    const place = { partition: eventId, from: done === 0 ? null : `${done}-0`, to: `${done + rate.pieceMax}-0` };
    const outcome = await untilIssued(() => ledger.issue(batchOf({ ...place, coupons, rate })), pass);
    assert.equal(outcome.outcome, 'issued', JSON.stringify(outcome));
  }
}

/**
 * Whether coupons were issued no faster than at a rate, by the times that the ledger gave them: between any two of those times
 * there are no more than came in meanwhile, what had been saved up, and the last piece.
 */
export function assertHeld(coupons: readonly Coupon[], rate: IssueRate): void {
  const counts = new Map<number, number>();
  for (const { issuedAt } of coupons) counts.set(issuedAt, (counts.get(issuedAt) ?? 0) + 1);
  const times = [...counts].toSorted(([a], [b]) => a - b);
  for (const [index, [from]] of times.entries()) {
    let count = 0;
    for (const [time, issued] of times.slice(index)) {
      count += issued;
      const most = savedOf(rate) + ((time - from) * rate.perSecond) / 1000 + rate.pieceMax;
      assert.ok(count <= most, `${count} coupons within ${time - from} ms, where there may be ${most}`);
    }
  }
}

export const rates: LedgerConcern = {
  concern: 'the rate of issuing',
  cases: {
    'used up: says for how long, and writes nothing': async ({ ledger }) => {
      await useUp(ledger, slow);
      const rest = { events: [ledgerEvent(2)], failures: [failureOf(41)], stops: [{ eventId: 'drop', cause: 'x' }] };
      throttledFor(await unchangedBy(ledger, () => ledger.issue(next(slow, rest))), slow);
    },
    'allows what follows once that time has passed': async ({ ledger, pass }) => {
      await useUp(ledger, fast);
      const outcome = await untilIssued(() => ledger.issue(next(fast)), pass);
      assert.equal(outcome.outcome, 'issued');
      assert.equal((await ledger.totals('drop')).issued, 40);
      assertHeld(await ledger.coupons('drop', 0, 100), fast);
    },
    'allows nothing a moment before': needing(['clock'], async ({ ledger, clock }) => {
      await useUp(ledger, fast);
      clock.step(throttledFor(await ledger.issue(next(fast)), fast) - 1);
      assert.equal(throttledFor(await ledger.issue(next(fast)), fast), 1);
      clock.step(1);
      assert.equal((await ledger.issue(next(fast))).outcome, 'issued');
    }),
    'saves up no more than a tenth of a second': needing(['clock'], async ({ ledger, clock }) => {
      await useUp(ledger, fast);
      clock.step(3_600_000);
      assert.equal((await ledger.issue(next(fast))).outcome, 'issued');
      // The first 20 had been saved up; the second are a debt.
      const second = next(fast, { from: '40-0', to: '60-0', coupons: couponsOf(41, 60) });
      assert.equal((await ledger.issue(second)).outcome, 'issued');
      const third = next(fast, { from: '60-0', to: '61-0', coupons: [couponOf(61)] });
      assert.equal(throttledFor(await ledger.issue(third), fast), 100);
    }),
    'is not asked by a batch that has none, nor by one without coupons': async ({ ledger }) => {
      await useUp(ledger, slow);
      assert.equal((await ledger.issue(next(null))).outcome, 'issued');
      assert.equal((await ledger.issue(next(slow, { from: '40-0', to: '41-0', coupons: [] }))).outcome, 'issued');
    },
    'is not asked by a probe, which takes nothing of it': async ({ ledger }) => {
      for (let time = 0; time < 3; time += 1) {
        const probe = batchOf({ to: null, coupons: couponsOf(1, 20), rate: slow });
        assert.equal((await unchangedBy(ledger, () => ledger.issue(probe))).outcome, 'issued');
      }
      await useUp(ledger, slow);
      assert.equal((await ledger.issue(next(slow, { to: null }))).outcome, 'issued', 'although it is used up');
    },
    'is not used up by repeats': async ({ ledger }) => {
      await issue(ledger, { to: '20-0', coupons: couponsOf(1, 20) });
      const again = next(slow, { to: '20-0', coupons: couponsOf(1, 20) });
      for (let time = 0; time < 3; time += 1) assert.equal((await ledger.issue(again)).outcome, 'issued');
      assert.equal((await ledger.issue(next(slow))).outcome, 'issued');
      throttledFor(await ledger.issue(next(slow, { from: '40-0', to: '41-0', coupons: [couponOf(41)] })), slow);
    },
    'is not used up by what was refused': needing(['plant'], async ({ ledger, plant, unplant }) => {
      await issue(ledger, { to: '20-0' });
      await plant('drop', 30);
      assert.equal((await ledger.issue(next(slow))).outcome, 'refused');
      await unplant();
      assert.equal((await ledger.issue(next(slow))).outcome, 'issued');
    }),
    'is looked at behind the position': async ({ ledger }) => {
      await useUp(ledger, slow);
      assert.deepEqual(await ledger.issue(next(slow, { from: null })), { outcome: 'moved', position: '20-0' });
    },
    'is one for all partitions, and for what is reissued': async ({ ledger }) => {
      await issue(ledger, { partition: 'failed', failures: [failureOf(50)] });
      const [failure] = await ledger.failures({ afterId: 0, limit: 1 });
      const { id } = failure ?? assert.fail('the failed issuance was not kept');
      await useUp(ledger, slow);
      throttledFor(await ledger.issue(next(slow, { partition: 'other', from: null })), slow);
      throttledFor(await unchangedBy(ledger, () => ledger.reissue(id, couponOf(50), slow)), slow);
      assert.equal((await ledger.reissue(id, couponOf(50), null)).outcome, 'issued');
    },
    'is used up by what is reissued': async ({ ledger }) => {
      await issue(ledger, { to: '20-0', failures: [failureOf(50)] });
      const [failure] = await ledger.failures({ afterId: 0, limit: 1 });
      assert.equal((await ledger.reissue(failure?.id ?? 0, couponOf(50), slow)).outcome, 'issued');
      throttledFor(await ledger.issue(next(slow)), slow);
    },
    'holds several connections together': needing(['connections'], async ({ ledger, connect, pass }) => {
      const all = [ledger, await connect(), await connect()];
      const eventIds = all.map((_, index) => `event-${index}`);
      await Promise.all(
        all.map((one, index) => issueInPieces({ ledger: one, eventId: eventIds[index] ?? '', count: 40 }, fast, pass)),
      );
      const coupons = await Promise.all(eventIds.map((eventId) => ledger.coupons(eventId, 0, 100)));
      assert.deepEqual(
        coupons.map((own) => own.length),
        [40, 40, 40],
      );
      assertHeld(coupons.flat(), fast);
    }),
  },
};
