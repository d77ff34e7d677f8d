/** What the errors of PostgreSQL mean. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { faultOf, RolledBack } from '../../../src/ledgers/postgres/errors.ts';
import type { Fault } from '../../../src/ledgers/sql/session.ts';

const given = (code: string): Error => Object.assign(new Error('no'), { code, severity: 'ERROR' });

const faults: readonly (readonly [Fault, string, string])[] = [
  ['row', '22001', 'too long'],
  ['row', '22003', 'out of range'],
  ['row', '22021', 'a NUL'],
  ['row', '23502', 'null'],
  ['row', '23503', 'a foreign key'],
  ['row', '23514', 'a check'],
  ['row', '23P01', 'an exclusion'],
  ['row', 'P0001', 'a trigger that raises'],
  ['key', '23505', 'a unique key'],
  ['rolled_back', '40001', 'a serialization failure'],
  ['rolled_back', '40P01', 'a deadlock'],
  ['other', '40003', 'a statement of which it is not known how it ended'],
  ['other', '55P03', 'a lock that was waited for too long'],
  ['other', '57014', 'a statement that took too long'],
  ['not_migrated', '42P01', 'no such table'],
  ['not_migrated', '42703', 'no such column'],
  ['lost', '57P01', 'shutting down'],
  ['lost', '57P03', 'starting up'],
  ['lost', '53300', 'too many connections'],
  ['lost', '08006', 'a connection that broke'],
  ['other', '25006', 'read-only'],
  ['other', '53100', 'a full disk'],
  ['other', '28P01', 'a wrong password'],
];

describe('an error of PostgreSQL', () => {
  for (const [fault, code, text] of faults) {
    it(`${code} (${text}) means ${fault}`, () => assert.equal(faultOf(given(code)), fault));
  }

  it('that is none of the server’s means that the connection is lost', () => {
    assert.equal(faultOf(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })), 'lost');
    assert.equal(faultOf(new Error('Connection terminated unexpectedly')), 'lost');
    assert.equal(faultOf('no error'), 'lost');
  });

  it('is none where it answers a commit by having rolled back', () => {
    assert.equal(faultOf(new RolledBack()), 'rolled_back');
  });
});
