/** What row locks and isolation do on MariaDB and PostgreSQL, which is not the same. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { lockVariants } from '../../src/lab/row-locks.ts';
import { describeService } from '../services/shared.ts';
import { type Asked, endings, type Row, runOf, story, traceOf } from './bench.ts';

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
  ['for-share:wait', { inFlight: 1 }, 'safe'],
  ['for-share:nowait', { inFlight: 1 }, 'safe'],
  ['for-share:skip-locked', { inFlight: 1 }, 'safe'],
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

/** What counts and inserts do to each other, and how many coupons there are then for how many places. */
async function racingOf(called: string, asked: Asked) {
  const trace = await traceOf(called, asked);
  const steps = story(trace)
    .filter((line) => / (SELECT|INSERT|goes on) /.test(line))
    .map((line) => line.replace(/ (COUNT\(\*\)|INTO) -> | -> /, ' '));
  return { steps, ending: [trace.issued, trace.capacity, trace.verdict] };
}

describeService('mariadb', 'on MariaDB', () => {
  const common = { database: 'mariadb', services: ['mariadb'] } as const;
  endings(
    [
      ...alike,
      ['sql-count:ge', { inFlight: 2 }, ['over', 'safe']],
      ['for-share:wait', {}, 'turned-away'],
      ['for-share:wait', { servers: 4 }, 'turned-away'],
      ['for-share:nowait', {}, 'turned-away'],
      ['for-share:skip-locked', {}, ['turned-away', 'over']],
      ['for-share:skip-locked', { inFlight: 8 }, ['turned-away', 'over']],
      ['for-update:wait', {}, 'turned-away'],
      ['for-update:wait', { servers: 4 }, 'turned-away'],
      ['for-update:nowait', {}, 'turned-away'],
      ['for-update:skip-locked', {}, ['turned-away', 'over']],
      ['ticket-stack', { fault: 'db-error' }, 'leaked'],
      ['atomic-counter', { servers: 4 }, 'over'],
    ],
    common,
  );

  test('shared locks end in deadlocks, which are counted', async () => {
    const { aborted, over } = await runOf('for-share:wait', common);
    assert.ok((aborted ?? 0) > 0);
    assert.equal(over, 0);
  });
});

describeService('mariadb', 'two claims for the last of two places, on MariaDB', () => {
  const common = { database: 'mariadb', services: ['mariadb'] } as const;
  const deadlock = 'Deadlock found when trying to get lock; try restarting transaction';

  test('who has waited for a row counts what has come meanwhile', async () => {
    assert.deepEqual(await racingOf('for-update:wait', common), {
      steps: ['A SELECT 1', 'B SELECT waits', 'A INSERT 1 row', 'B goes on 2'],
      ending: [2, 2, 'safe'],
    });
  });

  test('who does not wait is refused, or does not see the row that is locked', async () => {
    assert.deepEqual(await racingOf('for-update:nowait', common), {
      steps: ['A SELECT 1', 'B SELECT Lock wait timeout exceeded; try restarting transaction', 'A INSERT 1 row'],
      ending: [2, 2, 'turned-away'],
    });
    assert.deepEqual(await racingOf('for-update:skip-locked', common), {
      steps: ['A SELECT 1', 'B SELECT 0', 'A INSERT waits', `B INSERT ${deadlock}`, 'A goes on 1 row'],
      ending: [2, 2, 'turned-away'],
    });
  });

  test('two that hold the same shared lock end in a deadlock, whatever it says of waiting', async () => {
    for (const variant of lockVariants)
      assert.deepEqual(await racingOf(`for-share:${variant}`, common), {
        steps: ['A SELECT 1', 'B SELECT 1', 'A INSERT waits', `B INSERT ${deadlock}`, 'A goes on 1 row'],
        ending: [2, 2, 'turned-away'],
      });
  });
});

describeService('postgres', 'on PostgreSQL', () => {
  const common = { database: 'postgres', services: ['postgres'] } as const;
  endings(
    [
      ...alike,
      ['for-share:wait', {}, 'over'],
      ['for-share:wait', { servers: 4 }, 'over'],
      ['for-share:nowait', {}, 'over'],
      ['for-share:skip-locked', {}, 'over'],
      ['for-update:wait', {}, 'over'],
      ['for-update:wait', { servers: 4 }, 'over'],
      ['for-update:nowait', {}, ['turned-away', 'over']],
      ['for-update:skip-locked', {}, 'over'],
      ['ticket-stack', {}, 'safe'],
      ['atomic-counter', {}, 'safe'],
    ],
    common,
  );

  describe('two claims for the last of two places', () => {
    test('who has waited for a row counts by the picture from before, and inserts pass', async () => {
      assert.deepEqual(await racingOf('for-update:wait', common), {
        steps: ['A SELECT 1', 'B SELECT waits', 'A INSERT 1 row', 'B goes on 1', 'B INSERT 1 row'],
        ending: [3, 2, 'over'],
      });
    });

    test('who does not wait is refused, or does not see the row that is locked', async () => {
      assert.deepEqual(await racingOf('for-update:nowait', common), {
        steps: ['A SELECT 1', 'B SELECT could not obtain lock on row in relation "coupons"', 'A INSERT 1 row'],
        ending: [2, 2, 'turned-away'],
      });
      assert.deepEqual(await racingOf('for-update:skip-locked', common), {
        steps: ['A SELECT 1', 'B SELECT 0', 'A INSERT 1 row', 'B INSERT 1 row'],
        ending: [3, 2, 'over'],
      });
    });

    test('a shared lock keeps nobody away, whatever it says of waiting', async () => {
      for (const variant of lockVariants)
        assert.deepEqual(await racingOf(`for-share:${variant}`, common), {
          steps: ['A SELECT 1', 'B SELECT 1', 'A INSERT 1 row', 'B INSERT 1 row'],
          ending: [3, 2, 'over'],
        });
    });
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
