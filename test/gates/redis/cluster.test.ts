/** A cluster: events live on all of its masters, one that is down stops its own alone, and one that has moved is fenced. */
import assert from 'node:assert/strict';
import { it, type TestContext } from 'node:test';
import { startRedis, startRedisCluster } from '../../../services/redis.ts';
import type { Service } from '../../../services/service.ts';
import { parseRedisAddress } from '../../../src/gates/redis/address.ts';
import { hashSlotOf } from '../../../src/gates/redis/hash-slot.ts';
import { KeyNames, listOf } from '../../../src/gates/redis/keys.ts';
import { claim, crowd, openEvent, seen, standing, verdict, winOf } from '../../../src/testing/gate/acting.ts';
import { troubleOf } from '../../../src/testing/refusal.ts';
import { describeService } from '../../services/shared.ts';
import { connectTo, openGateAt } from './bench.ts';
import { answering, eventually } from './waiting.ts';

const names = new KeyNames('dibs');
const slotOf = (eventId: string) => hashSlotOf(names.of(eventId).event);

/** A gate on a cluster of its own, a connection to each master, and an event on each: those of `services/` share the slots alike. */
async function bench(t: TestContext, config: Readonly<Record<string, string>> = {}) {
  const service = await startRedisCluster({ config });
  t.after(() => service.stop());
  const alarms: string[] = [];
  const gate = await openGateAt({
    url: service.url,
    callTimeoutMs: 2_000,
    checkIntervalMs: 50,
    alarm: (message) => alarms.push(message),
  });
  t.after(() => gate.close());
  const nodes = await Promise.all(parseRedisAddress(service.url).hosts.map(({ port }) => pastTo(t, port)));
  const ids = nodes.map((_, at) => idOn(at, nodes.length));
  for (const id of ids) await openEvent(gate, { id, capacity: 9 });
  return { service, gate, nodes, ids, alarms };
}

const pastTo = async (t: TestContext, port: number) => {
  const past = await connectTo(`redis://127.0.0.1:${port}`);
  t.after(() => past.close());
  return { port, send: (...args: readonly string[]) => past.send('x', ...args) };
};

/** An event id whose slot the master of this index has. */
function idOn(master: number, masters: number): string {
  for (let no = 0; ; no += 1) if (Math.floor((slotOf(`drop-${no}`) * masters) / 16_384) === master) return `drop-${no}`;
}

const byId = (a: { readonly eventId?: string | undefined }, b: { readonly eventId?: string | undefined }) =>
  (a.eventId ?? '') < (b.eventId ?? '') ? -1 : 1;

const pidOf = (service: Service, at: number) => service.pids[at] ?? 0;

