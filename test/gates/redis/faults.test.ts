/** What happens to a Redis happens to no win: killed, emptied, full, robbed of a key, its scripts thrown away. */
import assert from 'node:assert/strict';
import { cp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { checkWins } from '../../../src/core/invariants.ts';
import type { Gate } from '../../../src/core/gate.ts';
import type { Win } from '../../../src/core/win.ts';
import { listOf, KeyNames } from '../../../src/gates/redis/keys.ts';
import {
  claim,
  commonOf,
  crowd,
  drain,
  folded,
  openEvent,
  seen,
  standing,
  verdict,
  winOf,
} from '../../../src/testing/gate/acting.ts';
import { troubleOf } from '../../../src/testing/refusal.ts';
import { describeService } from '../../services/shared.ts';
import { connectTo, openGateAt, ownRedis } from './bench.ts';
import { answering, eventually } from './waiting.ts';

const keys = new KeyNames('dibs').of('drop');

/** A gate on a Redis of its own, and what writes past it. */
async function bench(t: TestContext, config: Readonly<Record<string, string>> = {}) {
  const { gate, service, alarms } = await ownRedis(t, { service: { config } });
  const past = await connectTo(service.url);
  t.after(() => past.close());
  const send = (...args: readonly string[]) => past.send(keys.event, ...args);
  return { gate, service, alarms, send };
}

/** All wins of an event, checked. */
async function soundWins(gate: Gate): Promise<Win[]> {
  const event = await standing(gate);
  const wins = await gate.wins('drop', 0, 100_000);
  assert.deepEqual(checkWins(event.spec, wins), []);
  assert.equal(wins.length, event.won);
  assert.deepEqual(commonOf(folded(await drain(gate))), commonOf(event));
  return wins;
}

/** Claims in batches of 1 to 40 until it is told to stop, and gives every win that was acknowledged. */
function claiming(gate: Gate, name: string) {
  const stop = new AbortController();
  const acknowledged: Win[] = [];
  let refused = 0;
  const done = (async () => {
    for (let round = 0; !stop.signal.aborted; round += 1) {
      try {
        const decisions = await gate.admit('drop', crowd(1 + ((round * 7) % 40), `${name}-${round}-`));
        for (const decision of decisions) if (decision.outcome === 'won') acknowledged.push(decision.win);
      } catch {
        refused += 1;
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }
  })();
  return {
    acknowledged,
    refused: () => refused,
    async stop() {
      stop.abort();
      await done;
    },
  };
}

describeService('redis', 'a Redis that is killed', () => {
  it('and started again is fenced until what it has is known to cover all', async (t) => {
    const { gate, service } = await bench(t);
    await openEvent(gate, { capacity: 9, limitPerUser: 2 });
    const win = winOf(await claim(gate, 'alice', 'a'));
    const before = await seen(gate);
    service.signal('SIGKILL');
    await troubleOf('unavailable', () => eventuallyTrouble(() => claim(gate, 'bob', 'a')));
    await service.restart();
    const trouble = await troubleOf('recovering', () => answering(() => claim(gate, 'bob', 'a')));
    assert.deepEqual(trouble.details, { fenced: true });
    assert.equal((await standing(gate)).fenced, true);
    assert.equal(await gate.unfence('drop', { won: 2, revision: 1 }), false, 'the ledger has more: an older copy');
    assert.equal(await gate.unfence('drop', { won: 1, revision: 1 }), true);
    assert.deepEqual(await seen(gate), before);
    assert.deepEqual(winOf(await claim(gate, 'alice', 'a')), win);
    assert.equal(winOf(await claim(gate, 'bob', 'a')).slot, 2);
  });

  it('and given an older copy of its file back is not served on', async (t) => {
    const { gate, service } = await bench(t);
    await openEvent(gate, { capacity: 9 });
    await claim(gate, 'alice');
    const file = join(service.folder, 'appendonlydir');
    await cp(file, `${file}-older`, { recursive: true });
    await claim(gate, 'bob');
    service.signal('SIGKILL');
    await eventually(() =>
      gate.events(['drop']).then(
        () => false,
        () => true,
      ),
    );
    await rm(file, { recursive: true });
    await rename(`${file}-older`, file);
    await service.restart();
    await troubleOf('recovering', () => answering(() => claim(gate, 'carol')));
    assert.equal((await standing(gate)).won, 1);
    assert.equal(await gate.unfence('drop', { won: 2, revision: 1 }), false);
    await troubleOf('recovering', () => claim(gate, 'carol'));
  });

  it('ten times in the middle of its work has every win that it has acknowledged', async (t) => {
    const { gate, service } = await bench(t);
    await openEvent(gate, { capacity: 1_000_000 });
    const lanes = [1, 2, 3].map((lane) => claiming(gate, `lane-${lane}`));
    for (let kill = 0; kill < 10; kill += 1) {
      const enough = lanes.reduce((sum, one) => sum + one.acknowledged.length, 0) + 50 + kill * 30;
      await eventually(() => lanes.reduce((sum, one) => sum + one.acknowledged.length, 0) >= enough);
      service.signal('SIGKILL');
      await service.restart();
      const acknowledged = lanes.flatMap((one) => one.acknowledged);
      const cover = { won: Math.max(...acknowledged.map((win) => win.slot)), revision: 1 };
      assert.equal(await answering(() => gate.unfence('drop', cover)), true, `after kill ${kill + 1}`);
    }
    await Promise.all(lanes.map((one) => one.stop()));
    const wins = await soundWins(gate);
    const acknowledged = lanes.flatMap((one) => one.acknowledged);
    for (const win of acknowledged) assert.deepEqual(wins[win.slot - 1], win);
    assert.equal(new Set(acknowledged.map((win) => win.slot)).size, acknowledged.length);
  });
});

/** Asks until there is trouble other than an unknown outcome. */
async function eventuallyTrouble(act: () => Promise<unknown>): Promise<unknown> {
  return await eventually(async () => {
    const error = await act().then(
      () => null,
      (one: unknown) => one,
    );
    if (error instanceof Error && 'code' in error && error.code !== 'unknown_outcome') throw error;
    return null;
  });
}

describeService('redis', 'a Redis that is emptied', () => {
  it('has no event any more, and the gate does not make one by itself', async (t) => {
    const { gate, send } = await bench(t);
    await openEvent(gate);
    await claim(gate, 'alice');
    await send('FLUSHALL');
    await troubleOf('event_not_found', () => claim(gate, 'bob'));
    await troubleOf('event_not_found', () => gate.command('drop', { act: 'pause' }, null));
    await troubleOf('event_not_found', () => gate.unfence('drop', { won: 1, revision: 1 }));
    assert.deepEqual(await gate.events(['drop']), [null]);
    assert.deepEqual(await gate.list(null, 10), []);
    assert.deepEqual(await send('KEYS', 'dibs:{*'), []);
  });

  it('of its scripts alone goes on, under load', async (t) => {
    const { gate, send } = await bench(t);
    await openEvent(gate, { capacity: 100_000 });
    const lanes = [1, 2].map((lane) => claiming(gate, `lane-${lane}`));
    for (let flush = 0; flush < 30; flush += 1) {
      const enough = (lanes[0]?.acknowledged.length ?? 0) + 10;
      await send('SCRIPT', 'FLUSH');
      await eventually(() => (lanes[0]?.acknowledged.length ?? 0) >= enough);
    }
    await Promise.all(lanes.map((one) => one.stop()));
    assert.deepEqual(
      lanes.map((one) => one.refused()),
      [0, 0],
      'no claim met trouble',
    );
    const wins = await soundWins(gate);
    assert.equal(wins.length, lanes.flatMap((one) => one.acknowledged).length);
  });
});

describeService('redis', 'an event that has lost a key', () => {
  const others: Readonly<Record<string, readonly string[]>> = {
    'its users': ['DEL', keys.users],
    'its outbox': ['DEL', keys.outbox],
    'one of its users': ['HDEL', keys.users, 'alice'],
    'its users, others in their place': ['COPY', keys.event, keys.users, 'REPLACE'],
    'its users, a text in their place': ['SET', keys.users, 'text'],
    'its outbox, a text in its place': ['SET', keys.outbox, 'text'],
    'its outbox, a longer one in its place': ['XADD', keys.outbox, '9-0', 'of', '1 1 1', 'wins', 'x k\n'],
    'a field of itself': ['HDEL', keys.event, 'won'],
    'most fields of itself': ['HDEL', keys.event, 'run', 'won', 'spec', 'phase'],
    'itself, a text in its place': ['SET', keys.event, 'text'],
  };
  for (const [what, command] of Object.entries(others)) {
    it(`${what}: nothing is decided, nothing is written, and nobody serves it on`, async (t) => {
      const { gate, send } = await bench(t);
      await openEvent(gate, { limitPerUser: 2 });
      await claim(gate, 'alice', 'a');
      await send(...command);
      const before = await dump(send);
      const trouble = await troubleOf('recovering', () => claim(gate, 'bob', 'a'));
      assert.deepEqual(trouble.details, { fenced: true });
      await troubleOf('recovering', () => gate.admit('drop', [{ userId: 'alice', key: 'a' }]));
      await troubleOf('recovering', () => gate.command('drop', { act: 'pause' }, null));
      assert.equal(await gate.unfence('drop', { won: 0, revision: 0 }), false);
      const [event] = await gate.events(['drop']);
      assert.ok(event === null || event?.fenced === true, 'it is shown as fenced, or not at all');
      assert.deepEqual(await dump(send), before);
    });
  }

  it('the end of its outbox: nothing is written', async (t) => {
    const { gate, send } = await bench(t);
    await openEvent(gate, { capacity: 9 });
    await claim(gate, 'alice');
    await send('XADD', keys.outbox, '9-0', 'of', '1 1 1', 'wins', 'x k\n');
    await send('XDEL', keys.outbox, '9-0');
    const before = await dump(send);
    await troubleOf('recovering', () => claim(gate, 'bob'));
    await troubleOf('recovering', () => gate.command('drop', { act: 'pause' }, null));
    assert.deepEqual(await dump(send), before);
  });

  it('itself: it is not there, and it is not made anew upon what is left', async (t) => {
    const { gate, send } = await bench(t);
    const { spec } = await openEvent(gate);
    await claim(gate, 'alice');
    await send('DEL', keys.event);
    const before = await dump(send);
    await troubleOf('event_not_found', () => claim(gate, 'bob'));
    assert.deepEqual(await gate.events(['drop']), [null]);
    const trouble = await troubleOf('recovering', () => gate.create(spec));
    assert.deepEqual(trouble.details, { fenced: true });
    assert.deepEqual(await dump(send), before);
  });

  it('and has an entry of the outbox that it does not know of is served by nobody', async (t) => {
    // As if a script had ended in the middle of its writes.
    const { gate, send } = await bench(t);
    await openEvent(gate, { capacity: 9 });
    await claim(gate, 'alice');
    await send('XADD', keys.outbox, '2-0', 'of', '1 1 1', 'wins', 'mallory k\n');
    await troubleOf('recovering', () => gate.admit('drop', crowd(3)));
    assert.equal(await gate.unfence('drop', { won: 1, revision: 1 }), false);
    assert.equal((await standing(gate)).fenced, true);
    assert.equal((await standing(gate)).won, 1);
  });

  it('is put back by a restoration', async (t) => {
    const { gate, send } = await bench(t);
    await openEvent(gate, { capacity: 9 });
    const wins = (await gate.admit('drop', crowd(4))).map(winOf);
    const stood = await standing(gate);
    await send('DEL', keys.users);
    const event = { ...stood, revision: 2, acts: 1 };
    assert.deepEqual(await gate.restore({ event, wins }), event);
    assert.deepEqual((await gate.admit('drop', crowd(4))).map(winOf), wins);
    assert.equal(winOf(await claim(gate, 'late')).slot, 5);
  });
});

type Send = (...args: readonly string[]) => Promise<unknown>;

/** The keys as they are in Redis, byte for byte. */
const dump = (send: Send) => Promise.all(listOf(keys).map((key) => send('DUMP', key)));

describeService('redis', 'a restoration', () => {
  it('leaves keys that never run out, and nothing else', async (t) => {
    const { gate, send } = await bench(t);
    await openEvent(gate, { capacity: 5_000 });
    for (let from = 0; from < 1_300; from += 100) await gate.admit('drop', crowd(100, `from-${from}-`));
    const stood = await standing(gate);
    const wins = await gate.wins('drop', 0, 10_000);
    const event = { ...stood, revision: 2, acts: 1 };
    await gate.restore({ event, wins });
    for (const key of listOf(keys)) assert.equal(await send('PTTL', key), -1, key);
    assert.deepEqual(((await send('KEYS', '*')) as string[]).toSorted(), ['dibs:events', ...listOf(keys)].toSorted());
    assert.deepEqual(await soundWins(gate), wins);
  });

  it('that breaks off leaves what stood', async (t) => {
    const { gate, send } = await bench(t);
    await openEvent(gate, { capacity: 9 });
    const wins = (await gate.admit('drop', crowd(4))).map(winOf);
    const before = await seen(gate);
    const stood = await standing(gate);
    const event = { ...stood, revision: 2, acts: 1 };
    const used = Number(/used_memory:(\d+)/.exec(String(await send('INFO', 'memory')))?.[1]);
    await send('CONFIG', 'SET', 'maxmemory', String(used));
    await troubleOf('unavailable', () => gate.restore({ event, wins }));
    await send('CONFIG', 'SET', 'maxmemory', '0');
    assert.deepEqual(await seen(gate), before);
    assert.deepEqual(await gate.restore({ event, wins }), event);
  });

  it('of wins that are not those of the event is a conflict, and changes nothing', async (t) => {
    const { gate } = await bench(t);
    await openEvent(gate, { capacity: 9, limitPerUser: 2 });
    for (const key of ['a', 'b']) await gate.admit('drop', crowd(2, 'user-', key));
    const before = await seen(gate);
    const stood = await standing(gate);
    const event = { ...stood, revision: 2, acts: 1 };
    const [first, ...rest] = await gate.wins('drop', 0, 10);
    const broken: Record<string, Win[]> = {
      'one is missing': rest,
      'another id': [{ ...first!, claimId: '1-000000000000' }, ...rest],
      'another nth': [{ ...first!, nth: 2 }, ...rest],
      'another order': [...rest, first!],
      'one too few': [first!, ...rest.slice(0, -1)],
    };
    for (const [what, wins] of Object.entries(broken)) {
      const trouble = await troubleOf('recovery_conflict', () => gate.restore({ event, wins }));
      assert.match(trouble.message, /drop/, what);
    }
    await troubleOf('recovery_conflict', () =>
      gate.restore({ event: { ...event, epoch: 2 }, wins: [first!, ...rest] }),
    );
    assert.deepEqual(await seen(gate), before);
  });
});

describeService('redis', 'a Redis without room', () => {
  it('is unavailable, loses nothing and promises nothing, and goes on once there is room', async (t) => {
    const { gate, send } = await bench(t);
    const closesAt = (await gate.now()) + 600;
    await openEvent(gate, { capacity: 100_000 });
    await openEvent(gate, { id: 'ends', closesAt });
    const win = winOf(await claim(gate, 'alice'));
    const before = await seen(gate);
    await send('CONFIG', 'SET', 'maxmemory', '1');
    const stood = await dump(send);
    const trouble = await troubleOf('unavailable', () => gate.admit('drop', crowd(100)));
    assert.match(trouble.message, /OOM/);
    await troubleOf('unavailable', () => gate.command('drop', { act: 'pause' }, null));
    await troubleOf('unavailable', () => gate.create({ ...spec, id: 'other' }));
    assert.deepEqual(await dump(send), stood, 'nothing is half written');
    assert.deepEqual(await claim(gate, 'alice'), { outcome: 'won', replayed: true, win }, 'replays go on');
    assert.deepEqual(await seen(gate), before);
    while ((await gate.now()) < closesAt) await claim(gate, 'alice');
    assert.equal(verdict(await claim(gate, 'bob', null, 'ends')), 'closed', 'time closes it, recorded or not');
    assert.equal((await standing(gate, 'ends')).revision, 1);

    await send('CONFIG', 'SET', 'maxmemory', '0');
    assert.equal(winOf(await claim(gate, 'bob')).slot, 2);
    assert.equal((await standing(gate, 'ends')).revision, 2);
    await soundWins(gate);
  });

  it('is still opened, for those who have won', async (t) => {
    const { gate, service, send } = await bench(t);
    await openEvent(gate);
    const win = winOf(await claim(gate, 'alice'));
    await send('CONFIG', 'SET', 'maxmemory', '1');
    const other = await openGateAt({ url: service.url });
    t.after(() => other.close());
    assert.deepEqual(winOf(await claim(other, 'alice')), win);
  });
});

const spec = { name: 'Drop', capacity: 3, limitPerUser: 1, opensAt: null, closesAt: null };

describeService('redis', 'an append-only file that is rewritten', () => {
  it('under load refuses nobody and loses nothing', async (t) => {
    const { gate, service, send } = await bench(t, { 'rdb-key-save-delay': '200000' });
    await openEvent(gate, { capacity: 1_000_000 });
    const lanes = [1, 2, 3].map((lane) => claiming(gate, `lane-${lane}`));
    const won = () => lanes.reduce((sum, one) => sum + one.acknowledged.length, 0);
    await eventually(() => won() > 200);
    await send('BGREWRITEAOF');
    await gate.check();
    const during = won();
    await eventually(() => won() > during + 200);
    await eventually(async () => /aof_rewrite_in_progress:0/.test(String(await send('INFO', 'persistence'))));
    await eventually(() => won() > during + 400);
    await Promise.all(lanes.map((one) => one.stop()));
    assert.deepEqual(
      lanes.map((one) => one.refused()),
      [0, 0, 0],
    );
    const wins = await soundWins(gate);
    service.signal('SIGKILL');
    await service.restart();
    assert.equal(await answering(() => gate.unfence('drop', { won: wins.length, revision: 1 })), true);
    assert.deepEqual(await soundWins(gate), wins);
  });
});

describeService('redis', 'a batch of more claims than Lua passes on at once', () => {
  it('is decided whole, all of it won or but a part', async (t) => {
    const { gate } = await bench(t);
    await openEvent(gate, { capacity: 15_000, limitPerUser: 2 });
    const first = await gate.admit('drop', crowd(10_000, 'user-', 'a'));
    assert.deepEqual(
      first.map((one) => winOf(one).slot),
      Array.from({ length: 10_000 }, (_, at) => at + 1),
    );
    const again = crowd(10_000, 'user-', 'b').map((one, at) => (at % 3 === 0 ? { ...one, key: 'a' } : one));
    const verdicts = Object.groupBy(await gate.admit('drop', again), verdict);
    const counts = Object.entries(verdicts).map(([name, all]) => [name, all?.length]);
    assert.deepEqual(Object.fromEntries(counts), { replayed: 3_334, won: 5_000, sold_out: 1_666 });
    await soundWins(gate);
  });
});

describeService('redis', 'losers', () => {
  it('leave nothing in Redis: 10,000 refusals of every kind, and not a byte', async (t) => {
    const { gate, send } = await bench(t);
    const now = await gate.now();
    await openEvent(gate, { id: 'sold-out', capacity: 1 });
    await openEvent(gate, { id: 'not-open', opensAt: now + 1e9 });
    await openEvent(gate, { id: 'paused' });
    await openEvent(gate, { id: 'closed' });
    await openEvent(gate, { id: 'limit', capacity: 9, limitPerUser: 2 });
    await claim(gate, 'alice', null, 'sold-out');
    await gate.command('paused', { act: 'pause' }, null);
    await gate.command('closed', { act: 'close' }, null);
    for (const key of ['a', 'b']) await claim(gate, 'user-1', key, 'limit');
    const ids = ['sold-out', 'not-open', 'paused', 'closed', 'limit'];
    const lose = async (from: number) => {
      const requests = crowd(100, `loser-${from}-`).map((one) => ({ ...one, key: `${from}` }));
      for (const id of ids.slice(0, 4)) await gate.admit(id, requests);
      // Past the limit, and without the key that this event asks for.
      await gate.admit(
        'limit',
        Array.from({ length: 50 }, (_, at) => ({ userId: 'user-1', key: `${from}-${at}` })),
      );
      await gate.admit('limit', crowd(50));
    };
    const footprint = async () => {
      const ends = await Promise.all(ids.map((id) => send('MEMORY', 'USAGE', new KeyNames('dibs').of(id).users)));
      const propagated = /aof_current_size:(\d+)/.exec(String(await send('INFO', 'persistence')))?.[1];
      return { size: await send('DBSIZE'), ends, propagated };
    };
    await lose(0);
    const before = await footprint();
    for (let from = 1; from <= 20; from += 1) await lose(from);
    assert.deepEqual(await footprint(), before);
  });
});
