/** Redis wiped in mid-event, by FLUSHALL and with its folder: nothing is sold twice, and what is left comes back. */
import assert from 'node:assert/strict';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { checkHistory } from '../../../src/core/history.ts';
import { planClaims } from '../../../src/load/plan.ts';
import type { Service } from '../../../services/services.ts';
import { createClient } from 'redis';
import { describeService } from '../../services/shared.ts';
import { claimThrough, Fleet } from '../fleet.ts';
import { type TestServer, until } from '../server.ts';
import { type DatabaseName, freshStores, type LogName } from '../stores.ts';

const wipes: Readonly<Record<string, (redis: Service) => Promise<void>>> = {
  FLUSHALL: async ({ url }) => {
    const client = createClient({ url });
    await client.connect();
    await client.flushAll();
    await client.close();
  },
  'its folder removed': async (redis) => {
    redis.signal('SIGKILL');
    for (const name of await readdir(redis.folder)) {
      // The configuration stays: the server starts as it did, on nothing.
      if (/^(appendonlydir|dump\.rdb|.*\.aof)$/.test(name)) await rm(join(redis.folder, name), { recursive: true });
    }
    await redis.restart();
  },
};

const cases: readonly (readonly [DatabaseName, LogName])[] = [
  ['mariadb', 'kafka'],
  ['postgres', 'embedded'],
];

for (const [database, log] of cases) {
  describeService(['redis', 'kafka', database], `a wiped Redis, ${log} log, ${database}`, () => {
    for (const [name, wipe] of Object.entries(wipes)) {
      test(`${name}: recovering until dibs recover, then on at the next slot`, async (t) => {
        const stores = await freshStores(t, database, log);
        const fleet = await Fleet.of(t, stores);
        const { apis } = await fleet.start(2, 2);
        const [first, second] = apis as [TestServer, TestServer];
        const spec = await first.create({ id: 'drop', capacity: 500 });
        const plan = planClaims({ eventId: 'drop', users: 1_500, repeats: 300, seed: 3 });
        const begun = await claimThrough(apis, plan.slice(0, 250), { inFlight: 16 });
        const won = Number((await first.settled('drop'))['won']);
        await wipe(stores.redis);
        // Nobody has claimed since.
        for (const server of apis) {
          const listed = await until(
            () => server.call('GET', '/v1/events'),
            ({ status }) => status === 200,
          );
          assert.deepEqual(
            (listed.body['items'] as { id: string; state: string }[]).map(({ id, state }) => [id, state]),
            [['drop', 'recovering']],
          );
        }
        await assert.rejects(fleet.run('audit', '--url', first.url), {
          code: 1,
          stdout: /^drop {2}waits for recovery: dibs recover drop\n$/,
        });
        for (const server of apis) {
          await until(
            () => server.claim('drop', 'somebody'),
            ({ status, body }) => status === 503 && body.code === 'recovering',
          );
          const { status, body } = await server.call('GET', '/v1/events/drop');
          assert.deepEqual([status, body['state']], [200, 'recovering']);
          const anew = await server.call('POST', '/v1/events', { body: { id: 'drop', name: 'Anew', capacity: 9 } });
          assert.deepEqual([anew.status, anew.body.code], [503, 'recovering'], 'it is never created anew');
        }
        const said = await fleet.run('recover', 'drop', '--yes', '--url', first.url);
        assert.match(said, /drop/);
        for (const server of apis) {
          const next = await until(
            () => server.call('GET', '/v1/events/drop'),
            ({ body }) => body['state'] === 'open',
          );
          assert.equal(next.body['won'], won);
        }
        const going = await second.claim('drop', 'the-next-one');
        assert.deepEqual([going.status, going.body.claim?.slot], [201, won + 1]);
        const rest = await claimThrough(apis, plan.slice(250), { inFlight: 32 });
        const audit = await first.settled('drop');
        assert.deepEqual([audit.ok, audit.findings, audit['issued']], [true, [], 500]);
        const history = [...begun.history, ...rest.history];
        const coupons = await first.coupons('drop');
        assert.deepEqual(checkHistory({ spec, history, coupons, isWhole: false }), []);
      });
    }
  });
}
