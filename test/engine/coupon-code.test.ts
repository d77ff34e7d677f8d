/** The code of a coupon: the same for the same win on every node, for ever, and another for any other. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Win } from '../../src/core/win.ts';
import { createCouponMaker } from '../../src/engine/coupon-code.ts';

const userId = fc.stringMatching(/^[\x21-\x7e]{1,128}$/);
const eventId = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/);
const secret = fc.stringMatching(/^[\x21-\x7e]{32,64}$/);
const win: fc.Arbitrary<Win> = fc.record({
  slot: fc.integer({ min: 1, max: 10_000_000 }),
  userId,
  nth: fc.integer({ min: 1, max: 100 }),
  claimId: fc.stringMatching(/^[1-9][0-9]{0,6}-[0-9a-f]{12}$/),
  key: fc.option(userId),
  wonAt: fc.integer({ min: 0, max: 253_402_300_799_999 }),
});
const alice: Win = { slot: 7, userId: 'alice', nth: 1, claimId: '7-c5736d622e84', key: 'click-1', wonAt: 1 };

/** RFC 4648 in the plainest way: the digest as one number, five bits at a time. */
function base32(digest: Uint8Array): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = Array.from(digest, (byte) => byte.toString(2).padStart(8, '0')).join('');
  return Array.from({ length: 16 }, (_, at) => alphabet[Number.parseInt(bits.slice(at * 5, at * 5 + 5), 2)]).join('');
}

describe('the code of a coupon', () => {
  // Made by another implementation: HMAC-SHA-256 over 'launch', the claim id, 'alice' and 1, each on a line of its own.
  it('stays what it has been since the first release', () => {
    const couponOf = createCouponMaker('kX9-very-private-material-2f8a1c7e');
    assert.equal(couponOf('launch', alice).code, 'EKQWNQUAWGDHGW6D');
  });

  it('is sixteen base32 characters of a keyed hash over the win', () => {
    fc.assert(
      fc.property(secret, eventId, win, (secret, eventId, win) => {
        const { code } = createCouponMaker(secret)(eventId, win);
        assert.match(code, /^[A-Z2-7]{16}$/);
        const text = `${eventId}\n${win.claimId}\n${win.userId}\n${win.nth}`;
        assert.equal(code, base32(createHmac('sha256', secret).update(text).digest()));
      }),
    );
  });

  it('is the same for the same win, whatever has been made in between', () => {
    fc.assert(
      fc.property(secret, fc.array(fc.tuple(eventId, win), { minLength: 1, maxLength: 10 }), (secret, wins) => {
        const [couponOf, ofAnotherNode] = [createCouponMaker(secret), createCouponMaker(secret)];
        const codes = wins.map(([eventId, win]) => couponOf(eventId, win).code);
        assert.deepEqual(
          wins.toReversed().map(([eventId, win]) => ofAnotherNode(eventId, { ...win }).code),
          codes.toReversed(),
        );
      }),
    );
  });

  it('differs where the secret, the event, the claim, the user or the number is another', () => {
    fc.assert(
      fc.property(secret, eventId, win, secret, eventId, win, (secret, eventId, win, otherSecret, otherId, other) => {
        const { code } = createCouponMaker(secret)(eventId, win);
        const differs = (isOther: boolean, again: string): void => {
          if (isOther) assert.notEqual(again, code);
        };
        differs(otherSecret !== secret, createCouponMaker(otherSecret)(eventId, win).code);
        differs(otherId !== eventId, createCouponMaker(secret)(otherId, win).code);
        for (const part of ['claimId', 'userId', 'nth'] as const)
          differs(win[part] !== other[part], createCouponMaker(secret)(eventId, { ...win, [part]: other[part] }).code);
      }),
    );
  });

  it('stands on a coupon that is the whole win and its event', () => {
    const { code, ...rest } = createCouponMaker('another-secret-of-the-tests-0123')('launch', alice);
    assert.deepEqual(rest, { ...alice, eventId: 'launch' });
    assert.equal(code.length, 16);
  });
});
