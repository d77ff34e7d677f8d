/** The ledger of one machine passes the suite of all ledgers, and keeps what SQLite alone can break. */
import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { describe, it, type TestContext } from 'node:test';
import { openSqliteLedger } from '../../../src/ledgers/sqlite/ledger.ts';
import { systemClock } from '../../../src/lib/system-clock.ts';
import {
  batchOf,
  couponOf,
  couponsOf,
  failureOf,
  issue,
  ledgerEvent,
  seen,
  unchangedBy,
} from '../../../src/testing/ledger/acting.ts';
import { ledgerConformance } from '../../../src/testing/ledger/conformance.ts';
import { ManualClock } from '../../../src/testing/manual-clock.ts';
import { troubleOf } from '../../../src/testing/refusal.ts';
import { databaseFolder, fillDisk, openWatched, plansOf, pragma } from '../../testing/sqlite-connection.ts';

/** Runs statements on a connection of its own, as an operator with another tool would. */
function operate(file: string, sql: string): void {
  using db = new DatabaseSync(file);
  db.exec(sql);
}

ledgerConformance('sqlite', {
  async setup() {
    const { file: path, remove } = await databaseFolder('ledger');
    const clock = new ManualClock();
    const ledger = await openSqliteLedger({ path, clock });
    const open = [ledger];
    return {
      ledger,
      clock,
      plant: async (eventId, slot) =>
        operate(
          path,
          `CREATE TRIGGER planted BEFORE INSERT ON coupons WHEN NEW.event_id = '${eventId}' AND NEW.slot = ${slot}
           BEGIN SELECT RAISE(ABORT, 'planted'); END`,
        ),
      unplant: async () => operate(path, 'DROP TRIGGER planted'),
      async connect() {
        const other = await openSqliteLedger({ path, clock });
        open.push(other);
        return other;
      },
      async teardown() {
        await Promise.all(open.map((ledger) => ledger.close()));
        await remove();
      },
    };
  },
  processes: {
    module: new URL('./ledger-process.ts', import.meta.url),
    async make() {
      const { file, remove } = await databaseFolder('ledger');
      return { at: file, remove };
    },
  },
});

/** A migrated ledger on a file of its own, whose connection the test can reach; both are gone after the test. */
async function watched(t: TestContext) {
  const { file: path, remove } = await databaseFolder('ledger');
  const { opened: ledger, db } = await openWatched(() => openSqliteLedger({ path, clock: new ManualClock() }));
  t.after(async () => {
    await ledger.close();
    await remove();
  });
  await ledger.migrate();
  return { ledger, db, path };
}

describe('the settings of the SQLite ledger', () => {
  it('make a commit durable, and let other tools read', async (t) => {
    const { ledger, db, path } = await watched(t);
    await issue(ledger, { coupons: couponsOf(1, 3) });
    assert.deepEqual([pragma(db, 'journal_mode'), pragma(db, 'synchronous')], ['wal', 2]);
    using other = new DatabaseSync(path, { readOnly: true });
    assert.equal(other.prepare('SELECT COUNT(*) AS count FROM coupons').get()?.['count'], 3);
  });

  it('keep the columns of the contract', async (t) => {
    const { path } = await watched(t);
    using other = new DatabaseSync(path, { readOnly: true });
    const columnsOf = (table: string) =>
      other
        .prepare(`PRAGMA table_info(${table})`)
        .all()
        .map((row) => String(row['name']))
        .toSorted();
    const contract: Record<string, string> = {
      events: 'created_at epoch event_id revision spec state updated_at',
      coupons: 'claim_id claim_key code event_id issued_at nth slot user_id won_at',
      failed_issuances: 'attempts error event_id id next_attempt_at reason record slot state user_id',
    };
    for (const [table, columns] of Object.entries(contract))
      assert.deepEqual(columnsOf(table), columns.split(' '), table);
    assert.ok(columnsOf('log_positions').includes('position'));
  });

  it('wait for another tool that writes for a moment, and are unavailable while it does not end', async (t) => {
    const { ledger, path } = await watched(t);
    await issue(ledger, { coupons: [couponOf(1)] });
    using other = new DatabaseSync(path);
    other.exec('BEGIN IMMEDIATE');
    await troubleOf('unavailable', () => ledger.issue(batchOf({ from: '1-0', to: '2-0', coupons: [couponOf(2)] })));
    assert.equal((await ledger.totals('drop')).issued, 1, 'reading goes on');
    other.exec('ROLLBACK');
    await issue(ledger, { from: '1-0', to: '2-0', coupons: [couponOf(2)] });
  });

  it('refuse the schema of a later version', async (t) => {
    const { ledger, path } = await watched(t);
    operate(path, "INSERT INTO dibs_migrations (number, name, applied_at) VALUES (99, '0099-later', 0)");
    for (const act of [() => ledger.check(), () => ledger.migrate()]) {
      assert.match((await troubleOf('store_not_migrated', act)).message, /0099-later/);
    }
  });
});

