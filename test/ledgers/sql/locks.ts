/** Others who hold what a ledger needs: locks, and connections. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Ledger } from '../../../src/core/ledger.ts';
import {
  batchOf,
  couponOf,
  couponsOf,
  failureOf,
  issue,
  ledgerEvent,
  unchangedBy,
} from '../../../src/testing/ledger/acting.ts';
import { troubleOf } from '../../../src/testing/refusal.ts';
import { sharedService } from '../../services/shared.ts';
import { atEnd, migrated, opened } from './bench.ts';
import type { Subject } from './conformance.ts';
import { connectTo, type Operator, operate } from './operate.ts';

const rate = { perSecond: 1000, pieceMax: 100 };
const next = batchOf({ from: '1-0', to: '2-0', coupons: [couponOf(2)], rate });

/** An operator in a transaction of their own. */
async function operator(t: TestContext, url: string): Promise<Operator> {
  const one = await connectTo(url);
  atEnd(t, () => one.end());
  await one.run('BEGIN');
  return one;
}

/** Whether somebody waits for a lock in this database, as the server tells those who may know. */
const waiting = {
  mysql: `SELECT 1 FROM information_schema.innodb_trx JOIN information_schema.processlist ON id = trx_mysql_thread_id
          WHERE trx_state = 'LOCK WAIT' AND db = DATABASE()`,
  postgres: `SELECT 1 FROM pg_locks JOIN pg_stat_activity USING (pid)
             WHERE NOT granted AND datname = current_database()`,
};

async function untilWaiting(subject: Subject, url: string): Promise<void> {
  const admin = new URL(await sharedService(subject.service));
  admin.pathname = new URL(url).pathname;
  for (let tries = 0; tries < 20; tries += 1) {
    // InnoDB shows what it knew a tenth of a second ago, as long as somebody keeps asking.
    await pause(120);
    if ((await operate(admin.href, waiting[subject.kind])).length > 0) return;
  }
  assert.fail('nobody waits');
}

