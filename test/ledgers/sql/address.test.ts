/** The URL of a ledger: what it may say, and that its password is never shown. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { DibsError } from '../../../src/core/errors.ts';
import { parseSqlAddress } from '../../../src/ledgers/sql/address.ts';

const parse = (text: string) => parseSqlAddress(text, ['postgres', 'postgresql'], 5432);
const base = 'postgres://dibs:pass@db.example:6543/ledger';

function files(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'dibs-tls-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return (name: string): string => {
    writeFileSync(join(folder, name), `the ${name}`);
    return join(folder, name);
  };
}

describe('the URL of a ledger', () => {
  it('names host, port, user, password and database', () => {
    const place = 'db.example:6543/ledger';
    const expected = {
      host: 'db.example',
      port: 6543,
      user: 'dibs',
      password: 'pass',
      database: 'ledger',
      tls: null,
      place,
    };
    assert.deepEqual(parse(base), expected);
    assert.equal(parse('postgresql://u@h/d').port, 5432);
    assert.deepEqual(
      [parse('postgres://u@[::1]/d').host, parse('postgres://u@[::1]/d').place],
      ['::1', '[::1]:5432/d'],
    );
    const { user, password, database } = parse('postgres://a%40b:p%2F%3A%25@h/d%20e');
    assert.deepEqual([user, password, database], ['a@b', 'p/:%', 'd e']);
  });

  const verifies: readonly (readonly [string, string | null])[] = [
    ['sslmode=disable', null],
    ['ssl-mode=DISABLED', null],
    ['sslmode=require', 'none'],
    ['ssl-mode=REQUIRED', 'none'],
    ['sslmode=verify-ca', 'ca'],
    ['ssl-mode=VERIFY_CA', 'ca'],
    ['sslmode=verify-full', 'full'],
    ['ssl-mode=VERIFY_IDENTITY', 'full'],
  ];
  for (const [query, verify] of verifies) {
    it(`with ${query} verifies ${verify ?? 'nothing, in the clear'}`, () => {
      assert.equal(parse(`${base}?${query}`).tls?.verify ?? null, verify);
    });
  }

  it('names certificates in the words of either database', (t) => {
    const file = files(t);
    const [ca, cert, key] = [file('ca'), file('cert'), file('key')];
    const expected = { verify: 'full', ca: 'the ca', cert: 'the cert', key: 'the key' };
    assert.deepEqual(
      parse(`${base}?sslmode=verify-full&sslrootcert=${ca}&sslcert=${cert}&sslkey=${key}`).tls,
      expected,
    );
    const words = `ssl-mode=VERIFY_IDENTITY&ssl-ca=${ca}&ssl-cert=${cert}&ssl-key=${key}`;
    assert.deepEqual(parse(`${base}?${words}`).tls, expected);
    assert.equal(parse(`${base}?sslmode=require&sslrootcert=${ca}`).tls?.verify, 'ca', 'as libpq has it');
  });

  const faults: readonly (readonly [string, RegExp])[] = [
    ['not a url s3cret', /not of the form postgres:/],
    ['mysql://u:s3cret@h/d', /not of the form postgres:/],
    ['postgres://u:p@s3cret/w@h/d', /write @ as %40, \/ as %2F and # as %23/],
    ['postgres://u:p@h/d#s3cret', /write @ as %40, \/ as %2F and # as %23/],
    ['postgres://u:s3cret@h', /names no database/],
    ['postgres://u:s3cret@h/', /names no database/],
    ['postgres://:s3cret@h/d', /names no user/],
    ['postgres://h/d', /names no user/],
    ['postgres://u:s3cret%@h/d', /%25/],
    ['postgres://u:s3cret@h:99999/d', /not of the form/],
    ['postgres://u:s3cret@h/d?sslmode=prefer', /none falls back/],
    ['postgres://u:s3cret@h/d?sslmode=verify', /disable, require, verify-ca, verify-full/],
    ['postgres://u:s3cret@h/d?sslrootcert=/nowhere', /sslmode=verify-full/],
    ['postgres://u:s3cret@h/d?sslmode=verify-full&sslrootcert=/nowhere', /\/nowhere, which cannot be read \(ENOENT\)/],
    ['postgres://u:s3cret@h/d?ssl=s3cret', /parameter ssl; there are sslmode/],
  ];
  for (const [text, expected] of faults) {
    it(`${text} is refused, and not shown`, () => {
      assert.throws(
        () => parse(text),
        (error) => {
          assert.ok(error instanceof DibsError && error.code === 'invalid_configuration');
          assert.match(error.message, expected);
          assert.equal(error.cause, undefined);
          assert.doesNotMatch(error.message, /s3cret/);
          return true;
        },
      );
    });
  }
});