describe('rows that an operator’s own rules refuse', () => {
  const rules: [name: string, sql: string][] = [
    [
      'a trigger that fails',
      "CREATE TRIGGER t BEFORE INSERT ON coupons WHEN NEW.slot = 2 BEGIN SELECT RAISE(FAIL, 'no'); END",
    ],
    [
      'a trigger that rolls back',
      "CREATE TRIGGER t BEFORE INSERT ON coupons WHEN NEW.slot = 2 BEGIN SELECT RAISE(ROLLBACK, 'no'); END",
    ],
    [
      'a trigger behind the row',
      "CREATE TRIGGER t AFTER INSERT ON coupons WHEN NEW.slot = 2 BEGIN SELECT RAISE(ABORT, 'no'); END",
    ],
    ['a unique index of their own', 'CREATE UNIQUE INDEX t ON coupons (event_id, code)'],
  ];
  for (const [name, sql] of rules) {
    it(`by ${name} are refused, and nothing is written`, async (t) => {
      const { ledger, path } = await watched(t);
      operate(path, sql);
      const coupons = [couponOf(1, { code: 'A'.repeat(16) }), couponOf(2, { code: 'A'.repeat(16) }), couponOf(3)];
      // No other win stands where slot 2 belongs, so that it is no conflict, which would stop the event.
      const outcome = await unchangedBy(ledger, () => ledger.issue(batchOf({ coupons })));
      assert.equal(outcome.outcome, 'refused', JSON.stringify(outcome));
      await issue(ledger, { to: '3-0', coupons: [couponOf(1), couponOf(3)], failures: [failureOf(2)] });
    });
  }
});

describe('a full disk', () => {
  it('is unavailable, loses nothing and writes nothing by halves, and goes on once there is room', async (t) => {
    const { ledger, db } = await watched(t);
    await issue(ledger, {
      to: '100-0',
      events: [ledgerEvent(1)],
      coupons: couponsOf(1, 100),
      failures: [failureOf(101)],
    });
    const makeRoom = fillDisk(db);
    const rest = { from: '100-0', to: '600-0', events: [ledgerEvent(2)], failures: [failureOf(601)] };
    for (let time = 0; time < 2; time += 1) {
      const act = () => ledger.issue(batchOf({ ...rest, coupons: couponsOf(102, 600) }));
      assert.match((await unchangedBy(ledger, () => troubleOf('unavailable', act))).message, /full/);
    }
    makeRoom();
    assert.equal(await issue(ledger, { ...rest, coupons: couponsOf(100, 600) }), 1);
    // Slot 101 has its coupon by now.
    assert.deepEqual(await ledger.totals('drop'), { issued: 600, failed: 1, discarded: 0, lastSlot: 601 });
  });
});

describe('a ledger that is opened anew', () => {
  it('has what was written', async (t) => {
    const { ledger, path } = await watched(t);
    await issue(ledger, { events: [ledgerEvent(1)], coupons: couponsOf(1, 9), failures: [failureOf(10)] });
    const before = await seen(ledger);
    await ledger.close();
    const again = await openSqliteLedger({ path, clock: systemClock });
    t.after(() => again.close());
    await again.check();
    assert.deepEqual(await seen(again), before);
  });
});

describe('the plans of the ledger’s statements', () => {
  const folder = new URL('../../../src/ledgers/sqlite/', import.meta.url);
  // What may read a table whole: an operator's list and count, which nobody waits for.
  const mayScan = new Set(['failure-totals.sql']);
  const intended: Record<string, string[]> = {
    'coupon-by-slot.sql': ['SEARCH coupons USING PRIMARY KEY (event_id=? AND slot=?)'],
    'coupons-after.sql': ['SEARCH coupons USING PRIMARY KEY (event_id=? AND slot>?)'],
    'event-by-id.sql': ['SEARCH events USING PRIMARY KEY (event_id=?)'],
    'events-after.sql': ['SEARCH events USING PRIMARY KEY (event_id>?)'],
    'failure-by-id.sql': ['SEARCH failed_issuances USING INTEGER PRIMARY KEY (rowid=?)'],
    'failure-by-slot.sql': ['SEARCH failed_issuances USING INDEX failed_issuances_by_slot (event_id=? AND slot=?)'],
    'failures-due.sql': ['SEARCH failed_issuances USING INDEX failed_issuances_by_due (next_attempt_at<?)'],
    'position.sql': ['SEARCH log_positions USING PRIMARY KEY (log_partition=?)'],
  };
  const filling = `
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
    INSERT INTO coupons SELECT 'event-' || (i % 3), i, 'user-' || i, 1, i || '-0123456789ab', NULL, 'CODE' || i, 0, 0 FROM n;
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
    INSERT INTO failed_issuances (event_id, slot, user_id, record, error, attempts, next_attempt_at, state)
    SELECT 'event-' || (i % 3), 20000 + i, 'user-' || i, '{}', 'no', 1, i, iif(i % 10 = 0, 'waiting', 'reissued') FROM n;
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
    INSERT INTO events SELECT 'event-' || i, '{}', 'active', 1, 1, 0, 0 FROM n;
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
    INSERT INTO log_positions SELECT 'event-' || i, '0-1', 0 FROM n`;

  it('use the index that is meant, empty, filled and with statistics', async (t) => {
    const { ledger, path } = await watched(t);
    await ledger.close();
    for (const [state, sql] of [
      ['empty', ''],
      ['filled', filling],
      ['with statistics', 'ANALYZE'],
    ] as const) {
      operate(path, sql);
      const plans = plansOf(path, folder);
      for (const [name, plan] of plans) {
        if (name in intended) assert.deepEqual(plan, intended[name], `${name}, ${state}`);
        if (mayScan.has(name)) continue;
        for (const step of plan)
          assert.doesNotMatch(step, /^SCAN (coupons|failed|events|log)|TEMP B-TREE/, `${name}, ${state}`);
      }
      for (const name of Object.keys(intended)) assert.ok(plans.has(name), `${name} is there`);
    }
  });
});
