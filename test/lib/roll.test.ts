/** Who is there, by a clock that may be set. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Roll } from '../../src/lib/roll.ts';

describe('a roll', () => {
  it('has all that said so, in byte order, each until its own time', () => {
    const roll = new Roll();
    assert.deepEqual(roll.attend('b', 0, 100), ['b']);
    assert.deepEqual(roll.attend('a', 50, 1000), ['a', 'b']);
    assert.deepEqual(roll.attend('B', 99, 100), ['B', 'a', 'b']);
    assert.deepEqual(roll.attend('B', 100, 100), ['B', 'a'], 'to its time and no longer');
    assert.deepEqual(roll.attend('B', 1049, 100), ['B', 'a']);
    assert.deepEqual(roll.attend('B', 1050, 100), ['B']);
  });

  it('has who says so again, for as long as it says last', () => {
    const roll = new Roll();
    roll.attend('a', 0, 1000);
    roll.attend('a', 10, 20);
    assert.deepEqual(roll.attend('b', 29, 100), ['a', 'b']);
    assert.deepEqual(roll.attend('b', 30, 100), ['b']);
  });

  it('has who left no more, and bears who was never there', () => {
    const roll = new Roll();
    roll.attend('a', 0, 1000);
    roll.leave('a');
    roll.leave('nobody');
    assert.deepEqual(roll.attend('b', 1, 1000), ['b']);
    assert.deepEqual(roll.attend('a', 2, 1000), ['a', 'b'], 'and may come back');
  });

  it('has nobody for longer than was said, when the clock was set back', () => {
    const roll = new Roll();
    roll.attend('dead', 1_000_000, 5_000);
    roll.attend('alive', 1_000_000, 5_000);
    roll.attend('alive', 400_000, 5_000);
    assert.deepEqual(roll.attend('alive', 405_000, 5_000), ['alive']);
  });

  it('says of any history who is there', () => {
    const step = fc.record({
      worker: fc.constantFrom('a', 'b', 'c', 'd'),
      passedMs: fc.integer({ min: 0, max: 50 }),
      forMs: fc.integer({ min: 1, max: 100 }),
      leaves: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), (steps) => {
        const roll = new Roll();
        const until = new Map<string, number>();
        let now = 0;
        for (const { worker, passedMs, forMs, leaves } of steps) {
          now += passedMs;
          if (leaves) {
            roll.leave(worker);
            until.delete(worker);
            continue;
          }
          until.set(worker, now + forMs);
          const there = [...until].filter(([, end]) => end > now).map(([name]) => name);
          assert.deepEqual(roll.attend(worker, now, forMs), there.toSorted());
        }
      }),
    );
  });
});
