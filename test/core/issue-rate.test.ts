/** So many a second and never more, whatever the clock and the takers do. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  freshRate,
  type IssueRate,
  issueRateOf,
  msUntilDue,
  type RateState,
  refilled,
  taken,
} from '../../src/core/issue-rate.ts';

const pieceMax = 500;
const perSeconds = fc.oneof(
  fc.integer({ min: 1, max: 50_000 }),
  fc.double({ min: 1 / 3600, max: 50_000, noNaN: true }),
  fc.integer({ min: 1, max: 1000 }).map((perMinute) => perMinute / 60),
);
/** What a pause may save up: a tenth of a second's worth, and always one. */
const savedOf = ({ perSecond }: IssueRate): number => Math.max(1, perSecond / 10);
// Sums of fractions end a hair beside the whole.
const hair = 1e-6;

/** A ledger that keeps the state only where something was written, as a transaction does that is rolled back. */
function takerAt(rate: IssueRate, start: number) {
  let state: RateState = freshRate(start);
  return {
    /** Takes `count` at `now` where it is due, none to look alone; else gives how long until it is. */
    take(count: number, now: number): { readonly taken: number; readonly waitMs: number } {
      const due = refilled(state, rate, now);
      const waitMs = msUntilDue(due, rate);
      assert.ok(Number.isSafeInteger(waitMs) && waitMs >= 0, `${waitMs} ms`);
      if (waitMs > 0) return { taken: 0, waitMs };
      state = taken(due, count);
      return { taken: count, waitMs: 0 };
    },
  };
}

describe('the pieces of a rate', () => {
  it('are a tenth of a second, at least one and at most what one transaction writes', () => {
    assert.deepEqual(issueRateOf(5000, 500), { perSecond: 5000, pieceMax: 500 });
    assert.deepEqual(issueRateOf(5000, 100), { perSecond: 5000, pieceMax: 100 });
    assert.deepEqual(issueRateOf(120, 500), { perSecond: 120, pieceMax: 12 });
    assert.deepEqual(issueRateOf(1 / 3600, 500), { perSecond: 1 / 3600, pieceMax: 1 });
  });
});

describe('a rate', () => {
  it('is never exceeded by more than was saved up and one piece, in any span, however it is asked', () => {
    const ask = fc.record({
      waitMs: fc.oneof(fc.integer({ min: 0, max: 3000 }), fc.constant(0), fc.constant('due' as const)),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(perSeconds, fc.array(ask, { minLength: 1, maxLength: 120 }), (perSecond, asks) => {
        const rate = issueRateOf(perSecond, pieceMax);
        const taker = takerAt(rate, 0);
        const log: { readonly at: number; readonly before: number; readonly after: number }[] = [];
        let now = 0;
        let sum = 0;
        let due = 0;
        for (const { waitMs, share } of asks) {
          now += waitMs === 'due' ? due : waitMs;
          const got = taker.take(Math.max(1, Math.ceil(rate.pieceMax * share)), now);
          due = got.waitMs;
          log.push({ at: now, before: sum, after: sum + got.taken });
          sum += got.taken;
        }
        for (const [index, from] of log.entries()) {
          for (const to of log.slice(index)) {
            const most = ((to.at - from.at) * perSecond) / 1000 + savedOf(rate) + rate.pieceMax + hair;
            assert.ok(to.after - from.before <= most, `${to.after - from.before} in ${to.at - from.at} ms`);
          }
        }
      }),
    );
  });

  it('is due when it says so, and not a millisecond before', () => {
    fc.assert(
      fc.property(perSeconds, fc.integer({ min: 0, max: 1000 }), (perSecond, start) => {
        const rate = issueRateOf(perSecond, pieceMax);
        const taker = takerAt(rate, start);
        assert.equal(taker.take(rate.pieceMax, start).taken, rate.pieceMax, 'nothing was taken yet');
        const { waitMs } = taker.take(0, start);
        assert.ok(waitMs >= 1);
        assert.ok(taker.take(0, start + waitMs - 1).waitMs > 0);
        const again = taker.take(0, start + waitMs).waitMs;
        assert.ok(again <= 1, `${again} ms more`);
        assert.equal(taker.take(0, start + waitMs + again).waitMs, 0);
      }),
    );
  });

  it('keeps to its mean where pieces are taken as they are due, by timers that are late', () => {
    const lates = fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(perSeconds, lates, (perSecond, lates) => {
        const rate = issueRateOf(perSecond, pieceMax);
        const taker = takerAt(rate, 0);
        let now = 0;
        let sum = 0;
        let lastAt = 0;
        for (let look = 0; look < 2000; look += 1) {
          const got = taker.take(rate.pieceMax, now);
          if (got.taken > 0) lastAt = now;
          else now += got.waitMs + (lates[look % lates.length] ?? 0);
          sum += got.taken;
        }
        const mean = ((sum - rate.pieceMax) * 1000) / lastAt;
        assert.ok(mean <= perSecond * 1.001 && mean >= perSecond * 0.97, `${mean} of ${perSecond}`);
      }),
    );
  });

  it('pays back what was taken beyond a piece', () => {
    const taker = takerAt(issueRateOf(10, pieceMax), 0);
    assert.equal(taker.take(30, 0).taken, 30);
    assert.equal(taker.take(1, 0).waitMs, 3000);
    assert.ok(taker.take(1, 2999).waitMs > 0);
    assert.equal(taker.take(1, 3000).taken, 1);
  });

  it('saves nothing up before the first, and a tenth of a second after it', () => {
    const taker = takerAt(issueRateOf(1000, pieceMax), 0);
    assert.equal(taker.take(100, 3_600_000).taken, 100);
    const saved = [1, 1, 1, 1].map(() => taker.take(50, 7_200_000).taken);
    assert.deepEqual(saved, [50, 50, 50, 0], 'what was saved up, and one piece');
  });
});

