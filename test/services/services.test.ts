/** Every service, as those find it who start one: it answers, outlives a kill, and leaves nothing. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { lives, treeOf } from '../../services/processes.ts';
import { type Service, serviceNames, startRedis, startRedisCluster, startService } from '../../services/services.ts';
import { keep } from './keeping.ts';
import { describeService } from './shared.ts';

/** A test that fails before it stops its service must not hold up the run. */
function stopsAfter(t: TestContext, service: Service): Service {
  t.after(() => service.stop());
  return service;
}

const portsOf = ({ url }: Service): number[] =>
  [...url.matchAll(/127\.0\.0\.1:(\d+)/g)].map(([, port]) => Number(port));

for (const name of serviceNames) {
  describeService(name, `a private ${name}`, () => {
    test('answers, is killed, has all it had when it is started again, and leaves nothing', async (t) => {
      const service = stopsAfter(t, await startService(name));
      const { url, folder, pids } = service;
      assert.equal(service.name, name);
      assert.ok(existsSync(folder));
      const { isKept } = await keep(service);
      assert.ok(await isKept());

      service.signal('SIGKILL');
      await service.restart();
      assert.equal(service.url, url);
      assert.equal(service.pids.length, pids.length);
      for (const pid of service.pids) assert.ok(!pids.includes(pid));
      assert.ok(await isKept());

      const all = service.pids.flatMap(treeOf);
      await service.stop();
      for (const pid of [...pids, ...all]) assert.ok(!lives(pid), `${pid} of ${name} still runs`);
      assert.ok(!existsSync(folder));
      await assert.rejects(isKept());
    });
  });
}

describeService(['mariadb', 'postgres'], 'the databases', () => {
  for (const name of ['mariadb', 'postgres'] as const) {
    test(`of ${name} let an engine in by its password alone`, async (t) => {
      const service = stopsAfter(t, await startService(name));
      const { isKept } = await keep({ name, url: service.engineUrl });
      assert.ok(await isKept());
      const wrong = new URL(service.engineUrl);
      wrong.password = 'wrong';
      await assert.rejects(keep({ name, url: wrong.href }), /denied|password authentication failed/);
    });
  }
});

describeService('redis-cluster', 'a cluster', () => {
  test('has a node killed and back, by itself', async (t) => {
    const cluster = stopsAfter(t, await startRedisCluster());
    const { isKept } = await keep(cluster);
    const [first, second, third] = cluster.pids;
    cluster.signal('SIGKILL', 1);
    await cluster.restart(1);
    assert.deepEqual([cluster.pids[0], cluster.pids[2]], [first, third]);
    assert.notEqual(cluster.pids[1], second);
    assert.ok(await isKept());
    assert.throws(() => cluster.signal('SIGKILL', 3), /none of index 3/);
  });
});

describeService('redis', 'a server', () => {
  test('is paused, and goes on', async (t) => {
    const redis = stopsAfter(t, await startRedis());
    redis.signal('SIGSTOP');
    let answered = false;
    const kept = keep(redis).then((thing) => {
      answered = true;
      return thing;
    });
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.equal(answered, false);
    redis.signal('SIGCONT');
    assert.ok(await (await kept).isKept());
  });

  test('takes settings of its own words', async (t) => {
    const redis = stopsAfter(t, await startRedis({ config: { maxmemory: '7mb', appendonly: 'no' } }));
    const conf = await readFile(join(redis.folder, 'redis.conf'), 'utf8');
    assert.match(conf, /^maxmemory 7mb$/m);
    assert.match(conf, /^appendonly no$/m);
    assert.match(conf, /^appendfsync always$/m);
  });

  test('behind a wrapper is signalled itself', async (t) => {
    const wrap = ['/bin/sh', '-c', 'echo "$MARK"; "$0" "$@"; exit 0'];
    const redis = stopsAfter(t, await startRedis({ wrap, env: { MARK: 'wrapped' } }));
    assert.match(await readFile(join(redis.folder, 'log'), 'utf8'), /^wrapped$/m);
    assert.match(await readFile(`/proc/${String(redis.pids[0])}/comm`, 'utf8'), /^redis-server$/m);
    redis.signal('SIGKILL');
    await redis.restart();
    assert.ok(await (await keep(redis)).isKept());
  });

  test('whose start is given up before it answers leaves nothing', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'dibs-given-up-'));
    t.after(() => rm(folder, { recursive: true }));
    const note = join(folder, 'note');
    const wrap = ['/bin/sh', '-c', 'echo "$$ $PWD" > "$NOTE.part"; mv "$NOTE.part" "$NOTE"; sleep 60; exec "$0" "$@"'];
    const stop = new AbortController();
    const starting = startRedis({ wrap, env: { NOTE: note }, signal: stop.signal });
    const given = assert.rejects(starting, /was given up before it answered/);
    while (!existsSync(note)) await new Promise((resolve) => setTimeout(resolve, 10));
    const [pid, place = ''] = (await readFile(note, 'utf8')).trim().split(' ');
    assert.ok(lives(Number(pid)) && existsSync(place));
    stop.abort();
    await given;
    assert.ok(!lives(Number(pid)) && !existsSync(place));
  });

  test('says why it does not start', async () => {
    await assert.rejects(startRedis({ config: { nonsense: 'yes' } }), /did not start[^]*nonsense/);
  });

  test('is told where its port is taken when it is to be back', async (t) => {
    const redis = stopsAfter(t, await startRedis());
    redis.signal('SIGKILL');
    const [port] = portsOf(redis);
    const thief = createServer();
    const listens = async (): Promise<void> => {
      await new Promise<void>((resolve, reject) => {
        thief.once('error', reject);
        thief.listen({ port, host: '127.0.0.1' }, resolve);
      });
    };
    // The killed one lets go of it a moment later.
    for (let tries = 0; !thief.listening && tries < 100; tries += 1) {
      await listens().catch(() => new Promise((resolve) => setTimeout(resolve, 10)));
    }
    try {
      await assert.rejects(redis.restart(), { name: 'PortTaken' });
    } finally {
      thief.close();
    }
  });
});