export function registerLocks(subject: Subject): void {
  describe('a lock that somebody else holds', () => {
    it('is waited for', async (t) => {
      const { ledger, url } = await migrated(t, subject);
      await issue(ledger, { to: '1-0', coupons: [couponOf(1)] });
      const other = await operator(t, url);
      await other.run('SELECT * FROM log_positions FOR UPDATE');
      const issued = ledger.issue(next);
      await other.run('COMMIT');
      assert.equal((await issued).outcome, 'issued');
    });

    it('for too long is unavailable, and nothing is written', async (t) => {
      const { ledger, url } = await migrated(t, subject);
      await issue(ledger, { to: '1-0', coupons: [couponOf(1)], failures: [failureOf(5)] });
      const other = await operator(t, url);
      await other.run('SELECT * FROM log_positions FOR UPDATE');
      await other.run('SELECT * FROM failed_issuances FOR UPDATE');
      const [failure] = await ledger.failures({ afterId: 0, limit: 1 });
      const id = failure?.id ?? 0;
      const acts = [
        () => ledger.issue(next),
        () => ledger.issue({ ...next, to: null }),
        () => ledger.reissue(id, couponOf(5), rate),
        () => ledger.changeFailure(id, { state: 'discarded', reason: 'x' }),
      ];
      await unchangedBy(ledger, () => Promise.all(acts.map((act) => troubleOf('unavailable', act))));
      await other.run('ROLLBACK');
      assert.equal((await ledger.issue(next)).outcome, 'issued');
    });

    for (const [ended, expected] of [
      ['ROLLBACK', 'issued'],
      ['COMMIT', 'moved'],
    ] as const) {
      it(`by one who waits for ours in turn, and ends by ${ended}, is waited for all the same`, async (t) => {
        const { ledger, url } = await migrated(t, subject);
        await issue(ledger, { to: '1-0', coupons: [couponOf(1)], rate });
        await operate(url, 'CREATE TABLE own (id INT PRIMARY KEY)');
        const other = await operator(t, url);
        // Of two that wait for each other MariaDB gives up the one that has written less.
        const ids = Array.from({ length: 2000 }, (_, id) => `(${id})`);
        await other.run(`INSERT INTO own VALUES ${ids.join(', ')}`);
        await other.run('SELECT * FROM issue_rates FOR UPDATE');
        const issued = ledger.issue(next);
        await untilWaiting(subject, url);
        // Now each waits for the other, until the database rolls ours back; and then ours for the operator again.
        await other.run("UPDATE log_positions SET position = 'x'");
        assert.equal(await ledger.position('drop'), '1-0');
        await other.run(ended);
        assert.equal((await issued).outcome, expected);
      });
    }
  });

  describe('several workers', () => {
    for (const rate of [null, { perSecond: 1e6, pieceMax: 100 }])
      it(`that issue, reissue and stop side by side never stand in each other’s way, ${rate === null ? 'without' : 'at'} a rate`, async (t) => {
        const { ledger: first, url } = await migrated(t, subject);
        const workers = [first, await opened(t, subject, url), await opened(t, subject, url)];
        const work = async (ledger: Ledger, eventId: string): Promise<void> => {
          for (let round = 0; round < 15; round += 1) {
            const slot = round * 50;
            // Half of it has been written before, and some is kept, as in a log that is read again.
            const coupons = couponsOf(Math.max(1, slot - 24), slot + 25).map((one) => ({ ...one, eventId }));
            const failures = [failureOf(100_000 + round, { eventId }), failureOf(100_000, { eventId })];
            const event = ledgerEvent(round + 1, { spec: { ...ledgerEvent(1).spec, id: eventId } });
            const place = { partition: eventId, from: round === 0 ? null : `${round - 1}`, to: `${round}` };
            const stops = [{ eventId: 'other', cause: eventId }];
            await issue(ledger, { ...place, events: [event], coupons, failures, stops, rate });
            const [kept] = await ledger.failuresBySlot(eventId, [100_000 + round]);
            const again = () => ledger.reissue(kept?.id ?? 0, couponOf(100_000 + round, { eventId }), rate);
            const both = await Promise.all([again(), again()]);
            assert.deepEqual(
              both.map(({ outcome }) => outcome),
              ['issued', 'issued'],
            );
          }
        };
        await Promise.all(workers.flatMap((one, n) => [work(one, `a-${n}`), work(one, `b-${n}`)]));
        assert.deepEqual(await first.totals('b-2'), { issued: 740, failed: 0, discarded: 0, lastSlot: 100_014 });
      });
  });

  describe('an operator who discards what is being reissued', () => {
    it('comes too late, and the win is in one place', async (t) => {
      const { ledger, url } = await migrated(t, subject);
      const second = await opened(t, subject, url);
      await issue(ledger, { failures: [failureOf(7)] });
      const [failure] = await ledger.failures({ afterId: 0, limit: 1 });
      const id = failure?.id ?? 0;
      const other = await operator(t, url);
      // Holds up the coupon, when the reissue has looked at the failure.
      await other.run("INSERT INTO coupons VALUES ('drop', 7, 'somebody', 1, 'by hand', NULL, 'CODE', 1, 1)");
      const reissued = ledger.reissue(id, couponOf(7), null);
      await untilWaiting(subject, url);
      const discarded = second.changeFailure(id, { state: 'discarded', reason: 'a test account' });
      await pause(200);
      await other.run('ROLLBACK');
      assert.deepEqual([(await reissued).outcome, await discarded], ['issued', false]);
      assert.deepEqual(await ledger.totals('drop'), { issued: 1, failed: 0, discarded: 0, lastSlot: 7 });
    });
  });

  describe('connections', () => {
    it('that are all in use are waited for, within the time of a call', async (t) => {
      const { ledger: direct, url } = await migrated(t, subject);
      await issue(direct, { to: '1-0', coupons: [couponOf(1)] });
      const ledger = await opened(t, subject, url, { connectionsMax: 2, timeoutMs: 1_500 });
      const other = await operator(t, url);
      await other.run('SELECT * FROM log_positions FOR UPDATE');
      const busy = [0, 1].map(() => troubleOf('unavailable', () => ledger.issue(next)));
      await troubleOf('unavailable', () => ledger.totals('drop'));
      await Promise.all(busy);
      await other.run('ROLLBACK');
      const many = Array.from({ length: 50 }, (_, index) =>
        ledger.issue(batchOf({ partition: `p${index}`, coupons: [couponOf(1, { eventId: `e${index}` })] })),
      );
      assert.ok((await Promise.all(many)).every(({ outcome }) => outcome === 'issued'));
      const limit = {
        mysql: 'SELECT COUNT(*) AS n FROM information_schema.processlist WHERE user = SUBSTRING_INDEX(USER(), "@", 1)',
        postgres: 'SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database()',
      };
      const [row] = await operate(url, limit[subject.kind]);
      // Those of the direct ledger, of the operator and of the one who asks come on top.
      assert.ok(Number(row?.['n']) <= 2 + 8 + 2, `${String(row?.['n'])} connections`);
    });

    it('closed while something is under way let it end', async (t) => {
      const { ledger: direct, url } = await migrated(t, subject);
      const ledger = await opened(t, subject, url);
      const issued = ledger.issue(batchOf({ coupons: couponsOf(1, 200) }));
      await ledger.close();
      assert.equal((await issued).outcome, 'issued');
      assert.equal((await direct.totals('drop')).issued, 200);
      await troubleOf('unavailable', () => ledger.position('drop'));
    });
  });
}
