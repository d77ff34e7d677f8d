import { Buffer } from 'node:buffer';
import { timingSafeEqual } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import { isUserId } from '../core/claim.ts';
import { DibsError } from '../core/errors.ts';
import { type TokenFault, tokenVerifier } from '../lib/participant-token.ts';
import { type Problem, problem } from './problem.ts';

/** The secrets that callers prove themselves by. */
export interface Credentials {
  /** Bearer key of the organiser. */
  readonly adminKey: string;
  /** Bearer key of the organiser's backend. */
  readonly serviceKey: string;
  /** Signs participant tokens. */
  readonly tokenSecret: string;
}

/** Who calls, as far as the Authorization header proves it. */
export type Caller =
  | { readonly kind: 'admin' | 'service' }
  | { readonly kind: 'participant'; readonly userId: string; readonly eventId: string }
  | { readonly kind: 'nobody'; readonly why: 'missing' | 'unknown' | TokenFault };

/** Tells who sent this Authorization header. Never throws. */
export type Authenticator = (authorization: string | undefined) => Caller;

const admin: Caller = { kind: 'admin' };
const service: Caller = { kind: 'service' };
const missing: Caller = { kind: 'nobody', why: 'missing' };
const unknown: Caller = { kind: 'nobody', why: 'unknown' };

/** Of a server that knows no credentials. */
export const nobody: Authenticator = (authorization) => (authorization === undefined ? missing : unknown);

/** Throws `invalid_configuration` where a secret is empty: an empty key would be proved by sending nothing. */
export function createAuthenticator(credentials: Credentials, clock: Clock): Authenticator {
  for (const [name, value] of Object.entries(credentials)) {
    if (value === '') throw new DibsError('invalid_configuration', `${name} must not be empty.`);
  }
  const { adminKey, serviceKey, tokenSecret } = credentials;
  if (adminKey === serviceKey) {
    throw new DibsError('invalid_configuration', 'adminKey and serviceKey must not be the same.');
  }
  const isAdmin = keyMatcher(adminKey);
  const isService = keyMatcher(serviceKey);
  const ofToken = participants(tokenSecret, clock);
  return (authorization) => {
    if (authorization === undefined) return missing;
    const given = bearerOf(authorization);
    if (given === null) return unknown;
    if (isService(given)) return service;
    if (isAdmin(given)) return admin;
    if (!given.includes('.')) return unknown;
    return ofToken(given);
  };
}

// About 5 MB of them.
const rememberedMax = 10_000;

/**
 * Tells whose a token is. Who waits for a place asks again and again with the same token: one that was genuine a moment
 * ago is looked up (0.3 µs) instead of verified (1.8 µs), and is still held to its end.
 */
function participants(secret: string, clock: Clock): (given: string) => Caller {
  const verify = tokenVerifier(secret);
  const remembered = new Map<string, { readonly caller: Caller; readonly expiresAt: number }>();
  return (given) => {
    const now = clock.now();
    const known = remembered.get(given);
    if (known !== undefined && now < known.expiresAt) return known.caller;
    const verdict = verify(given, now);
    if (!verdict.valid) return { kind: 'nobody', why: verdict.fault };
    const { userId, eventId, expiresAt } = verdict.token;
    if (!isUserId(userId)) return { kind: 'nobody', why: 'malformed' };
    const caller: Caller = { kind: 'participant', userId, eventId };
    // Emptied whole: to drop the oldest one by one would cost every new one what the memory saves.
    if (remembered.size >= rememberedMax) remembered.clear();
    remembered.set(given, { caller, expiresAt });
    return caller;
  };
}

const bearerForm = /^bearer +([^ ]+)$/i;

function bearerOf(authorization: string): string | null {
  // The spelling that all send, without the cost of the expression.
  if (authorization.startsWith('Bearer ') && !authorization.includes(' ', 7)) return authorization.slice(7);
  return bearerForm.exec(authorization)?.[1] ?? null;
}

/** Compares in constant time. That the length can be told from the time is no help against a random key. */
function keyMatcher(key: string): (given: string) => boolean {
  const expected = Buffer.from(key, 'utf8');
  // Node gives each byte of a header as one character.
  return (given) => given.length === expected.length && timingSafeEqual(Buffer.from(given, 'latin1'), expected);
}

const challenge = 'Bearer realm="dibs"';
const whys = {
  missing: 'The Authorization header is missing.',
  unknown: 'The Authorization header is neither a key nor a token that is known here.',
  malformed: 'The token is not one that is made for participants here.',
  forged: 'The signature of the token is not from here.',
  expired: 'The token has expired.',
} as const;

/** The 401 for a caller who has proved nothing. */
export function unauthorized(caller: Extract<Caller, { kind: 'nobody' }>): Problem {
  const error = caller.why === 'missing' ? '' : ', error="invalid_token"';
  return problem('unauthorized', whys[caller.why], {}, { 'WWW-Authenticate': challenge + error });
}
