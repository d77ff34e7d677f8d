/** What a gate in Redis says when its connection breaks: nothing was done, or nobody knows; and how it goes on. */
import assert from 'node:assert/strict';
import { registerHooks } from 'node:module';
import { it, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { inspect } from 'node:util';
import { startRedis } from '../../../services/redis.ts';
import type { DibsError } from '../../../src/core/errors.ts';
import type { Gate } from '../../../src/core/gate.ts';
import { claim, crowd, drain, folded, openEvent, standing, verdict, winOf } from '../../../src/testing/gate/acting.ts';
import { troubleOf } from '../../../src/testing/refusal.ts';
import { describeService, freshName, sharedService } from '../../services/shared.ts';
import { connectTo, openGateAt, ownRedis } from './bench.ts';
import { type Proxy, startProxy } from './proxy.ts';
import { answering, atOnce, eventually } from './waiting.ts';

const callTimeoutMs = 400;

/** A gate that reaches the shared Redis through a proxy. */
async function proxied(t: TestContext): Promise<{ gate: Gate; proxy: Proxy; alarms: string[] }> {
  const proxy = await startProxy(await sharedService('redis'));
  t.after(() => proxy.close());
  const alarms: string[] = [];
  const alarm = (message: string) => alarms.push(message);
  const gate = await openGateAt({ url: proxy.url, prefix: freshName(), callTimeoutMs, alarm });
  t.after(() => gate.close());
  return { gate, proxy, alarms };
}

describeService('redis', 'an answer that is lost', () => {
  it('on the way is unknown_outcome, and the same claim again is a replay', async (t) => {
    const { gate, proxy } = await proxied(t);
    await openEvent(gate);
    // The first claim of a Redis may have to bring the script along, which takes two answers.
    await claim(gate, 'first');
    proxy.swallow(true);
    const done = proxy.swallowed();
    const lost = troubleOf('unknown_outcome', () => claim(gate, 'alice'));
    await done;
    proxy.cut();
    proxy.swallow(false);
    await lost;
    const decision = await answering(() => claim(gate, 'alice'));
    assert.equal(verdict(decision), 'replayed');
    assert.equal(winOf(decision).slot, 2);
    assert.equal((await standing(gate)).won, 2, 'nothing was sent twice');
  });

  it('of many calls at once is the same for each, and nothing is sent again', async (t) => {
    const { gate, proxy } = await proxied(t);
    await openEvent(gate, { capacity: 100, limitPerUser: 2 });
    proxy.swallow(true);
    const done = proxy.swallowed();
    const calls = Array.from({ length: 20 }, (_, index) => claim(gate, `user-${index}`, 'a'));
    const outcomes = Promise.allSettled(calls);
    await done;
    await pause(50);
    proxy.cut();
    proxy.swallow(false);
    for (const outcome of await outcomes) {
      if (outcome.status === 'fulfilled') assert.fail('no answer came through');
      assert.equal((outcome.reason as DibsError).code, 'unknown_outcome');
    }
    const { won } = await answering(() => standing(gate));
    await pause(200);
    assert.equal((await standing(gate)).won, won, 'nothing waits to be sent');
    for (let index = 0; index < 20; index += 1) await claim(gate, `user-${index}`, 'a');
    assert.equal((await standing(gate)).won, 20);
  });

  it('of a command is unknown_outcome; the event then tells whether it was done', async (t) => {
    const { gate, proxy } = await proxied(t);
    await openEvent(gate);
    await openEvent(gate, { id: 'other' });
    proxy.swallow(true);
    const lost = troubleOf('unknown_outcome', () => gate.create({ ...spec, id: 'third' }));
    await lost;
    proxy.cut();
    proxy.swallow(false);
    const made = await answering(() => gate.create({ ...spec, id: 'third' }));
    assert.equal(made.event.revision, 1);
  });
});

const spec = { name: 'Drop', capacity: 3, limitPerUser: 1, opensAt: null, closesAt: null };

describeService('redis', 'a connection that breaks', () => {
  it('is unavailable at once while Redis cannot be reached, and is made again', async (t) => {
    const { gate, proxy, alarms } = await proxied(t);
    await openEvent(gate);
    proxy.admit(false);
    proxy.cut();
    await eventually(() => alarms.some((one) => one.includes('is lost')));
    // Nobody waits for a connection.
    const trouble = await atOnce(() => troubleOf('unavailable', () => claim(gate, 'alice')));
    assert.match(trouble.message, /not connected/);
    await troubleOf('unavailable', () => gate.check());
    await troubleOf('unavailable', () => gate.events(['drop']));
    proxy.admit(true);
    assert.equal(verdict(await answering(() => claim(gate, 'alice'))), 'won');
    await gate.check();
    assert.equal(alarms.filter((one) => one.includes('is lost')).length, 1, 'one breach is one alarm');
    assert.ok(alarms.some((one) => one.includes('connected again')));
  });

  it('by a Redis that lets nobody in any more says why, and that it is so', async (t) => {
    const told: string[] = [];
    const alarm = (message: string, cause: unknown) =>
      told.push(`${message}: ${cause instanceof Error ? cause.message : ''}`);
    const { gate, service } = await ownRedis(t, { alarm });
    const past = await connectTo(service.url);
    t.after(() => past.close());
    await past.send('x', 'CONFIG', 'SET', 'requirepass', 'very-secret');
    await past.send('x', 'CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    const said = await eventually(() =>
      gate.check().then(
        () => null,
        ({ message }: Error) => (message.includes('NOAUTH') ? message : null),
      ),
    );
    assert.match(said, /^Redis at 127\.0\.0\.1:\d+ is not connected: NOAUTH .*[^.]\.$/);
    await eventually(() => told.some((one) => /refuses the connection.*NOAUTH/.test(one)));
    await pause(300);
    assert.equal(told.filter((one) => one.includes('NOAUTH')).length, 1, 'told once');
    assert.ok(![...told, said].some((one) => one.includes('very-secret')));
    await past.send('x', 'CONFIG', 'SET', 'requirepass', '');
    await answering(() => gate.check());
    assert.ok(told.some((one) => one.includes('connected again')));
  });

  it('again and again under load never sells a place twice, and in the end each of them once', async (t) => {
    const { gate, proxy } = await proxied(t);
    await openEvent(gate, { capacity: 2_000 });
    const over = new AbortController();
    const claims = Array.from({ length: 4 }, async (_, lane) => {
      const won = new Map<string, string>();
      for (let round = 0; !over.signal.aborted; round += 1) {
        const requests = crowd(5, `user-${lane}-${round}-`);
        const decisions = await answering(() => gate.admit('drop', requests));
        for (const decision of decisions) {
          if (decision.outcome !== 'won') continue;
          won.set(decision.win.userId, decision.win.claimId);
        }
      }
      return won;
    });
    for (let breach = 0; breach < 12; breach += 1) {
      await pause(60);
      proxy.swallow(breach % 2 === 0);
      await pause(10);
      proxy.cut();
      proxy.swallow(false);
    }
    over.abort();
    const won = new Map((await Promise.all(claims)).flatMap((one) => [...one]));
    const wins = await answering(() => gate.wins('drop', 0, 10_000));
    assert.equal(won.size, wins.length, 'every win that was retried was told');
    for (const win of wins) assert.equal(won.get(win.userId), win.claimId);
    assert.equal(folded(await drain(gate)).won, wins.length);
  });
});

describeService('redis', 'a Redis that is paused', () => {
  it('is waited for so long and no longer, and is served again when it goes on', async (t) => {
    const { gate, service } = await ownRedis(t, { callTimeoutMs });
    await openEvent(gate, { limitPerUser: 2 });
    service.signal('SIGSTOP');
    const trouble = await troubleOf('unknown_outcome', () => claim(gate, 'alice', 'a'));
    assert.match(trouble.message, /has not answered in 400 ms/);
    // The next ones do not wait as long, each for itself.
    await atOnce(() => troubleOf('unavailable', () => claim(gate, 'bob', 'a')));
    service.signal('SIGCONT');
    // What was sent before the pause may be done behind it; the same key then finds it.
    assert.equal(winOf(await answering(() => claim(gate, 'alice', 'a'))).nth, 1);
    assert.equal((await standing(gate)).won, 1);
  });

  it('for long is connected to anew', async (t) => {
    const { gate, service, alarms } = await ownRedis(t, { callTimeoutMs });
    await openEvent(gate);
    service.signal('SIGSTOP');
    // Calls do not keep a dead connection alive: where they did, this would not end.
    while (!alarms.some((one) => one.includes('is lost'))) {
      await claim(gate, 'alice').catch(() => undefined);
      await pause(20);
    }
    service.signal('SIGCONT');
    assert.equal(winOf(await answering(() => claim(gate, 'alice'))).slot, 1);
  });
});

describeService(['redis', 'redis-cluster'], 'opening', () => {
  it('comes to an end where nobody listens: unavailable', async () => {
    for (const url of ['redis://127.0.0.1:1', 'redis+cluster://127.0.0.1:1,127.0.0.1:2']) {
      const trouble = await troubleOf('unavailable', () => openGateAt({ url, callTimeoutMs }));
      assert.match(trouble.message, /127\.0\.0\.1:1.* cannot be reached/);
    }
  });

  it('is refused without the right password, which is shown nowhere', async (t) => {
    const password = 'right horse: battery/staple@';
    const service = await startRedis({ config: { requirepass: JSON.stringify(password) } });
    t.after(() => service.stop());
    const at = (user: string) => service.url.replace('redis://', `redis://${user}@`);
    const said: string[] = [];
    const alarm = (message: string, error: unknown) => said.push(`${message} ${inspect(error)}`);
    for (const url of [service.url, at(':wrong-secret'), at('nobody:wrong-secret')]) {
      const trouble = await troubleOf('invalid_configuration', () => openGateAt({ url, callTimeoutMs, alarm }));
      assert.match(trouble.message, /refuses the user or the password/);
      said.push(inspect(trouble));
    }
    const gate = await openGateAt({ url: at(`:${encodeURIComponent(password)}`), callTimeoutMs, alarm });
    await openEvent(gate);
    service.signal('SIGKILL');
    said.push(inspect(await gate.events(['drop']).catch((error: unknown) => error)));
    await pause(100);
    said.push(inspect(await gate.check().catch((error: unknown) => error)));
    await gate.close();
    for (const text of said)
      for (const secret of [password, encodeURIComponent(password), 'wrong-secret'])
        assert.ok(!text.includes(secret), text);
  });

  it('names what is wrong where one Redis is taken for a cluster, or one of a cluster for a Redis', async () => {
    const single = await sharedService('redis');
    const cluster = await sharedService('redis-cluster');
    const asCluster = single.replace('redis://', 'redis+cluster://');
    const no = await troubleOf('invalid_configuration', () => openGateAt({ url: asCluster, callTimeoutMs }));
    assert.match(no.message, /is no cluster/);
    const asSingle = cluster.replace('redis+cluster://', 'redis://').replace(/,.*/, '');
    const one = await troubleOf('store_unfit', () => openGateAt({ url: asSingle, callTimeoutMs }));
    assert.match(one.message, /one of a cluster/);
  });

  it('says what to install where the client library is missing', async () => {
    const hooks = registerHooks({
      resolve(specifier, context, next) {
        if (specifier === 'redis') throw Object.assign(new Error('not there'), { code: 'ERR_MODULE_NOT_FOUND' });
        return next(specifier, context);
      },
    });
    try {
      const trouble = await troubleOf('invalid_configuration', () => openGateAt({ url: 'redis://127.0.0.1:1' }));
      assert.match(trouble.message, /npm install redis/);
    } finally {
      hooks.deregister();
    }
  });
});
