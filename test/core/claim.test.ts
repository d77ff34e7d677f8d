import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { checkClaim, isEventId, isUserId } from '../../src/core/claim.ts';
import { DibsError } from '../../src/core/errors.ts';

describe('user ids', () => {
  const allowed = ['a', '!', '~', 'auth0|5f7c8ec7', 'a+b@example.org', '__proto__', "it's", '"', '\\', 'u'.repeat(128)];
  for (const id of allowed) it(`allow ${id.slice(0, 20)}`, () => assert.ok(isUserId(id)));

  const refused = [
    '',
    ' ',
    'a b',
    ' a',
    'a ',
    'a\n',
    '\na',
    'a\tb',
    'a\0',
    '\x7f',
    'é',
    '한',
    '🎟',
    'u'.repeat(129),
    '\ud800',
  ];
  for (const id of refused) it(`refuse ${JSON.stringify(id).slice(0, 20)}`, () => assert.ok(!isUserId(id)));

  it('refuse what is no text', () => {
    const values = [null, undefined, 0, 1, true, {}, [], ['a'], Symbol('a'), new String('a')];
    for (const value of values) assert.ok(!isUserId(value), typeof value);
  });

  it('are 1 to 128 printable ASCII characters without space, and nothing else', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 140 }), (text) => {
        const fits =
          text.length >= 1 && text.length <= 128 && text.split('').every((char) => char > ' ' && char <= '~');
        assert.equal(isUserId(text), fits);
      }),
    );
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0x21, max: 0x7e }), { minLength: 1, maxLength: 128 }), (codes) => {
        assert.ok(isUserId(String.fromCharCode(...codes)));
      }),
    );
  });
});

describe('event ids', () => {
  const allowed = ['a', 'Z', '0', 'launch', 'a.b-c_d', 'a..', 'constructor', `a${'b'.repeat(63)}`];
  for (const id of allowed) it(`allow ${id.slice(0, 20)}`, () => assert.ok(isEventId(id)));

  const refused = [
    '',
    '.',
    '..',
    '-a',
    '_a',
    '.a',
    'a/b',
    'a b',
    'a\n',
    'a:b',
    'a{b}',
    'a%2e',
    'é',
    '한정',
    '__proto__',
    'a'.repeat(65),
  ];
  for (const id of refused) it(`refuse ${JSON.stringify(id).slice(0, 20)}`, () => assert.ok(!isEventId(id)));
});

describe('a claim', () => {
  const faultsOf = (claim: { userId: unknown; key?: unknown }): unknown[] => {
    try {
      checkClaim(claim);
      return [];
    } catch (error) {
      assert.ok(error instanceof DibsError && error.code === 'invalid_request');
      return (error.details.errors ?? []).map((fault) => fault.path);
    }
  };

  it('may have a key or none', () => {
    for (const claim of [
      { userId: 'a' },
      { userId: 'a', key: null },
      { userId: 'a', key: undefined },
      { userId: 'a', key: 'k' },
    ]) {
      assert.deepEqual(faultsOf(claim), []);
    }
  });
  it('names each field that does not fit', () => {
    assert.deepEqual(faultsOf({ userId: '' }), ['/userId']);
    assert.deepEqual(faultsOf({ userId: 'a', key: '' }), ['/key']);
    assert.deepEqual(faultsOf({ userId: 'a', key: 7 }), ['/key']);
    assert.deepEqual(faultsOf({ userId: undefined, key: 'a b' }), ['/userId', '/key']);
  });
});