describeService('redis-cluster', 'a cluster of three masters', () => {
  it('has events on all of them, and each keeps its own', async (t) => {
    const { gate, nodes, ids } = await bench(t);
    for (const [at, { send }] of nodes.entries()) {
      const keys = ((await send('KEYS', 'dibs:{*')) as string[]).toSorted();
      assert.deepEqual(keys, [names.of(ids[at] ?? '').event, names.of(ids[at] ?? '').outbox]);
    }
    assert.deepEqual(
      (await gate.list(null, 10)).map((event) => event.spec.id),
      ids.toSorted(),
    );
    await gate.check();
  });

  it('of which one is killed goes on with the others, and fences the events of that one', async (t) => {
    // Otherwise Redis itself refuses on all of them until the slots are whole again.
    const { service, gate, nodes, ids } = await bench(t, { 'cluster-require-full-coverage': 'no' });
    const win = winOf(await claim(gate, 'alice', null, ids[1]));
    service.signal('SIGKILL', 1);
    await eventually(async () => {
      const trouble = await claim(gate, 'bob', null, ids[1]).catch((error: Error & { code?: string }) => error.code);
      return trouble === 'unavailable';
    });
    await eventually(async () => (await gate.check()).length === 1);
    const [missing = ''] = await gate.check();
    assert.match(missing, new RegExp(`^Redis at 127.0.0.1:${nodes[1]?.port ?? 0} `));
    for (const id of [ids[0], ids[2]]) assert.equal(verdict(await claim(gate, 'alice', null, id)), 'won');
    // Workers find what there is to do on the others, wherever the index of events is kept.
    const others = [ids[0], ids[2]].map((eventId) => ({ eventId, end: '1-0', fenced: false }));
    assert.deepEqual(await gate.extents(null, 10), others.toSorted(byId));
    const pid = pidOf(service, 1);
    await service.restart(1);
    assert.notEqual(pidOf(service, 1), pid);
    await troubleOf('recovering', () => answering(() => claim(gate, 'bob', null, ids[1])));
    assert.equal(await gate.unfence(ids[1] ?? '', { won: 1, revision: 1 }), true);
    assert.deepEqual(winOf(await claim(gate, 'alice', null, ids[1])), win);
    await eventually(async () => (await answering(() => gate.check())).length === 0);
  });

  it('of which one is set otherwise decides nothing there, and goes on elsewhere', async (t) => {
    const { gate, nodes, ids, alarms } = await bench(t);
    await nodes[2]?.send('CONFIG', 'SET', 'appendfsync', 'everysec');
    await eventually(() => alarms.length > 0);
    const trouble = await troubleOf('unavailable', () => claim(gate, 'alice', null, ids[2]));
    assert.match(trouble.message, new RegExp(`127.0.0.1:${nodes[2]?.port ?? 0}: appendfsync is everysec`));
    const missing = await gate.check();
    assert.deepEqual([missing.length, missing[0]?.includes('appendfsync is everysec')], [1, true]);
    assert.equal(verdict(await claim(gate, 'alice', null, ids[0])), 'won');
    await nodes[2]?.send('CONFIG', 'SET', 'appendfsync', 'always');
    await eventually(() => alarms.length > 1);
    assert.equal(verdict(await claim(gate, 'alice', null, ids[2])), 'won');
  });

  it('serves nobody once no master is left that decides, and names each', async (t) => {
    const { gate, nodes } = await bench(t);
    for (const { send } of nodes) await send('CONFIG', 'SET', 'appendfsync', 'everysec');
    const { message } = await troubleOf('store_unfit', () => gate.check());
    for (const { port } of nodes) assert.match(message, new RegExp(`127.0.0.1:${port}: appendfsync is everysec`));
  });

  it('of which one is killed serves nobody where Redis is set to refuse on all of them then', async (t) => {
    const { service, gate, ids } = await bench(t, { 'cluster-require-full-coverage': 'yes' });
    service.signal('SIGKILL', 1);
    const { message } = await eventually(() =>
      gate.check().then(
        () => null,
        (error: Error) => error,
      ),
    );
    assert.match(message, /says that its cluster is down/);
    await troubleOf('unavailable', () => claim(gate, 'alice', null, ids[0]));
    await service.restart(1);
    await eventually(() =>
      gate.check().then(
        ({ length }) => length === 0,
        () => false,
      ),
    );
  });

  it('of which one hangs says so while it hangs, and that the others decide', async (t) => {
    const { service, gate, ids, nodes } = await bench(t, { 'cluster-node-timeout': '60000' });
    service.signal('SIGSTOP', 1);
    const missing = await gate.check();
    assert.deepEqual([missing.length, missing[0]?.includes(`:${nodes[1]?.port ?? 0} `)], [1, true], missing.join());
    assert.equal(verdict(await claim(gate, 'alice', null, ids[0])), 'won');
    service.signal('SIGCONT', 1);
  });

  it('fences an event that has moved from one to another, which then serves it on', async (t) => {
    const { gate, nodes, ids } = await bench(t);
    const [id = ''] = ids;
    const [from, to] = nodes;
    const wins = (await gate.admit(id, crowd(3))).map(winOf);
    const before = await seen(gate, id);
    await moveSlot(
      slotOf(id),
      from!,
      to!,
      async () => {
        // In between some keys are here and some there: nothing is decided upon half of them.
        const trouble = await claim(gate, 'late', null, id).catch((error: Error & { code?: string }) => error.code);
        assert.ok(trouble === 'unavailable' || trouble === 'recovering', JSON.stringify(trouble));
      },
      listOf(names.of(id)),
    );
    await troubleOf('recovering', () => answering(() => claim(gate, 'late', null, id)));
    assert.equal((await standing(gate, id)).fenced, true);
    assert.equal(await gate.unfence(id, { won: 3, revision: 1 }), true);
    assert.deepEqual(await seen(gate, id), before);
    assert.deepEqual((await gate.admit(id, crowd(3))).map(winOf), wins);
    assert.equal(winOf(await claim(gate, 'late', null, id)).slot, 4);
  });

  it('with a replica decides nothing on its master', async (t) => {
    const { gate, nodes, ids, alarms } = await bench(t);
    const replica = await startRedis({ config: { 'cluster-enabled': 'yes' } });
    t.after(() => replica.stop());
    const { send } = await pastTo(t, Number(new URL(replica.url).port));
    await send('CLUSTER', 'MEET', '127.0.0.1', String(nodes[0]?.port));
    const master = String(await nodes[0]?.send('CLUSTER', 'MYID'));
    await eventually(() =>
      send('CLUSTER', 'REPLICATE', master).then(
        () => true,
        () => false,
      ),
    );
    await eventually(() => alarms.length > 0);
    const trouble = await troubleOf('unavailable', () => claim(gate, 'alice', null, ids[0]));
    assert.match(trouble.message, /has replicas \(1\)/);
    assert.equal(verdict(await claim(gate, 'alice', null, ids[1])), 'won');
  });
});

type Node = Awaited<ReturnType<typeof pastTo>>;

/** Moves a slot as `redis-cli --cluster reshard` does, key by key; `between` runs when one key has gone. */
async function moveSlot(
  slot: number,
  from: Node,
  to: Node,
  between: () => Promise<void>,
  keys: readonly string[],
): Promise<void> {
  const [source, target] = (await Promise.all([from.send('CLUSTER', 'MYID'), to.send('CLUSTER', 'MYID')])).map(String);
  await to.send('CLUSTER', 'SETSLOT', String(slot), 'IMPORTING', source ?? '');
  await from.send('CLUSTER', 'SETSLOT', String(slot), 'MIGRATING', target ?? '');
  for (const [at, key] of keys.entries()) {
    await from.send('MIGRATE', '127.0.0.1', String(to.port), key, '0', '5000');
    if (at === 0) await between();
  }
  for (const { send } of [to, from]) await send('CLUSTER', 'SETSLOT', String(slot), 'NODE', target ?? '');
}
