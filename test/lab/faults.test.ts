/** What goes wrong on purpose, with what needs no service. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { endings, runOf } from './bench.ts';

describe('lost-reply: whoever was not told claims again', () => {
  endings(
    [
      ['sql-count:ge', {}, 'duplicates'],
      ['mutex', {}, 'duplicates'],
      ['ticket-stack', {}, 'duplicates'],
      ['optimistic-version:retry', {}, 'duplicates'],
      // The second click may find the lock taken, as the first might have.
      ['try-lock', {}, ['duplicates', 'turned-away']],
      ['try-lock', { inFlight: 1 }, 'duplicates'],
      ['serializable:no-retry', {}, ['duplicates', 'turned-away']],
      ['unique-user', {}, 'safe'],
      ['dibs-sqlite', {}, 'safe'],
    ],
    { fault: 'lost-reply' },
  );

  test('strikes winners and others alike', async () => {
    // 40 winners, and 360 who came too late: every tenth of both.
    assert.equal((await runOf('unique-user', { fault: 'lost-reply' })).struck, 4 + 36);
  });
});

describe('crash-between: the server dies between two steps of a claim', () => {
  endings(
    [
      ['ticket-stack', { inFlight: 8 }, 'over'],
      ['ticket-stack', { inFlight: 256 }, ['over', 'safe']],
      ['atomic-counter', {}, ['over', 'duplicates']],
      ['atomic-counter', { inFlight: 1 }, 'over'],
      ['sql-count:ge', {}, 'over'],
      ['mutex', {}, 'safe'],
      ['mutex', { servers: 4 }, 'over'],
      ['serializable:retry', {}, 'safe'],
      ['optimistic-version:retry', {}, 'safe'],
      ['try-lock', { inFlight: 1 }, 'safe'],
      ['unique-user', {}, 'safe'],
      ['dibs-sqlite', {}, 'safe'],
      ['dibs-sqlite', { users: 'one' }, 'safe'],
    ],
    { fault: 'crash-between' },
  );

  test('it has died three times, and what it had counted is not known', async () => {
    const run = await runOf('unique-user', { fault: 'crash-between' });
    const { struck, statementsPerClaim, roundTripsPerClaim, aborted, lockWaits, lastCouponSeconds } = run;
    assert.equal(struck, 3);
    const unknown = [statementsPerClaim, roundTripsPerClaim, aborted, lockWaits, lastCouponSeconds];
    assert.deepEqual(unknown, [null, null, null, null, null]);
  });
});

describe('db-error: inserts fail', () => {
  endings(
    [
      ['ticket-stack', {}, 'leaked'],
      ['atomic-counter', {}, 'leaked'],
      ['sql-count:ge', {}, 'over'],
      ['sql-count:ge', { inFlight: 1 }, 'turned-away'],
      ['sql-count:ge', { inFlight: 2 }, ['over', 'turned-away']],
      ['mutex', {}, 'turned-away'],
      ['serializable:retry', {}, 'turned-away'],
      ['optimistic-version:retry', {}, 'turned-away'],
      ['unique-user', {}, 'turned-away'],
      ['dibs-sqlite', {}, 'safe'],
    ],
    { fault: 'db-error' },
  );

  test('what the ledger of the engine refuses is kept, and issued once the cause is gone', async () => {
    const { struck, issued, verdict } = await runOf('dibs-sqlite', { fault: 'db-error' });
    assert.deepEqual([struck, issued, verdict], [4, 40, 'safe']);
  });
});

describe('slow-db: inserts take a second longer', () => {
  endings(
    [
      ['mutex', {}, 'safe'],
      ['sql-count:ge', {}, 'over'],
      ['try-lock', {}, 'turned-away'],
      ['ticket-stack', {}, 'safe'],
      ['optimistic-version:retry', {}, 'safe'],
      ['unique-user', {}, 'safe'],
    ],
    { fault: 'slow-db', capacity: 20 },
  );
});
