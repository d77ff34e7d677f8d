/** So many a second and never more, whatever the clock and the takers do. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createTokenBucket, unlimitedBucket } from '../../src/lib/token-bucket.ts';

const pieceMax = 500;
const rate = fc.oneof(
  fc.integer({ min: 1, max: 50_000 }),
  fc.double({ min: 1 / 3600, max: 50_000, noNaN: true }),
  fc.integer({ min: 1, max: 1000 }).map((perMinute) => perMinute / 60),
);
const pieceOf = (perSecond: number): number => Math.max(1, Math.min(pieceMax, Math.floor(perSecond / 10)));

describe('a token bucket', () => {
  it('never grants more than the rate and one piece, however it is asked', () => {
    const ask = fc.record({
      waitMs: fc.integer({ min: 0, max: 3000 }),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(rate, fc.array(ask, { minLength: 1, maxLength: 200 }), (perSecond, asks) => {
        const bucket = createTokenBucket(perSecond, pieceMax, 0);
        let now = 0;
        let taken = 0;
        for (const { waitMs, share } of asks) {
          now += waitMs;
          const available = bucket.available(now);
          assert.ok(Number.isInteger(available) && available >= 0 && available <= pieceOf(perSecond));
          const count = Math.ceil(available * share);
          bucket.take(count, now);
          taken += count;
          assert.ok(taken <= (now * perSecond) / 1000 + pieceOf(perSecond) + 1e-6, `${taken} by ${now} ms`);
        }
      }),
    );
  });

  it('has a piece ready when it says so, and not a millisecond before', () => {
    fc.assert(
      fc.property(rate, fc.integer({ min: 0, max: 1000 }), (perSecond, start) => {
        const bucket = createTokenBucket(perSecond, pieceMax, start);
        bucket.take(bucket.available(start), start);
        const wait = bucket.msUntilAvailable(start);
        assert.ok(Number.isSafeInteger(wait) && wait >= 1, `${wait}`);
        assert.equal(bucket.available(start + wait - 1), 0);
        // A sum of fractions may end a hair below the whole.
        const again = bucket.msUntilAvailable(start + wait);
        assert.ok(again <= 1, `${again} ms more`);
        assert.ok(bucket.available(start + wait + again) >= 1);
      }),
    );
  });

  it('keeps to its mean where pieces are taken as they ripen', () => {
    fc.assert(
      fc.property(rate, (perSecond) => {
        const bucket = createTokenBucket(perSecond, pieceMax, 0);
        let now = 0;
        let taken = 0;
        for (let piece = 0; piece < 200; piece += 1) {
          now += bucket.msUntilAvailable(now);
          const available = bucket.available(now);
          bucket.take(available, now);
          taken += available;
        }
        const mean = ((taken - pieceOf(perSecond)) * 1000) / now;
        assert.ok(mean <= perSecond * 1.001 && mean >= perSecond * 0.9, `${mean} of ${perSecond}`);
      }),
    );
  });

  it('goes on at its rate when the clock has been set back, and grants no more when it is set forward', () => {
    const bucket = createTokenBucket(100, pieceMax, 1_000_000);
    bucket.take(bucket.available(1_000_000), 1_000_000);
    const back = 1_000_000 - 600_000;
    assert.equal(bucket.available(back), 0);
    assert.equal(bucket.msUntilAvailable(back), 80);
    assert.equal(bucket.available(back + 80), 8);
    bucket.take(8, back + 80);
    assert.equal(bucket.available(1_000_000 + 600_000), 10);
  });

  it('pays back what was taken beyond its grant', () => {
    const bucket = createTokenBucket(10, pieceMax, 0);
    bucket.take(3, 0);
    assert.equal(bucket.available(0), 0);
    assert.equal(bucket.msUntilAvailable(0), 300);
    assert.equal(bucket.available(299), 0);
    assert.equal(bucket.available(300), 1);
  });

  it('is of no bound where there is no rate', () => {
    assert.ok(unlimitedBucket.available(0) >= 1_000_000_000);
    unlimitedBucket.take(1_000_000_000, 0);
    assert.ok(unlimitedBucket.available(0) >= 1_000_000_000);
    assert.equal(unlimitedBucket.msUntilAvailable(0), 0);
  });
});
