/** An id names one win for ever: the same for the same win, another wherever any part of it is another. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { slotOfClaimId, type Win } from '../../src/core/win.ts';
import { claimIdOf } from '../../src/lib/claim-id.ts';

const id = fc.stringMatching(/^[\x21-\x7e]{1,128}$/);
const count = fc.integer({ min: 1, max: 10_000_000 });
const time = fc.integer({ min: 0, max: 253_402_300_799_999 });
const named = fc.record({
  eventId: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/),
  epoch: count,
  slot: count,
  userId: id,
  nth: fc.integer({ min: 1, max: 100 }),
  key: fc.option(id),
  wonAt: time,
});
type Named = Omit<Win, 'claimId'> & { readonly eventId: string; readonly epoch: number };
const idOf = ({ eventId, epoch, ...win }: Named): string => claimIdOf(eventId, epoch, win);

describe('the claim id', () => {
  it('is the slot and twelve hex characters', () => {
    fc.assert(
      fc.property(named, (win) => {
        assert.match(idOf(win), /^[1-9][0-9]*-[0-9a-f]{12}$/);
        assert.equal(slotOfClaimId(idOf(win)), win.slot);
        assert.equal(idOf({ ...win }), idOf(win));
      }),
    );
  });

  it('differs where any part differs', () => {
    fc.assert(
      fc.property(named, named, (win, other) => {
        for (const part of Object.keys(win) as (keyof typeof win)[]) {
          if (win[part] === other[part]) continue;
          assert.notEqual(idOf({ ...win, [part]: other[part] }), idOf(win), part);
        }
      }),
    );
  });

  it('does not take the end of one part for the beginning of the next', () => {
    const win = { slot: 1, userId: 'ab', nth: 1, key: 'c', wonAt: 5 };
    assert.notEqual(claimIdOf('e', 1, win), claimIdOf('e', 1, { ...win, userId: 'a', key: 'bc' }));
    assert.notEqual(claimIdOf('e', 11, win), claimIdOf('e1', 1, win));
    assert.notEqual(claimIdOf('e', 1, { ...win, nth: 11 }), claimIdOf('e', 1, { ...win, slot: 11 }));
  });

  // By hand: sha1 of 'launch', 1, 7, 'alice', 1, 'click-1' and the time, each on a line of its own.
  it('stays what it has been since the first release', () => {
    const win = { slot: 7, userId: 'alice', nth: 1, key: 'click-1', wonAt: 1_790_000_000_000 };
    assert.equal(claimIdOf('launch', 1, win), '7-c5736d622e84');
    assert.equal(claimIdOf('launch', 1, { ...win, key: null }), '7-a65b4361299b');
  });
});

describe('the slot of a claim id', () => {
  it('is null for what has not the form of one', () => {
    const tag = 'a'.repeat(12);
    for (const odd of [
      '',
      '1',
      '-',
      tag,
      `0-${tag}`,
      `01-${tag}`,
      `-1-${tag}`,
      `1.0-${tag}`,
      `1e3-${tag}`,
      `123456789-${tag}`,
      `1-${tag}a`,
      `1-${tag.slice(1)}`,
      `1-${tag.toUpperCase()}`,
      ` 1-${tag}`,
      `1-${tag}\n`,
      `١-${tag}`,
    ])
      assert.equal(slotOfClaimId(odd), null, JSON.stringify(odd));
    fc.assert(
      fc.property(fc.string(), (text) => {
        const slot = slotOfClaimId(text);
        assert.equal(slot !== null, /^[1-9][0-9]{0,7}-[0-9a-f]{12}$/.test(text));
      }),
    );
  });
});
