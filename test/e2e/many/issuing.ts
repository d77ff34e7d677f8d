/** Issuing by several workers: at the rate of all together, around refused rows, and home again. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pieceWinsMax } from '../../../src/engine/issuer.ts';
import { runSql } from '../../../services/databases.ts';
import { describeService } from '../../services/shared.ts';
import { claimThrough, Fleet } from '../fleet.ts';
import { type TestServer, until } from '../server.ts';
import { type DatabaseName, freshStores } from '../stores.ts';

/** Claims of so many users, each with one place to win. */
const crowdOf = (eventId: string, users: number) =>
  Array.from({ length: users }, (_, at) => ({ eventId, userId: `user-${at}`, key: null }));

/** Makes the database refuse 1,000 rows for their own sake, until it is taken back. */
const planting: Record<DatabaseName, { readonly plant: readonly string[]; readonly unplant: readonly string[] }> = {
  mariadb: {
    plant: ['ALTER TABLE coupons ADD CONSTRAINT planted CHECK (slot % 2 = 0 OR slot > 2000)'],
    unplant: ['ALTER TABLE coupons DROP CONSTRAINT planted'],
  },
  postgres: {
    plant: ['ALTER TABLE coupons ADD CONSTRAINT planted CHECK (slot % 2 = 0 OR slot > 2000)'],
    unplant: ['ALTER TABLE coupons DROP CONSTRAINT planted'],
  },
};

/** Registers what two workers over one database have to do. */
export function registerIssuing(database: DatabaseName): void {
  describeService(['redis', 'kafka', database], `issuing by two workers, ${database}`, () => {
    test('10,000 wins on two partitions at 2,000/s are never above it and not far below', async (t) => {
      const stores = await freshStores(t, database, 'kafka', 2);
      const fleet = await Fleet.of(t, { ...stores, issueRate: '2000/s' });
      const { apis } = await fleet.start(2, 0);
      const [first] = apis as [TestServer];
      // Kafka's own hash puts some of these on either partition; that both were issued from is asserted below.
      const ids = ['a', 'b', 'c', 'd'];
      for (const id of ids) await first.create({ id, capacity: 2_500 });
      await Promise.all(ids.map((id) => claimThrough(apis, crowdOf(id, 2_500), { inFlight: 16 })));
      // All is won before anything is issued: the rate is the only thing that holds the workers up.
      await fleet.start(0, 2);
      for (const id of ids) assert.equal((await first.settled(id))['issued'], 2_500);
      const partitions = await runSql(
        stores.databaseUrl,
        "SELECT COUNT(*) FROM log_positions WHERE log_partition LIKE '%/_'",
      );
      assert.equal(Number(partitions.trim()), 2, 'both partitions were issued from');
      // By the database's clock: it has dated every coupon in the transaction that wrote it.
      const rows = await runSql(
        stores.databaseUrl,
        'SELECT issued_at, COUNT(*) FROM coupons GROUP BY issued_at ORDER BY issued_at',
      );
      const batches = rows
        .trim()
        .split('\n')
        .map((row) => row.split(/[\t|]/).map(Number) as [number, number]);
      let busiest = 0;
      let sum = 0;
      let from = 0;
      for (const [at, count] of batches) {
        sum += count;
        for (; at - (batches[from]?.[0] ?? 0) >= 1000; from += 1) sum -= batches[from]?.[1] ?? 0;
        busiest = Math.max(busiest, sum);
      }
      assert.ok(busiest <= 2_000 + pieceWinsMax, `${busiest} in one second`);
      const spanMs = (batches.at(-1)?.[0] ?? 0) - (batches[0]?.[0] ?? 0);
      const mean = ((10_000 - (batches[0]?.[1] ?? 0)) * 1000) / spanMs;
      t.diagnostic(
        `busiest second ${busiest}, mean ${mean.toFixed(0)}/s over ${(spanMs / 1000).toFixed(2)} s, ${batches.length} batches`,
      );
      assert.ok(mean > 1_800 && mean < 2_200, `${mean} coupons a second on the mean`);
    });

    test('1,000 refused rows are kept, all others issued, and a reissue brings every one home', async (t) => {
      const stores = await freshStores(t, database, 'kafka', 2);
      const fleet = await Fleet.of(t, stores);
      await runSql(stores.databaseUrl, ...planting[database].plant);
      const { apis } = await fleet.start(2, 2);
      const [first] = apis as [TestServer];
      await first.create({ id: 'drop', capacity: 3_000 });
      await claimThrough(apis, crowdOf('drop', 3_000), { inFlight: 64 });
      const held = await first.settled('drop');
      assert.deepEqual([held.ok, held['issued'], held['failed']], [true, 2_000, 1_000]);
      const before = await first.coupons('drop');
      await runSql(stores.databaseUrl, ...planting[database].unplant);
      await until(
        () => first.audit('drop'),
        ({ body }) => body['failed'] === 0,
      );
      const after = await first.coupons('drop');
      assert.equal(after.length, 3_000);
      const users = new Map(after.map(({ slot, userId }) => [slot, userId]));
      for (const { slot, userId } of before) assert.equal(users.get(slot), userId);
      const { ok, findings } = (await first.audit('drop')).body;
      assert.deepEqual({ ok, findings }, { ok: true, findings: [] });
      const failures = await first.call('GET', '/v1/failed-issuances?state=reissued&limit=1000');
      assert.equal(failures.body.items?.length, 1_000);
    });
  });
}
