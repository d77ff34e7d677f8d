/** One master of a cluster is killed in mid-burst: its events wait for it, all others are decided and issued, and no process says that it is not ready. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startRedisCluster } from '../../../services/services.ts';
import { hashSlotOf } from '../../../src/gates/redis/hash-slot.ts';
import { KeyNames } from '../../../src/gates/redis/keys.ts';
import { describeService, freshDatabase, freshName, sharedService } from '../../services/shared.ts';
import { users } from '../cases/issuances.ts';
import { Fleet } from '../fleet.ts';
import { metricOf } from '../metric.ts';
import { frontOf, until } from '../server.ts';

const masters = 3;
const killed = 1;
const names = new KeyNames('dibs');
const masterOf = (eventId: string) => Math.floor((hashSlotOf(names.of(eventId).event) * masters) / 16_384);

for (const log of ['kafka', 'embedded'] as const) {
  const needed =
    log === 'kafka' ? (['redis-cluster', 'postgres', 'kafka'] as const) : (['redis-cluster', 'postgres'] as const);
  describeService(needed, `one master of three that is killed, log ${log}`, () => {
    test('takes its own events and no process with it', async (t) => {
      const cluster = await startRedisCluster({ config: { 'cluster-require-full-coverage': 'no' } });
      t.after(() => cluster.stop());
      const fleet = await Fleet.of(t, {
        gate: cluster.url,
        log: log === 'kafka' ? `${await sharedService('kafka')}/${freshName()}?partitions=2` : 'embedded',
        ledger: (await freshDatabase('postgres')).url,
      });
      const { apis, workers } = await fleet.start(1, 1);
      const front = frontOf(() => apis);
      const ids = Array.from({ length: 9 }, (_, no) => `drop-${no}`);
      const [gone, others] = [ids.filter((id) => masterOf(id) === killed), ids.filter((id) => masterOf(id) !== killed)];
      assert.ok(gone.length > 0 && others.length > 0);
      for (const id of ids) await front.create({ id, capacity: 1_000 });
      const plan = users(60, 'x').flatMap((one) => ids.map((eventId) => ({ ...one, eventId })));
      // In mid-burst, so that wins of the one that is killed are on their way to the log.
      await front.claimAll(plan, 32, 0, (answered) => {
        if (answered === 200) cluster.signal('SIGKILL', killed);
      });
      for (const server of [...apis, ...workers]) {
        const { status, body } = await until(
          () => server.call('GET', '/readyz', { as: 'nobody' }),
          ({ body }) => (body['missing'] as unknown[]).length > 0,
        );
        assert.deepEqual([status, body['ready']], [200, true]);
        const [{ store, message }] = body['missing'] as [{ store: string; message: string }];
        assert.equal(store, 'gate:redis');
        assert.match(message, /^Redis at 127\.0\.0\.1:\d+ is not connected: .*ECONNREFUSED/);
        assert.equal(await metricOf(server, 'dibs_store_up', 'store="gate:redis"'), 0);
      }
      for (const id of others) {
        assert.equal((await front.claim(id, 'late')).status, 201);
        const issued = await until(
          () => front.coupons(id),
          (coupons) => coupons.some(({ userId }) => userId === 'late'),
        );
        assert.ok(issued.length > 0);
      }
      for (const id of gone) assert.equal((await front.claim(id, 'late')).status, 503);
      await cluster.restart(killed);
      for (const id of ids) {
        await until(
          () => front.claim(id, 'last'),
          ({ status }) => status === 201 || status === 200,
        );
        assert.equal((await front.settled(id))['ok'], true);
      }
      for (const server of [...apis, ...workers]) {
        await until(
          () => server.call('GET', '/readyz', { as: 'nobody' }),
          ({ status, body }) => status === 200 && (body['missing'] as unknown[]).length === 0,
        );
        assert.equal(await metricOf(server, 'dibs_store_up', 'store="gate:redis"'), 1);
        const { code, output } = await server.stop();
        assert.equal(code, 0, output);
        const said = output.split('\n').filter((line) => line.includes('"level"'));
        assert.ok(said.some((line) => line.includes('"level":30') && line.includes('is connected again')));
        assert.ok(!said.some((line) => line.includes('"stack"')), output);
      }
    });
  });
}
