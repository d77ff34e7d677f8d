/** Waits between attempts: never none, never beyond the bound, longer each time. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { backoffMs } from '../../src/lib/backoff.ts';

const bounds = { baseMs: 50, maxMs: 10_000 };
const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const anyBounds = fc
  .tuple(fc.integer({ min: 1, max: 100_000 }), fc.integer({ min: 1, max: 1000 }))
  .map(([baseMs, factor]) => ({ baseMs, maxMs: baseMs * factor }));

describe('backoff', () => {
  it('stays between half and the whole of what doubles up to the bound', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000 }), anyBounds, chance, (attempt, bounds, random) => {
        const whole = Math.min(bounds.maxMs, bounds.baseMs * 2 ** (attempt - 1));
        const ms = backoffMs(attempt, bounds, () => random);
        assert.ok(Number.isSafeInteger(ms), `${ms}`);
        assert.ok(ms >= whole / 2 && ms >= 1 && ms <= whole, `${ms} of ${whole}`);
      }),
    );
  });

  it('is never shorter for a later attempt, chance being the same', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), anyBounds, chance, (attempt, bounds, random) => {
        assert.ok(backoffMs(attempt + 1, bounds, () => random) >= backoffMs(attempt, bounds, () => random));
      }),
    );
  });

  it('parts those who failed together', () => {
    const waits = new Set(Array.from({ length: 100 }, (_, at) => backoffMs(5, bounds, () => at / 100)));
    assert.equal(waits.size, 100);
  });

  it('has the values that are documented by use: 50 ms doubles to 10 s', () => {
    const whole = [1, 2, 3, 8, 9, 40].map((attempt) => backoffMs(attempt, bounds, () => 1 - Number.EPSILON));
    assert.deepEqual(whole, [50, 100, 200, 6400, 10_000, 10_000]);
    assert.equal(
      backoffMs(1, bounds, () => 0),
      25,
    );
  });
});
