/** What row locks and isolation do on MariaDB and PostgreSQL, which is not the same. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeService } from '../services/shared.ts';
import { endings, outcomeOf, runOf } from './bench.ts';

describeService('mariadb', 'on MariaDB', () => {
  const common = { database: 'mariadb', services: ['mariadb'] } as const;
  endings(
    [
      ['sql-count:ge', {}, 'over'],
      ['for-share', {}, 'turned-away'],
      ['for-update:wait', {}, 'turned-away'],
      ['for-update:wait', { inFlight: 1 }, 'safe'],
      ['for-update:nowait', {}, 'turned-away'],
      ['for-update:skip-locked', {}, ['turned-away', 'over']],
      ['serializable:retry', { claims: 120, capacity: 20 }, 'safe'],
      ['serializable:no-retry', {}, 'turned-away'],
      ['optimistic-version:retry', {}, 'safe'],
      ['unique-user', { servers: 4 }, 'safe'],
      ['unique-user', { users: 'one' }, 'safe'],
      ['ticket-stack', { fault: 'db-error' }, 'leaked'],
      ['dibs-sqlite', {}, 'safe'],
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
      ['sql-count:ge', {}, 'over'],
      ['for-share', {}, 'over'],
      ['for-update:wait', {}, 'over'],
      ['for-update:wait', { inFlight: 1 }, 'safe'],
      ['for-update:nowait', {}, ['turned-away', 'over']],
      ['for-update:skip-locked', {}, 'over'],
      ['serializable:retry', {}, 'safe'],
      ['serializable:no-retry', {}, 'turned-away'],
      ['optimistic-version:retry', {}, 'safe'],
      ['unique-user', { servers: 4 }, 'safe'],
      ['unique-user', { users: 'one' }, 'safe'],
      ['unique-user', { fault: 'crash-between' }, 'safe'],
      ['dibs-sqlite', {}, 'safe'],
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
