import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { sameWin, slotOfClaimId, type Win } from '../../src/core/win.ts';
import { claimIdOf } from '../../src/lib/claim-id.ts';

const win: Win = { slot: 7, userId: 'alice', nth: 1, claimId: '7-0123456789ab', key: 'a', wonAt: 5 };

describe('the slot in a claim id', () => {
  for (const [claimId, slot] of [
    ['7-0123456789ab', 7],
    ['10000000-0123456789ab', 10_000_000],
    ['0-0123456789ab', null],
    ['07-0123456789ab', null],
    ['-7-0123456789ab', null],
    ['7-0123456789a', null],
    ['7-0123456789abc', null],
    ['7-0123456789AB', null],
    ['7-0123456789ag', null],
    ['7', null],
    ['7-', null],
    ['', null],
    ['7-0123456789ab\n', null],
    [' 7-0123456789ab', null],
    ['123456789-0123456789ab', null],
    ['constructor', null],
  ] as const) {
    it(`of ${JSON.stringify(claimId)} is ${slot ?? 'none'}`, () => assert.equal(slotOfClaimId(claimId), slot));
  }
  it('is there in every id that is made', () => {
    const anyWin = fc.record({
      slot: fc.integer({ min: 1, max: 10_000_000 }),
      userId: fc.stringMatching(/^[!-~]{1,128}$/),
      nth: fc.integer({ min: 1, max: 100 }),
      key: fc.option(fc.stringMatching(/^[!-~]{1,128}$/)),
      wonAt: fc.nat(),
    });
    fc.assert(fc.property(anyWin, (one) => assert.equal(slotOfClaimId(claimIdOf('drop', 1, one)), one.slot)));
  });
});

describe('two wins', () => {
  it('are the same where claim id, slot, user and nth are', () => {
    assert.ok(sameWin(win, { ...win }));
    for (const other of [{ claimId: '7-0123456789ac' }, { slot: 8 }, { userId: 'ALICE' }, { nth: 2 }]) {
      assert.ok(!sameWin(win, { ...win, ...other }), JSON.stringify(other));
    }
  });
  it('that differ in anything have different ids', () => {
    const { claimId: _, ...rest } = win;
    const others = [{ slot: 8 }, { userId: 'alicf' }, { nth: 2 }, { key: null }, { key: 'b' }, { wonAt: 6 }];
    const ids = [
      ...others.map((other) => claimIdOf('drop', 1, { ...rest, ...other })),
      claimIdOf('drop', 1, rest),
      claimIdOf('drop', 2, rest),
      claimIdOf('drip', 1, rest),
    ];
    assert.equal(new Set(ids.map((id) => id.split('-')[1])).size, ids.length);
  });
});