describe('a clock that is set', () => {
  const rate = issueRateOf(100, pieceMax);

  it('forward grants no more than a pause does', () => {
    const taker = takerAt(rate, 0);
    assert.equal(taker.take(10, 0).taken, 10);
    const after = [1, 2, 3, 4].map(() => taker.take(5, 600_000).taken);
    assert.deepEqual(after, [5, 5, 5, 0]);
  });

  it('back holds nothing up, and costs a piece at most', () => {
    for (const backMs of [1_001, 60_000, 600_000, 86_400_000]) {
      const taker = takerAt(rate, 1_000_000_000);
      assert.equal(taker.take(10, 1_000_000_000).taken, 10);
      const now = 1_000_000_000 - backMs;
      assert.equal(taker.take(10, now).taken, 10, `set back by ${backMs} ms`);
      assert.equal(taker.take(10, now).waitMs, 100);
      assert.equal(taker.take(10, now + 99).waitMs, 1);
      assert.equal(taker.take(10, now + 100).taken, 10);
      assert.equal(taker.take(10, 1_000_000_000 + 100).taken, 10, 'and forward again grants no more than a pause');
      assert.equal(taker.take(10, 1_000_000_000 + 100).taken, 10);
      assert.equal(taker.take(10, 1_000_000_000 + 100).waitMs, 100);
    }
  });

  it('a little back, as that of another machine may be, grants nothing twice', () => {
    fc.assert(
      fc.property(
        perSeconds,
        fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 1, maxLength: 7 }),
        fc.integer({ min: 1, max: 40 }),
        (perSecond, behind, stepMs) => {
          const rate = issueRateOf(perSecond, pieceMax);
          const taker = takerAt(rate, 1_000_000);
          let sum = 0;
          let now = 1_000_000;
          for (let look = 0; look < 2000; look += 1) {
            now += stepMs;
            sum += taker.take(rate.pieceMax, now - (behind[look % behind.length] ?? 0)).taken;
          }
          const most = ((now - 1_000_000) * perSecond) / 1000 + savedOf(rate) + rate.pieceMax + hair;
          assert.ok(sum <= most, `${sum} of ${most}`);
        },
      ),
    );
  });

  it('a little back holds up no longer than until it has caught up', () => {
    const taker = takerAt(rate, 1_000_000);
    assert.equal(taker.take(10, 1_000_000).taken, 10);
    let now = 1_000_000 - 900;
    const until = 1_000_000 + 100;
    for (let looks = 0; looks < 100; looks += 1) {
      const { waitMs } = taker.take(10, now);
      if (waitMs === 0) break;
      now += waitMs;
    }
    assert.ok(now >= until && now <= until + 100, `after ${now - 1_000_000} ms`);
  });
});
