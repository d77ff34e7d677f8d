/** Issuing by several workers: at the rate of all together, around refused rows, and home again. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkHistory } from '../../../src/core/history.ts';
import { issueRateOf, refilled } from '../../../src/core/issue-rate.ts';
import { pieceWinsMax } from '../../../src/engine/issuer.ts';
import type { ClaimRun } from '../../../src/load/run-claims.ts';
import { runSql } from '../../../services/databases.ts';
import { describeService } from '../../services/shared.ts';
import { claimThrough, Fleet } from '../fleet.ts';
import { metricOf } from '../metric.ts';
import { frontOf, until } from '../server.ts';
import { type DatabaseName, freshStores } from '../stores.ts';
import { slotsOf, upTo } from '../tallies.ts';

/** Claims of so many users, each with one place to win. */
const crowdOf = (eventId: string, users: number) =>
  Array.from({ length: users }, (_, at) => ({ eventId, userId: `user-${at}`, key: null }));

/** Makes the database refuse 1,000 rows for their own sake, until it is taken back. */
const plant = 'ALTER TABLE coupons ADD CONSTRAINT planted CHECK (slot % 2 = 0 OR slot > 2000)';
const unplant = 'ALTER TABLE coupons DROP CONSTRAINT planted';

const perSecond = 2_000;
/** And so many claims of an event at most are in one record. */
const inFlight = 16;
const rate = issueRateOf(perSecond, pieceWinsMax);
/** What a pause may save up: workers that wake late on a busy machine take it then, so that a second may hold it besides. */
const saved = refilled({ tokens: 0, filledAt: 0 }, rate, 60_000).tokens;

