/** A Redis that would not keep what it acknowledges is refused: at the start, while it runs, and in words that help. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { startRedis } from '../../../services/redis.ts';
import { judgeServer, requiredSettings, type Seen, type ServerState } from '../../../src/gates/redis/settings.ts';
import { claim, openEvent, seen, verdict, winOf } from '../../../src/testing/gate/acting.ts';
import { troubleOf } from '../../../src/testing/refusal.ts';
import { describeService } from '../../services/shared.ts';
import { connectTo, openGateAt, ownRedis } from './bench.ts';
import { eventually } from './waiting.ts';

const fit: ServerState = {
  info: new Map([
    ['redis_version', '7.0.15'],
    ['run_id', 'run'],
    ['role', 'master'],
    ['connected_slaves', '0'],
    ['cluster_enabled', '0'],
    ['aof_base_size', '89'],
    ['aof_rewrite_in_progress', '0'],
    ['aof_last_bgrewrite_status', 'ok'],
  ]),
  config: new Map(requiredSettings.map(({ name, value }) => [name, value])),
};
const unseen: Seen = { wholeFile: null, cluster: false };
const judge = (info: Record<string, string> = {}, config: Record<string, string> = {}, seen = unseen) =>
  judgeServer(
    {
      info: new Map([...fit.info, ...Object.entries(info)]),
      config: new Map([...fit.config, ...Object.entries(config)]),
    },
    seen,
    'redis-cli -p 1',
  );

describe('the settings of a Redis', () => {
  it('as they must be are in order, with Valkey and Redis 8 too', () => {
    assert.deepEqual(judge(), []);
    assert.deepEqual(judge({ redis_version: '7.2.4', valkey_version: '8.1.0' }), []);
    assert.deepEqual(judge({ redis_version: '8.2.1' }), []);
    assert.deepEqual(judge({ cluster_enabled: '1' }, {}, { ...unseen, cluster: true }), []);
  });

  for (const { name, value } of requiredSettings) {
    it(`refuse another ${name} than ${value}, and say why and which command mends it`, () => {
      const [finding, ...more] = judge({}, { [name]: 'other' });
      assert.deepEqual(more, []);
      assert.equal(finding?.found, `${name} is other, not ${value}`);
      assert.match(finding?.why ?? '', /\bwins?\b/);
      assert.equal(finding?.mend, `redis-cli -p 1 CONFIG SET ${name} ${value}`);
    });
  }

  const others: [what: string, info: Record<string, string>, found: RegExp][] = [
    ['an old version', { redis_version: '6.2.14' }, /version is 6\.2\.14/],
    ['a version that is not told', { redis_version: '' }, /version is $/],
    ['a replica', { role: 'slave' }, /role is slave/],
    ['replicas', { connected_slaves: '2' }, /has replicas \(2\)/],
    ['one of a cluster', { cluster_enabled: '1' }, /one of a cluster/],
  ];
  for (const [what, info, found] of others) {
    it(`refuse ${what}`, () => {
      const findings = judge(info);
      assert.equal(findings.length, 1);
      assert.match(findings[0]?.found ?? '', found);
    });
  }

  it('are told all at once', () => {
    assert.equal(judge({ connected_slaves: '1', role: 'slave' }, { appendfsync: 'no', appendonly: 'no' }).length, 4);
  });

  it('wait for the first append-only file, and not for a rewrite of one that was whole', () => {
    const first = { aof_base_size: '0', aof_rewrite_in_progress: '1' };
    assert.equal(judge(first)[0]?.passing, true);
    assert.equal(judge({ ...first, aof_rewrite_in_progress: '0', aof_last_bgrewrite_status: 'err' }).length, 1);
    assert.deepEqual(judge({ ...first, aof_rewrite_in_progress: '0' }), []);
    assert.deepEqual(judge({ aof_rewrite_in_progress: '1' }), []);
    assert.deepEqual(judge(first, {}, { ...unseen, wholeFile: 'run' }), []);
    assert.equal(judge(first, {}, { ...unseen, wholeFile: 'another run' }).length, 1);
  });
});

describeService('redis', 'a Redis that does not suit', () => {
  const configs: [config: Record<string, string>, found: RegExp][] = [
    [{ appendonly: 'no' }, /appendonly is no, not yes.*CONFIG SET appendonly yes/],
    [{ appendfsync: 'everysec' }, /appendfsync is everysec, not always.*CONFIG SET appendfsync always/],
    [{ 'no-appendfsync-on-rewrite': 'yes' }, /no-appendfsync-on-rewrite is yes/],
    [{ 'maxmemory-policy': 'allkeys-lru' }, /maxmemory-policy is allkeys-lru/],
  ];
  for (const [config, found] of configs) {
    it(`is refused at the start: ${JSON.stringify(config)}`, async (t) => {
      const service = await startRedis({ config });
      t.after(() => service.stop());
      const trouble = await troubleOf('store_unfit', () => openGateAt({ url: service.url }));
      assert.match(trouble.message, found);
      assert.match(trouble.message, new RegExp(`redis-cli -h 127.0.0.1 -p ${new URL(service.url).port} `));
    });
  }

  it('in mid-flight decides nothing until it is mended by the very command that is named', async (t) => {
    const { gate, service, alarms } = await ownRedis(t, { checkIntervalMs: 50 });
    const past = await connectTo(service.url);
    t.after(() => past.close());
    await openEvent(gate, { capacity: 9, limitPerUser: 9 });
    let place = 0;
    for (const { name } of requiredSettings) {
      place += 1;
      const key = `key-${place}`;
      assert.equal(winOf(await claim(gate, 'alice', key)).slot, place);
      await past.send('x', 'CONFIG', 'SET', name, otherThan[name] ?? 'yes');
      await eventually(() => alarms.at(-1)?.includes('Nothing is decided') === true);
      const trouble = await troubleOf('unavailable', () => claim(gate, 'alice', 'late'));
      assert.equal(trouble.retryable, true);
      await troubleOf('unavailable', () => gate.command('drop', { act: 'pause' }, null));
      await troubleOf('unavailable', () => gate.create({ ...spec, id: 'late' }));
      const unfit = await troubleOf('store_unfit', () => gate.check());
      assert.equal(unfit.message, trouble.message);
      const command = /Mend it: redis-cli (.*?)\./.exec(trouble.message.replaceAll('127.0.0.1', 'HOST'))?.[1] ?? '';
      await promisify(execFile)('redis-cli', command.replace('HOST', '127.0.0.1').split(' '));
      await eventually(() => alarms.at(-1)?.includes('again') === true);
    }
    assert.equal(winOf(await claim(gate, 'alice', 'last')).slot, place + 1);
    await gate.check();
  });

  it('with a replica that has come decides nothing until that is gone', async (t) => {
    const { gate, service, alarms } = await ownRedis(t, { checkIntervalMs: 50 });
    await openEvent(gate);
    const replica = await startRedis({ config: { replicaof: `127.0.0.1 ${new URL(service.url).port}` } });
    t.after(() => replica.stop());
    await eventually(() => alarms.length > 0);
    const trouble = await troubleOf('unavailable', () => claim(gate, 'alice'));
    assert.match(trouble.message, /has replicas \(1\)/);
    const atReplica = await troubleOf('store_unfit', () => openGateAt({ url: replica.url }));
    assert.match(atReplica.message, /its role is slave/);
    await replica.stop();
    await eventually(() => alarms.length > 1);
    assert.equal(verdict(await claim(gate, 'alice')), 'won');
  });

  it('restarted with other settings decides nothing, from the first claim on', async (t) => {
    const { gate, service, alarms } = await ownRedis(t, { checkIntervalMs: 60_000 });
    await openEvent(gate);
    const past = await connectTo(service.url);
    await past.send('x', 'CONFIG', 'SET', 'appendfsync', 'no');
    // Into its file, so that the next process has it too.
    await past.send('x', 'CONFIG', 'REWRITE');
    await past.close();
    service.signal('SIGKILL');
    await eventually(() => alarms.length > 0);
    await service.restart();
    const trouble = await eventually(async () => {
      const one = await troubleOf('unavailable', () => claim(gate, 'alice'));
      return one.message.includes('not connected') ? null : one;
    });
    assert.match(trouble.message, /appendfsync is no/);
  });

  it('whose append-only file is only just being made is waited for', async (t) => {
    const service = await startRedis({ config: { appendonly: 'no', 'rdb-key-save-delay': '300000' } });
    t.after(() => service.stop());
    const past = await connectTo(service.url);
    t.after(() => past.close());
    for (const key of ['a', 'b', 'c', 'd']) await past.send(key, 'SET', key, 'x');
    await past.send('x', 'CONFIG', 'SET', 'appendonly', 'yes');
    const gate = await openGateAt({ url: service.url, checkIntervalMs: 100 });
    t.after(() => gate.close());
    const trouble = await troubleOf('unavailable', () => openEvent(gate));
    assert.match(trouble.message, /still being written/);
    await eventually(() =>
      gate.check().then(
        () => true,
        () => false,
      ),
    );
    await openEvent(gate);
    const win = winOf(await claim(gate, 'alice'));
    await past.send('x', 'CONFIG', 'REWRITE');
    const before = await seen(gate);
    service.signal('SIGKILL');
    await service.restart();
    await eventually(() =>
      gate.events(['drop']).then(
        () => true,
        () => false,
      ),
    );
    assert.equal(await gate.unfence('drop', { won: 1, revision: 1 }), true);
    assert.deepEqual(await seen(gate), before);
    assert.deepEqual(winOf(await claim(gate, 'alice')), win);
  });

  const users: [what: string, rules: string, words: RegExp][] = [
    ['tells nothing of its settings', '-config', /does not tell CONFIG.*others manage/],
    ['tells nothing of itself', '-info', /does not tell INFO/],
    ['lets scripts write but half', '-hset', /does not let scripts do.*\(HSET\)/],
  ];
  for (const [what, rules, words] of users) {
    it(`is refused where it ${what} to this user`, async (t) => {
      const service = await startRedis();
      t.after(() => service.stop());
      const past = await connectTo(service.url);
      t.after(() => past.close());
      await past.send('x', 'ACL', 'SETUSER', 'dibs', 'on', '>pw', '~*', '+@all', rules);
      const url = service.url.replace('redis://', 'redis://dibs:pw@');
      const trouble = await troubleOf('store_unfit', () => openGateAt({ url }));
      assert.match(trouble.message, words);
      assert.equal(await past.send('x', 'DBSIZE'), 0, 'and nothing is left of the attempt');
    });
  }
});

const spec = { name: 'Drop', capacity: 3, limitPerUser: 1, opensAt: null, closesAt: null };

const otherThan: Readonly<Record<string, string>> = {
  appendonly: 'no',
  appendfsync: 'everysec',
  'maxmemory-policy': 'allkeys-lru',
};
