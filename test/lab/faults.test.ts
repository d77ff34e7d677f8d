/** What goes wrong on purpose, with what needs no service. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { endings, runOf } from './bench.ts';

describe('lost-reply: whoever has won and does not know it claims again', () => {
  endings(
    [
      ['sql-count:ge', {}, 'duplicates'],
      ['mutex', {}, 'duplicates'],
      ['ticket-stack', {}, 'duplicates'],
      ['optimistic-version:retry', {}, 'duplicates'],
      ['unique-user', {}, 'safe'],
      ['dibs-sqlite', {}, 'safe'],
    ],
    { fault: 'lost-reply' },
  );
});

describe('crash-between: the server dies between two steps of a claim', () => {
  endings(
    [
      ['ticket-stack', {}, ['over', 'duplicates']],
      ['atomic-counter', {}, ['over', 'duplicates']],
      ['unique-user', {}, 'safe'],
      ['dibs-sqlite', {}, 'safe'],
      ['dibs-sqlite', { users: 'one' }, 'safe'],
    ],
    { fault: 'crash-between' },
  );

  test('it has died three times', async () => {
    const { struck } = await runOf('unique-user', { fault: 'crash-between' });
    assert.equal(struck, 3);
  });
});

describe('db-error: inserts fail', () => {
  endings(
    [
      ['ticket-stack', {}, 'leaked'],
      ['atomic-counter', {}, 'leaked'],
      ['unique-user', {}, 'turned-away'],
    ],
    { fault: 'db-error' },
  );
});

describe('slow-db: inserts take a second longer', () => {
  endings(
    [
      ['mutex', {}, 'safe'],
      ['sql-count:ge', {}, 'over'],
      ['unique-user', {}, 'safe'],
    ],
    { fault: 'slow-db', capacity: 20 },
  );
});