/** Registers what two workers over one database have to do. */
export function registerIssuing(database: DatabaseName): void {
  describeService(['redis', 'kafka', database], `issuing by two workers, ${database}`, () => {
    test('10,000 wins on two partitions at 2,000/s are never above it and not far below', async (t) => {
      const stores = await freshStores(t, database, 'kafka', 2);
      const fleet = await Fleet.of(t, { ...stores, issueRate: `${perSecond}/s` });
      const { apis } = await fleet.start(2, 0);
      const front = frontOf(() => apis);
      // Never above it, whatever else the machine does; not far below where it is given the time: so it has three tries.
      for (let round = 1; ; round += 1) {
        // Kafka's own hash puts some of these on either partition; that both were issued from is asserted below.
        const ids = ['a', 'b', 'c', 'd'].map((id) => `${id}-${round}`);
        for (const id of ids) await front.create({ id, capacity: 2_500 });
        const runs = await Promise.all(ids.map((id) => claimThrough(apis, crowdOf(id, 2_500), { inFlight })));
        // All is won before anything is issued: the rate is the only thing that holds the workers up.
        const { workers } = await fleet.start(0, 2);
        for (const [at, id] of ids.entries()) {
          assert.equal((await front.settled(id))['issued'], 2_500);
          const spec = { id, capacity: 2_500, limitPerUser: 1 };
          const { history } = runs[at] as ClaimRun;
          assert.deepEqual(checkHistory({ spec, history, coupons: await front.coupons(id), isWhole: true }), []);
        }
        const issued = await Promise.all(workers.map((worker) => metricOf(worker, 'dibs_issued_total')));
        assert.ok(
          issued.every((count) => count > 0),
          `both of them: ${issued.join(' and ')}`,
        );
        assert.equal(issued[0]! + issued[1]!, 10_000);
        const { busiest, largest, mean, batches } = await paceOf(stores.databaseUrl, ids);
        t.diagnostic(
          `busiest second ${busiest}, mean ${mean.toFixed(0)}/s, ${batches} batches of at most ${largest}, by worker ${issued.join(' and ')}`,
        );
        // A batch is about as large as it is meant to be: the last record that was read for it is written whole.
        assert.ok(largest < rate.pieceMax + 2 * inFlight, `${largest} in one batch, of ${rate.pieceMax}`);
        assert.ok(busiest <= perSecond + saved + largest, `${busiest} in one second`);
        assert.ok(busiest <= perSecond + pieceWinsMax, `${busiest} in one second`);
        assert.ok(mean < 1.1 * perSecond, `${mean} coupons a second on the mean`);
        if (mean > 0.9 * perSecond) break;
        assert.ok(round < 3, `three times below the rate, by ${mean} a second at the last`);
        await Promise.all(workers.map((worker) => worker.stop()));
      }
      const partitions = await runSql(
        stores.databaseUrl,
        "SELECT COUNT(*) FROM log_positions WHERE log_partition LIKE '%/_'",
      );
      assert.equal(Number(partitions.trim()), 2, 'both partitions were issued from');
    });

    test('1,000 refused rows are kept, all others issued, and reissued by hand and by the clock every one comes home', async (t) => {
      const stores = await freshStores(t, database, 'kafka', 2);
      const fleet = await Fleet.of(t, stores);
      await runSql(stores.databaseUrl, plant);
      const { apis, workers } = await fleet.start(2, 2);
      const front = frontOf(() => apis);
      const spec = await front.create({ id: 'drop', capacity: 3_000 });
      const { history } = await claimThrough(apis, crowdOf('drop', 3_000), { inFlight: 64 });
      const held = await front.settled('drop');
      assert.deepEqual([held.ok, held['issued'], held['failed']], [true, 2_000, 1_000]);
      const before = await front.coupons('drop');
      const waiting = await front.call('GET', '/v1/failed-issuances?state=waiting&limit=1000');
      const failed = (waiting.body.items ?? []) as readonly { readonly id: number; readonly slot: number }[];
      assert.deepEqual(
        failed.map(({ slot }) => slot).toSorted((a, b) => a - b),
        upTo(1_000).map((n) => 2 * n - 1),
      );
      // The clock would be as quick: what is done by hand is done while no worker runs.
      await Promise.all(workers.map((worker) => worker.stop()));
      await runSql(stores.databaseUrl, unplant);
      const byHand = failed.filter((_, at) => at % 4 === 0);
      for (let at = 0; at < byHand.length; at += 25) {
        const some = byHand.slice(at, at + 25);
        const answers = await Promise.all(
          some.map(({ id }) => front.call('POST', `/v1/failed-issuances/${id}/reissue`)),
        );
        assert.deepEqual(
          answers.map(({ status, body }) => [status, body['slot'], body['state']]),
          some.map(({ slot }) => [200, slot, 'reissued']),
        );
      }
      assert.equal((await front.audit('drop')).body['failed'], 750);
      const { workers: others } = await fleet.start(0, 2);
      await until(
        () => front.audit('drop'),
        ({ body }) => body['failed'] === 0,
      );
      const reissued = await Promise.all([...apis, ...others].map((server) => metricOf(server, 'dibs_issued_total')));
      t.diagnostic(
        `reissued by each api ${reissued.slice(0, 2).join(' and ')}, worker ${reissued.slice(2).join(' and ')}`,
      );
      assert.equal(reissued[0]! + reissued[1]!, 250);
      assert.equal(reissued[2]! + reissued[3]!, 750);
      const after = await front.coupons('drop');
      assert.deepEqual(slotsOf(after), upTo(3_000));
      const users = new Map(after.map(({ slot, userId }) => [slot, userId]));
      for (const { slot, userId } of before) assert.equal(users.get(slot), userId);
      // Each under the slot that its user was told at first.
      assert.deepEqual(checkHistory({ spec, history, coupons: after, isWhole: true }), []);
      const { ok, findings } = (await front.audit('drop')).body;
      assert.deepEqual({ ok, findings }, { ok: true, findings: [] });
      const failures = await front.call('GET', '/v1/failed-issuances?state=reissued&limit=1000');
      assert.equal(failures.body.items?.length, 1_000);
    });
  });
}

/** How the coupons of these events were written, by the database's clock: it has dated each in the transaction that wrote it. */
async function paceOf(url: string, ids: readonly string[]) {
  const list = ids.map((id) => `'${id}'`).join(', ');
  const rows = await runSql(
    url,
    `SELECT issued_at, COUNT(*) FROM coupons WHERE event_id IN (${list}) GROUP BY issued_at ORDER BY issued_at`,
  );
  const batches = rows
    .trim()
    .split('\n')
    .map((row) => row.split(/[\t|]/).map(Number) as [number, number]);
  let [busiest, largest, sum, from] = [0, 0, 0, 0];
  for (const [at, count] of batches) {
    largest = Math.max(largest, count);
    sum += count;
    for (; at - (batches[from]?.[0] ?? 0) >= 1000; from += 1) sum -= batches[from]?.[1] ?? 0;
    busiest = Math.max(busiest, sum);
  }
  const [first = [0, 0], last = [0, 0]] = [batches[0], batches.at(-1)];
  const all = batches.reduce((total, [, count]) => total + count, 0);
  // What came in the first instant had no time before it.
  const mean = ((all - first[1]) * 1000) / (last[0] - first[0]);
  return { busiest, largest, mean, batches: batches.length };
}
