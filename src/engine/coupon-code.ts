import type { NewCoupon } from '../core/coupon.ts';
import type { Win } from '../core/win.ts';
import { createHmacSha256 } from '../lib/hmac.ts';

// RFC 4648 base32: no letter is another's look-alike in upper case, and all 32 are fit for URLs and voices.
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const codeLength = 16;

/** Makes a win's coupon: the code is 80 bits of an HMAC-SHA-256 over the win, so that issuing twice is issuing once. */
export type CouponMaker = (eventId: string, win: Win) => NewCoupon;

/** A maker for one secret (`DIBS_CODE_SECRET`), which must be the same on every node that issues. */
export function createCouponMaker(codeSecret: string): CouponMaker {
  const hmac = createHmacSha256(codeSecret);
  return (eventId, win) => {
    // The claim id is a hash over all of the win; event ids and claim ids hold no line feed.
    return { ...win, eventId, code: base32(hmac(`${eventId}\n${win.claimId}\n${win.userId}\n${win.nth}`, 'hex')) };
  };
}

/** The first 80 bits of a hex text: 5 hex digits are 20 bits, which are 4 letters. */
function base32(hex: string): string {
  let text = '';
  for (let at = 0; text.length < codeLength; at += 5) {
    const bits = Number.parseInt(hex.slice(at, at + 5), 16);
    for (const shift of [15, 10, 5, 0]) text += alphabet[(bits >>> shift) & 31];
  }
  return text;
}
