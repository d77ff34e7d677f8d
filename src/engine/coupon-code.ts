import { createHmac, createSecretKey } from 'node:crypto';
import type { NewCoupon } from '../core/coupon.ts';
import type { Win } from '../core/win.ts';

// RFC 4648 base32: no letter is another's look-alike in upper case, and all 32 are fit for URLs and voices.
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const codeLength = 16;

/** Makes a win's coupon: the code is 80 bits of an HMAC-SHA-256 over the win, so that issuing twice is issuing once. */
export type CouponMaker = (eventId: string, win: Win) => NewCoupon;

/** A maker for one secret (`DIBS_CODE_SECRET`), which must be the same on every node that issues. */
export function createCouponMaker(codeSecret: string): CouponMaker {
  const key = createSecretKey(codeSecret, 'utf8');
  return (eventId, win) => {
    // The claim id is a hash over all of the win; event ids and claim ids hold no line feed.
    const digest = createHmac('sha256', key).update(`${eventId}\n${win.claimId}\n${win.userId}\n${win.nth}`).digest();
    return { ...win, eventId, code: base32(digest) };
  };
}

function base32(digest: Uint8Array): string {
  let text = '';
  let bits = 0;
  let value = 0;
  for (let index = 0; text.length < codeLength; index += 1) {
    value = ((value << 8) | (digest[index] ?? 0)) & 0xfff;
    bits += 8;
    while (bits >= 5 && text.length < codeLength) {
      text += alphabet[(value >>> (bits - 5)) & 31];
      bits -= 5;
    }
  }
  return text;
}
