/** What row locks and isolation do on MariaDB and PostgreSQL, which is not the same. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { describeService } from '../services/shared.ts';
import { endings, outcomeOf, type Row, runOf } from './bench.ts';

/** What needs no row locks ends as it does on SQLite. */
const alike: readonly Row[] = [
  ['sql-count:ge', {}, 'over'],
  ['mutex', {}, 'safe'],
  ['mutex', { servers: 4 }, 'over'],
  ['try-lock', {}, 'turned-away'],
  ['serializable:no-retry', {}, 'turned-away'],
  ['serializable:no-retry', { servers: 4 }, 'turned-away'],
  ['serializable:retry', { servers: 4, claims: 120, capacity: 20 }, 'safe'],
  ['optimistic-version:retry', { servers: 4 }, 'safe'],
  ['optimistic-version:no-retry', {}, 'turned-away'],
  ['for-share', { inFlight: 1 }, 'safe'],
  ['for-update:wait', { inFlight: 1 }, 'safe'],
  ['for-update:nowait', { inFlight: 1 }, 'safe'],
  ['for-update:skip-locked', { inFlight: 1 }, 'safe'],
  ['unique-user', { servers: 4 }, 'safe'],
  ['unique-user', { users: 'one' }, 'safe'],
  ['unique-user', { fault: 'crash-between' }, 'safe'],
  ['dibs-sqlite', {}, 'safe'],
  ['dibs-sqlite', { fault: 'slow-db' }, 'safe'],
  ['dibs-sqlite', { fault: 'db-error' }, 'safe'],
];

describeService('mariadb', 'on MariaDB', () => {
  const common = { database: 'mariadb', services: ['mariadb'] } as const;
  endings(
    [
      ...alike,
      ['for-share', {}, 'turned-away'],
      ['for-share', { servers: 4 }, 'turned-away'],
      ['for-update:wait', {}, ['turned-away', 'safe']],
      ['for-update:wait', { servers: 4 }, ['turned-away', 'safe']],
      ['for-update:nowait', {}, 'turned-away'],
      ['for-update:skip-locked', {}, ['turned-away', 'over']],
      ['ticket-stack', { fault: 'db-error' }, 'leaked'],
      ['atomic-counter', { servers: 4 }, 'over'],
    ],
    common,
  );

  test('shared locks end in deadlocks, which are counted', async () => {
    const { aborted, over } = await runOf('for-share', common);
    assert.ok((aborted ?? 0) > 0);
    assert.equal(over, 0);
  });
});

describeService('postgres', 'on PostgreSQL', () => {
  const common = { database: 'postgres', services: ['postgres'] } as const;
  endings(
    [
      ...alike,
      ['for-share', {}, 'over'],
      ['for-share', { servers: 4 }, 'over'],
      ['for-update:wait', {}, 'over'],
      ['for-update:wait', { servers: 4 }, 'over'],
      ['for-update:nowait', {}, ['turned-away', 'over']],
      ['for-update:skip-locked', {}, 'over'],
      ['ticket-stack', {}, 'safe'],
      ['atomic-counter', {}, 'safe'],
    ],
    common,
  );

  test('inserts pass a lock on the rows that are there', async () => {
    const { trace } = await outcomeOf('for-update:wait', { ...common, isTraced: true });
    const done = trace?.lines.filter(({ text }) => /^(SELECT|INSERT)/.test(text)) ?? [];
    assert.deepEqual(
      done.map(({ claim, outcome }) => [claim, outcome]),
      [
        [0, '0'],
        [1, '0'],
        [0, '1 row'],
        [1, '1 row'],
      ],
    );
    assert.deepEqual([trace?.issued, trace?.verdict], [2, 'over']);
  });
});

describe('a ledger that fails beneath the engine', () => {
  for (const database of ['mariadb', 'postgres'] as const) {
    describeService(database, `in ${database}`, () => {
      test('is seen to: what it refuses is issued later, and what it takes its time with is waited for', async () => {
        const refused = await runOf('dibs-sqlite', { database, services: [database], fault: 'db-error' });
        assert.deepEqual([refused.struck, refused.issued], [4, 40]);
        const slow = await runOf('dibs-sqlite', { database, services: [database], fault: 'slow-db' });
        assert.deepEqual([slow.struck, slow.issued], [1, 40]);
      });
    });
  }
});
