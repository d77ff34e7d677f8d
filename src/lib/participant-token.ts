import { Buffer } from 'node:buffer';
import { timingSafeEqual } from 'node:crypto';
import { createHmacSha256 } from './hmac.ts';

/** What a participant token says: this user, at this event, until then. */
export interface ParticipantToken {
  readonly userId: string;
  readonly eventId: string;
  /** Milliseconds since 1970, a whole second; the token is void from then on. */
  readonly expiresAt: number;
}

/** Why a text is no valid token. `expired` is said of correctly signed ones alone. */
export type TokenFault = 'malformed' | 'forged' | 'expired';

/** What a text is found to be. */
export type TokenVerdict =
  | { readonly valid: true; readonly token: ParticipantToken }
  | { readonly valid: false; readonly fault: TokenFault };

const header = encode({ alg: 'HS256', typ: 'JWT' });
const signatureForm = /^[\w-]{43}$/;

/** A JWT (HS256) of `token`; `expiresAt` is rounded down to the second. Throws RangeError where that is no time. */
export function signToken(token: ParticipantToken, secret: string): string {
  const exp = Math.floor(token.expiresAt / 1000);
  if (!Number.isSafeInteger(exp)) throw new RangeError('expiresAt must be a time in milliseconds');
  const text = `${header}.${encode({ sub: token.userId, event: token.eventId, exp })}`;
  return `${text}.${createHmacSha256(secret)(text, 'base64url')}`;
}

/** `tokenVerifier` for one text. */
export const verifyToken = (text: string, secret: string, now: number): TokenVerdict =>
  tokenVerifier(secret)(text, now);

/**
 * Reads participant tokens: HS256 alone, `sub`, `event` and `exp` all there and of their types, still valid at `now`
 * (milliseconds since 1970, no leeway). Whether the user id has its form is for the caller. Never throws.
 */
export function tokenVerifier(secret: string): (text: string, now: number) => TokenVerdict {
  const hmac = createHmacSha256(secret);
  return (text, now) => {
    const bodyAt = text.indexOf('.') + 1;
    const signatureAt = text.indexOf('.', bodyAt) + 1;
    if (bodyAt === 0 || signatureAt === 0 || !isOurHeader(text.slice(0, bodyAt - 1))) return malformed;
    // The texts are compared, not what they decode to: base64url has several spellings of the same bytes.
    const signature = text.slice(signatureAt);
    if (!signatureForm.test(signature)) return malformed;
    if (!isSame(signature, hmac(text.slice(0, signatureAt - 1), 'base64url'))) return forged;
    const { sub, event, exp, nbf } = decode(text.slice(bodyAt, signatureAt - 1)) ?? {};
    if (typeof sub !== 'string' || typeof event !== 'string' || !isSecond(exp)) return malformed;
    // RFC 7519 leaves no choice about a `nbf` that is there.
    if (nbf !== undefined && !(isSecond(nbf) && nbf * 1000 <= now)) return malformed;
    const expiresAt = exp * 1000;
    return now < expiresAt ? { valid: true, token: { userId: sub, eventId: event, expiresAt } } : expired;
  };
}

const malformed: TokenVerdict = { valid: false, fault: 'malformed' };
const forged: TokenVerdict = { valid: false, fault: 'forged' };
const expired: TokenVerdict = { valid: false, fault: 'expired' };

const isSame = (a: string, b: string): boolean => timingSafeEqual(Buffer.from(a, 'latin1'), Buffer.from(b, 'latin1'));

const isSecond = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function decode(part: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function isOurHeader(part: string): boolean {
  if (part === header) return true;
  const { alg, typ, crit } = decode(part) ?? {};
  // `crit` names extensions that must be understood, and none is.
  return (
    alg === 'HS256' && crit === undefined && (typ === undefined || (typeof typ === 'string' && /^JWT$/i.test(typ)))
  );
}
