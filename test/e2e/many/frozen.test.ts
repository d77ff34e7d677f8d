/** Stores that hang while processes are told to stop: each ends by itself, with 0, and loses nothing that it has answered. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import {
  type Service,
  startKafka,
  startMariadb,
  startPostgres,
  startRedis,
  startRedisCluster,
} from '../../../services/services.ts';
import { describeService, freshDatabase } from '../../services/shared.ts';
import { Fleet, type FleetStores } from '../fleet.ts';
import { frontOf } from '../server.ts';

/** The stores of a fleet, and that one of them that hangs. */
type Scene = FleetStores & { readonly frozen: Service };

// Long enough for whoever looks at a store once a second to have begun to.
const frozenMs = 1_500;

async function started(t: TestContext, start: () => Promise<Service>): Promise<Service> {
  const service = await start();
  t.after(() => service.stop());
  return service;
}

/** Wins in hand when the store hangs; then everything stops, and starts again once the store goes on. */
async function endsInOrder(t: TestContext, { frozen, ...stores }: Scene): Promise<void> {
  const fleet = await Fleet.of(t, stores);
  const { apis, workers } = await fleet.start(1, 1);
  const [api] = apis;
  await api?.create({ id: 'drop', capacity: 500 });
  const claims = (from: number, to: number) =>
    Array.from({ length: to - from }, async (_, at) => {
      const userId = `user-${from + at}`;
      const { status, body } = (await api?.claim('drop', userId)) ?? {};
      return { userId, status, slot: body?.claim?.slot };
    });
  const answered = await Promise.all(claims(0, 100));
  frozen.signal('SIGSTOP');
  const during = Promise.allSettled(claims(100, 110));
  await pause(frozenMs);
  for (const server of [...apis, ...workers]) server.child.kill('SIGTERM');
  for (const server of [...apis, ...workers]) {
    const { code, signal, output } = await server.ended;
    assert.deepEqual([code, signal], [0, null], output);
    assert.match(output, /"stopped"/);
    assert.doesNotMatch(output, /ended at once/);
  }
  for (const one of await during) if (one.status === 'fulfilled') answered.push(one.value);
  frozen.signal('SIGCONT');
  const again = await fleet.start(1, 1);
  const front = frontOf(() => again.apis);
  const won = answered.filter(({ status }) => status === 201);
  assert.ok(won.length >= 100);
  for (const { userId, slot } of won) {
    const { status, body } = await front.claim('drop', userId);
    assert.deepEqual([status, body.claim?.slot], [200, slot]);
  }
  const { ok } = await front.settled('drop');
  assert.equal(ok, true);
}

describeService(['redis', 'postgres'], 'a Redis that hangs while processes stop', () => {
  test('is not waited for: each ends with 0', async (t) => {
    const frozen = await started(t, startRedis);
    await endsInOrder(t, { frozen, gate: frozen.url, log: 'embedded', ledger: (await freshDatabase('postgres')).url });
  });
});

describeService(['redis-cluster', 'postgres'], 'a cluster that hangs while processes stop', () => {
  test('is not waited for: each ends with 0', async (t) => {
    const frozen = await started(t, () => startRedisCluster({ config: { 'cluster-node-timeout': '60000' } }));
    await endsInOrder(t, { frozen, gate: frozen.url, log: 'embedded', ledger: (await freshDatabase('postgres')).url });
  });
});

for (const [name, start] of [
  ['mariadb', startMariadb],
  ['postgres', startPostgres],
] as const) {
  describeService(['redis', name], `a database that hangs while processes stop, ${name}`, () => {
    test('is not waited for: each ends with 0', async (t) => {
      const gate = await started(t, startRedis);
      const frozen = await started(t, start);
      await endsInOrder(t, { frozen, gate: gate.url, log: 'embedded', ledger: frozen.engineUrl });
    });
  });
}

describeService(['redis', 'kafka', 'postgres'], 'a Kafka that hangs while processes stop', () => {
  test('is not waited for: each ends with 0', async (t) => {
    const gate = await started(t, startRedis);
    const frozen = await started(t, startKafka);
    const log = `${frozen.url}/dibs-wins?partitions=2`;
    await endsInOrder(t, { frozen, gate: gate.url, log, ledger: (await freshDatabase('postgres')).url });
  });
});
