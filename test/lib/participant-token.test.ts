import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { createHmac } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { signToken, type TokenVerdict, verifyToken } from '../../src/lib/participant-token.ts';

const secret = 'a secret of thirty-two characters!';
const now = 1_800_000_000_000;
const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const sign = (head: unknown, body: unknown, hash = 'sha256') => {
  const text = `${part(head)}.${part(body)}`;
  return `${text}.${createHmac(hash, secret).update(text).digest('base64url')}`;
};
const hs256 = { alg: 'HS256', typ: 'JWT' };
const body = { sub: 'u1', event: 'launch', exp: now / 1000 + 60 };
const faultOf = (verdict: TokenVerdict) => (verdict.valid ? 'none' : verdict.fault);
const judge = (text: string) => faultOf(verifyToken(text, secret, now));

describe('a participant token is refused', () => {
  const good = sign(hs256, body);
  const [head = '', payload = '', signature = ''] = good.split('.');

  const malformed: [name: string, text: string][] = [
    ['nothing', ''],
    ['one part', 'abc'],
    ['two parts', `${head}.${payload}`],
    ['four parts', `${good}.${signature}`],
    ['an empty signature', `${head}.${payload}.`],
    ['alg none', `${part({ alg: 'none' })}.${payload}.`],
    ['alg none with a signature', sign({ alg: 'none' }, body)],
    ['alg HS512 truly signed', sign({ alg: 'HS512', typ: 'JWT' }, body, 'sha512')],
    ['alg HS512 signed by HS256', sign({ alg: 'HS512', typ: 'JWT' }, body)],
    ['alg RS256', sign({ alg: 'RS256', typ: 'JWT' }, body)],
    ['alg hs256 in small letters', sign({ alg: 'hs256' }, body)],
    ['no alg', sign({ typ: 'JWT' }, body)],
    ['a critical extension', sign({ ...hs256, crit: ['b64'], b64: false }, body)],
    ['another type of token', sign({ alg: 'HS256', typ: 'at+jwt' }, body)],
    ['a header that is no object', sign(7, body)],
    ['a header that is no JSON', `bm90anNvbg.${payload}.${signature}`],
    ['a body that is no object', sign(hs256, 'u1')],
    ['no sub', sign(hs256, { event: 'launch', exp: body.exp })],
    ['no event', sign(hs256, { sub: 'u1', exp: body.exp })],
    ['no exp', sign(hs256, { sub: 'u1', event: 'launch' })],
    ['exp as text', sign(hs256, { ...body, exp: String(body.exp) })],
    ['exp as a fraction', sign(hs256, { ...body, exp: body.exp + 0.5 })],
    ['exp beyond all numbers', sign(hs256, { ...body, exp: 1e300 })],
    ['exp before time began', sign(hs256, { ...body, exp: -1 })],
    ['sub as a number', sign(hs256, { ...body, sub: 1 })],
    ['event as a list', sign(hs256, { ...body, event: ['launch'] })],
    ['not valid yet', sign(hs256, { ...body, nbf: now / 1000 + 1 })],
    ['padding', `${good}=`],
    [
      'a letter whose low byte is the right one',
      good.slice(0, -1) + String.fromCharCode(0x100 + good.charCodeAt(good.length - 1)),
    ],
    ['a line feed behind it', `${good}\n`],
  ];
  for (const [name, text] of malformed) test(name, () => assert.equal(judge(text), 'malformed'));

  test('when it was signed with another secret', () => {
    assert.equal(faultOf(verifyToken(good, `${secret}x`, now)), 'forged');
  });

  test('from the very millisecond in which it expires, and only when it is genuine', () => {
    assert.equal(faultOf(verifyToken(good, secret, body.exp * 1000 - 1)), 'none');
    assert.equal(faultOf(verifyToken(good, secret, body.exp * 1000)), 'expired');
    assert.equal(faultOf(verifyToken(good, `${secret}x`, body.exp * 1000)), 'forged');
  });

  test('when any one character of it was changed', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const changed = fc
      .tuple(fc.nat(good.length - 1), fc.constantFrom(...alphabet.split('')))
      .map(([at, letter]) => good.slice(0, at) + letter + good.slice(at + 1))
      .filter((text) => text !== good);
    fc.assert(fc.property(changed, (text) => judge(text) !== 'none'));
  });

  test('whatever it is, without throwing', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => judge(text) === 'malformed'));
  });
});

describe('a participant token', () => {
  test('gives back what it was made of', () => {
    const word = fc.string({ minLength: 1 });
    const time = fc.integer({ min: now / 1000 + 1, max: 253_402_300_799 }).map((second) => second * 1000);
    fc.assert(
      fc.property(word, word, time, word, (userId, eventId, expiresAt, key) => {
        const token = { userId, eventId, expiresAt };
        assert.deepEqual(verifyToken(signToken(token, key), key, now), { valid: true, token });
      }),
    );
  });

  test('made by another library passes, with or without typ, nbf and claims of its own', () => {
    assert.equal(judge(sign({ typ: 'jwt', alg: 'HS256', kid: '1' }, { ...body, iat: 1, nbf: now / 1000 })), 'none');
    assert.equal(judge(sign({ alg: 'HS256' }, body)), 'none');
  });

  test('is signed by the HMAC that Node computes, whatever the secret and the user', () => {
    const anyText = fc.string({ unit: 'grapheme', maxLength: 200 });
    fc.assert(
      fc.property(anyText, anyText, (key, userId) => {
        const text = signToken({ userId, eventId: 'launch', expiresAt: now + 1000 }, key);
        const at = text.lastIndexOf('.');
        assert.equal(text.slice(at + 1), createHmac('sha256', key).update(text.slice(0, at)).digest('base64url'));
      }),
    );
  });

  test('is not made for a time that is none', () => {
    assert.throws(() => signToken({ userId: 'u', eventId: 'e', expiresAt: Number.NaN }, secret), RangeError);
  });
});
