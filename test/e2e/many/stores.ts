/** Stores of a fleet that are killed, come back older or are lost: claims go on where they can, and nothing is sold twice. */
import assert from 'node:assert/strict';
import { cp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Service, startMariadb, startPostgres } from '../../../services/services.ts';
import { runSql } from '../../../services/databases.ts';
import type { HistoryEntry } from '../../../src/load/history.ts';
import { describeService } from '../../services/shared.ts';
import { complete, users } from '../cases/issuances.ts';
import { metricOf } from '../metric.ts';
import { until } from '../server.ts';
import { type Cleanup, type FleetSite, fleetSite, shared } from '../site.ts';
import type { DatabaseName } from '../stores.ts';
import { outcomesOf } from '../tallies.ts';

interface StoresSite extends FleetSite {
  /** The test's own, which may be killed and emptied. */
  readonly database: Service;
}

async function openSite(t: Cleanup, database: DatabaseName): Promise<StoresSite> {
  const service = await { mariadb: startMariadb, postgres: startPostgres }[database]();
  t.after(() => service.stop());
  const site = await fleetSite(t, { database, log: 'kafka', databaseUrl: service.engineUrl });
  return { ...site, database: service };
}

/** A database without anything, as one that is set up anew. */
const emptying: Readonly<Record<DatabaseName, readonly string[]>> = {
  mariadb: ['DROP DATABASE dibs', 'CREATE DATABASE dibs'],
  postgres: ['DROP SCHEMA public CASCADE', 'CREATE SCHEMA public AUTHORIZATION dibs'],
};

/** Registers what a fleet over one database has to bear. */
export function registerManyStores(database: DatabaseName): void {
  describeService(['redis', 'kafka', database], `stores that fail under 2 api and 2 workers, ${database}`, () => {
    const open = shared((t) => openSite(t, database));

    test('the database killed and away while they claim: every claim is decided, and issuing catches up by itself', async () => {
      const { front, database: service, apis, workers } = await open();
      const spec = await front.create({ id: 'away', capacity: 600 });
      const history: HistoryEntry[] = [...(await front.claimAll(users(100, spec.id), 16)).history];
      await front.settled(spec.id);
      // In mid-load, so that transactions are under way.
      const load = front.claimAll(users(500, spec.id, 101), 16, 30_000, (answered) => {
        if (answered === 50) service.signal('SIGKILL');
      });
      history.push(...(await load).history);
      // It is gone by now: 400 more, of whom the last 200 are too late, and a hundred who have won already.
      const during = [...users(900, spec.id, 501), ...users(100, spec.id)];
      const { history: told } = await front.claimAll(during, 16);
      history.push(...told);
      assert.deepEqual(outcomesOf(history), { won: 600, sold_out: 300, replayed: 100 });
      for (const api of apis) assert.equal((await api.call('GET', '/readyz', { as: 'nobody' })).status, 200);
      for (const worker of workers) {
        assert.equal((await worker.call('GET', '/readyz', { as: 'nobody' })).status, 503);
        assert.equal(await metricOf(worker, 'dibs_store_up', 'store="ledger:[a-z]+"'), 0);
      }
      await service.restart();
      await complete(front, spec, history);
    });

    test('Redis killed under load, and back with all that it had: served again by itself, nothing is lost', async () => {
      const { front, redis } = await open();
      const spec = await front.create({ id: 'killed', capacity: 400 });
      const back: Promise<void>[] = [];
      const { history } = await front.claimAll(users(600, spec.id), 16, 60_000, (answered) => {
        if (answered !== 150) return;
        redis.signal('SIGKILL');
        back.push(redis.restart());
      });
      await Promise.all(back);
      const { won = 0, replayed = 0, ...others } = outcomesOf(history);
      assert.deepEqual([won + replayed, others], [400, { sold_out: 200 }]);
      assert.ok(
        history.some(({ attempts }) => attempts > 1),
        'somebody met it while it was away',
      );
      await complete(front, spec, history);
    });

    test('an older append-only file put back: recovering at every api, and recovered it goes on at the next slot', async () => {
      const { front, redis, fleet, servers } = await open();
      const spec = await front.create({ id: 'older', capacity: 60 });
      const history: HistoryEntry[] = [...(await front.claimAll(users(10, spec.id), 4)).history];
      await front.settled(spec.id);
      const file = join(redis.folder, 'appendonlydir');
      await cp(file, `${file}-older`, { recursive: true });
      history.push(...(await front.claimAll(users(25, spec.id, 11), 4)).history);
      await front.settled(spec.id);
      redis.signal('SIGKILL');
      await until(
        () => front.claim(spec.id, 'newcomer'),
        ({ status }) => status === 503,
      );
      await rm(file, { recursive: true });
      await rename(`${file}-older`, file);
      await redis.restart();
      for (const server of servers()) {
        await until(
          () => server.claim(spec.id, 'newcomer'),
          ({ status, body }) => status === 503 && body.code === 'recovering',
        );
        const { body } = await server.call('GET', `/v1/events/${spec.id}`);
        assert.equal(body['state'], 'recovering');
        // Not to its winners either: what it has may be another's by now.
        assert.equal((await server.claim(spec.id, 'user-3')).status, 503);
      }
      await fleet.run('recover', spec.id, '--yes', '--url', front.next().url);
      for (const server of servers()) {
        const { body } = await until(
          () => server.call('GET', `/v1/events/${spec.id}`),
          ({ body }) => body['state'] === 'open',
        );
        assert.equal(body['won'], 25);
      }
      const next = await front.claim(spec.id, 'user-26');
      assert.deepEqual([next.status, next.body.claim?.slot], [201, 26]);
      history.push(...(await front.claimAll(users(90, spec.id), 8)).history);
      await complete(front, spec, history);
    });

    test('the database lost and migrated anew: every coupon is issued again with its code, and claims never stop', async () => {
      const site = await open();
      const { front, fleet } = site;
      const spec = await front.create({ id: 'lost', capacity: 80 });
      const history: HistoryEntry[] = [...(await front.claimAll(users(50, spec.id), 8)).history];
      await front.settled(spec.id);
      const before = await front.coupons(spec.id);
      // Workers that wrote on would write half of what they know of.
      await site.endWorkers();
      await runSql(site.database.url, ...emptying[database]);
      history.push(...(await front.claimAll(users(70, spec.id), 8)).history);
      assert.deepEqual(outcomesOf(history.slice(50)), { won: 20, replayed: 50 });
      await fleet.run('migrate');
      await site.start();
      history.push(...(await front.claimAll(users(120, spec.id), 8)).history);
      const coupons = await complete(front, spec, history);
      assert.deepEqual(coupons.slice(0, 50).map(same), before.map(same));
      // The events before it are issued again as well: the log has had them all.
      for (const id of ['away', 'killed', 'older']) assert.equal((await front.settled(id)).ok, true);
    });
  });
}

/** A coupon without when it was issued. */
const same = ({ slot, userId, nth, claimId, code }: Awaited<ReturnType<FleetSite['front']['coupons']>>[number]) => ({
  slot,
  userId,
  nth,
  claimId,
  code,
});
