/** What the errors of MySQL and MariaDB mean. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { faultOf } from '../../../src/ledgers/mysql/errors.ts';
import type { Fault } from '../../../src/ledgers/sql/session.ts';

const given = (errno: number, sqlState: string): Error => Object.assign(new Error('no'), { errno, sqlState });

// As the servers give them: number, SQLSTATE.
const faults: readonly (readonly [Fault, number, string, string])[] = [
  ['row', 1406, '22001', 'too long'],
  ['row', 1264, '22003', 'out of range'],
  ['row', 1366, '22007', 'not of the character set'],
  ['row', 1366, 'HY000', 'not of the character set, by MySQL'],
  ['row', 1364, 'HY000', 'a column without a default'],
  ['row', 1048, '23000', 'null'],
  ['row', 1452, '23000', 'a foreign key'],
  ['row', 3819, 'HY000', 'a check, by MySQL'],
  ['row', 4025, '23000', 'a check, by MariaDB'],
  ['row', 1644, '45000', 'a trigger that signals'],
  ['row', 1644, '99999', 'a trigger that signals a state of its own'],
  ['row', 9999, '45000', 'a trigger that signals a number of its own'],
  ['key', 1062, '23000', 'a unique key'],
  ['rolled_back', 1213, '40001', 'a deadlock'],
  ['other', 1205, 'HY000', 'a lock that was waited for too long'],
  ['not_migrated', 1146, '42S02', 'no such table'],
  ['not_migrated', 1054, '42S22', 'no such column'],
  ['lost', 1053, '08S01', 'shutting down'],
  ['lost', 1927, '70100', 'killed'],
  ['lost', 1040, '08004', 'too many connections'],
  ['other', 1290, 'HY000', 'read-only'],
  ['other', 1114, 'HY000', 'full'],
  ['other', 1226, '42000', 'a user with too many connections'],
  ['other', 1045, '28000', 'a wrong password'],
  ['other', 1969, '70100', 'a statement that took too long'],
];

describe('an error of MySQL or MariaDB', () => {
  for (const [fault, errno, state, text] of faults) {
    it(`${errno} (${state}, ${text}) means ${fault}`, () => assert.equal(faultOf(given(errno, state)), fault));
  }

  it('that is none of the server’s means that the connection is lost', () => {
    assert.equal(faultOf(Object.assign(new Error('read ECONNRESET'), { errno: -104, code: 'ECONNRESET' })), 'lost');
    assert.equal(faultOf(new Error('the connection was cut')), 'lost');
    assert.equal(faultOf('no error'), 'lost');
  });
});
