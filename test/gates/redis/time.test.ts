/**
 * Events in Redis open and close by its own clock. Nobody can step that clock here, so that times are real and short; a
 * clock that has stepped back is one that stands behind what has been recorded.
 */
import assert from 'node:assert/strict';
import { it, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Gate } from '../../../src/core/gate.ts';
import {
  claim,
  commonOf,
  crowd,
  drain,
  folded,
  minuteMs,
  openEvent,
  seen,
  standing,
  verdict,
  winOf,
} from '../../../src/testing/gate/acting.ts';
import { specText, statusOf, timeText } from '../../../src/gates/redis/codec.ts';
import { KeyNames, listOf } from '../../../src/gates/redis/keys.ts';
import { scripts, statuses } from '../../../src/gates/redis/scripts.ts';
import { troubleOf } from '../../../src/testing/refusal.ts';
import { describeService, freshName, sharedService } from '../../services/shared.ts';
import { connectTo, openGateAt } from './bench.ts';
import { eventually } from './waiting.ts';

/** A gate on the shared Redis, and what writes past it. */
async function bench(t: TestContext) {
  const url = await sharedService('redis');
  const prefix = freshName();
  const gate = await openGateAt({ url, prefix });
  const past = await connectTo(url);
  t.after(() => Promise.all([gate.close(), past.close()]));
  const write = async (field: string, value: string, eventId = 'drop') => {
    const { event } = new KeyNames(prefix).of(eventId);
    await past.send(event, 'HSET', event, field, value);
  };
  /** As if so much later had been recorded before the clock stepped back. */
  const recordLater = async (ms: number, eventId = 'drop') => {
    const lastTime = (await gate.now()) + ms;
    await write('lastTime', String(lastTime), eventId);
    return lastTime;
  };
  const act = async (eventId: string, ...args: readonly string[]) =>
    statusOf(await past.run(scripts.act, listOf(new KeyNames(prefix).of(eventId)), args)).status;
  return { gate, write, recordLater, act };
}

const soonMs = 250;
const until = async (gate: Gate, time: number) => {
  while ((await gate.now()) < time) await pause(5);
};

/**
 * Does what has to be done before a time that is soon, and gives that time. Where the machine was too slow for it, all of it is
 * done once more with another event, before a time twice as far off.
 */
async function before<T>(
  gate: Gate,
  act: (time: number, id: string) => Promise<T>,
): Promise<{ readonly time: number; readonly id: string; readonly value: T }> {
  for (let ms = soonMs; ; ms *= 2) {
    const time = (await gate.now()) + ms;
    const id = `drop-${ms}`;
    const [outcome] = await Promise.allSettled([act(time, id)]);
    if ((await gate.now()) >= time) continue;
    if (outcome.status === 'rejected') throw outcome.reason;
    return { time, id, value: outcome.value };
  }
}

describeService('redis', 'opening and closing by the clock of Redis', () => {
  it('an event opens at its opening time', async (t) => {
    const { gate } = await bench(t);
    const {
      time: opensAt,
      id,
      value: early,
    } = await before(gate, async (opensAt, id) => {
      await openEvent(gate, { id, opensAt });
      return await claim(gate, 'alice', null, id);
    });
    assert.deepEqual(early, { outcome: 'rejected', reason: 'not_open', wins: [], opensAt });
    const { wonAt } = await eventually(async () => {
      const isDue = (await gate.now()) >= opensAt;
      const decision = await claim(gate, 'alice', null, id);
      assert.ok(decision.outcome === 'won' || !isDue, 'once it is time it opens');
      return decision.outcome === 'won' ? decision.win : null;
    });
    assert.ok(wonAt >= opensAt);
  });

  it('an event closes at its closing time, for good, and one look puts it on record', async (t) => {
    const { gate } = await bench(t);
    const looks: Record<string, (id: string) => Promise<unknown>> = {
      claimed: (id) => claim(gate, 'bob', null, id),
      shown: (id) => gate.events([id]),
      // The one behind all that come before it.
      listed: (id) => gate.list(id.slice(0, -1), 1),
      created: (id) => gate.create({ ...spec, id, closesAt: null }),
      commanded: (id) => troubleOf('closed', () => gate.command(id, { act: 'pause' }, null)),
    };
    const { time: closesAt, id: prefix } = await before(gate, async (closesAt, drop) => {
      for (const look of Object.keys(looks)) {
        const id = `${drop}-${look}`;
        await openEvent(gate, { id, closesAt });
        assert.equal(verdict(await claim(gate, 'alice', null, id)), 'won');
      }
    });
    await until(gate, closesAt);
    for (const [name, look] of Object.entries(looks)) {
      const id = `${prefix}-${name}`;
      assert.equal((await drain(gate, id)).length, 2, `${id} is not closed before anybody looks`);
      await look(id);
      const records = await drain(gate, id);
      assert.deepEqual(
        records.map((one) => (one.type === 'event' ? one.act : 'wins')),
        ['create', 'wins', 'close'],
      );
      const event = await standing(gate, id);
      assert.deepEqual([event.phase, event.revision], ['closed', 2]);
      assert.ok(event.lastTime >= closesAt);
      assert.deepEqual(commonOf(folded(records)), commonOf(event));
      assert.equal(verdict(await claim(gate, 'alice', null, id)), 'replayed');
    }
  });

  it('four that look at once close it once', async (t) => {
    const { gate } = await bench(t);
    const { time, id } = await before(gate, (closesAt, id) => openEvent(gate, { id, closesAt }));
    await until(gate, time);
    await Promise.all([standing(gate, id), claim(gate, 'alice', null, id), standing(gate, id), gate.list(null, 9)]);
    assert.equal((await drain(gate, id)).length, 2);
  });

  it('an event that is fenced is not closed before it is served on', async (t) => {
    const { gate, write } = await bench(t);
    const { time, id } = await before(gate, async (closesAt, id) => {
      await openEvent(gate, { id, closesAt });
      await write('run', '0'.repeat(40), id);
    });
    await until(gate, time);
    assert.deepEqual([(await standing(gate, id)).revision, (await standing(gate, id)).fenced], [1, true]);
    await troubleOf('recovering', () => claim(gate, 'alice', null, id));
    assert.equal((await drain(gate, id)).length, 1);
    assert.equal(await gate.unfence(id, { won: 0, revision: 1 }), true);
    assert.deepEqual([(await standing(gate, id)).phase, (await standing(gate, id)).revision], ['closed', 2]);
  });

  it('a paused event closes too, and a closing time put off keeps it open', async (t) => {
    const { gate } = await bench(t);
    const { time, id } = await before(gate, async (closesAt, id) => {
      await openEvent(gate, { id, closesAt });
      await openEvent(gate, { id: `${id}-later`, closesAt });
      await gate.command(id, { act: 'pause' }, null);
      await gate.command(`${id}-later`, { act: 'change', change: { closesAt: closesAt + minuteMs } }, null);
    });
    await until(gate, time);
    assert.equal(verdict(await claim(gate, 'alice', null, id)), 'closed');
    assert.equal(verdict(await claim(gate, 'alice', null, `${id}-later`)), 'won');
  });

  it('an opening is moved until it has come, and not any more then', async (t) => {
    const { gate } = await bench(t);
    const opensAt = (await gate.now()) + soonMs;
    await openEvent(gate, { opensAt: opensAt + minuteMs });
    const event = await gate.command('drop', { act: 'change', change: { opensAt } }, null);
    assert.equal(event.spec.opensAt, opensAt);
    await until(gate, opensAt);
    await troubleOf('already_open', () =>
      gate.command('drop', { act: 'change', change: { opensAt: opensAt + minuteMs } }, null),
    );
  });

  it('an opening that comes while it is being moved is never moved', async (t) => {
    const { gate } = await bench(t);
    // Judged before and written behind it: the script looks at the time again.
    for (let round = 0; round < 20; round += 1) {
      const id = `drop-${round}`;
      const opensAt = (await gate.now()) + 1 + (round % 4);
      await openEvent(gate, { id, opensAt });
      const moved = gate.command(id, { act: 'change', change: { opensAt: opensAt + minuteMs } }, null);
      await moved.catch((error: unknown) => assert.match(String(error), /fixed/));
      const { spec, lastTime } = await standing(gate, id);
      if (spec.opensAt !== opensAt) assert.ok(lastTime < opensAt, 'it was moved before it came');
    }
  });
});

describeService('redis', 'a command that was judged', () => {
  const { again, done } = statuses;
  const judged = (capacity: number) => specText({ ...spec, id: 'drop', capacity, closesAt: null });

  it('upon what has changed since is judged anew, and has written nothing', async (t) => {
    const { gate, act } = await bench(t);
    const command = (id: string, revision: number, capacity: number, untilThen: number | null) =>
      act(id, String(revision), 'change', 'active', judged(capacity), String(capacity), '', '', timeText(untilThen));
    const { time, id } = await before(gate, async (closesAt, id) => {
      await openEvent(gate, { id, closesAt });
      await gate.admit(id, crowd(2));
      const stood = await seen(gate, id);
      assert.equal(await command(id, 2, 3, null), again, 'another revision');
      assert.equal(await command(id, 1, 1, null), again, 'more has been won than the capacity is to be');
      assert.equal(await command(id, 1, 3, await gate.now()), again, 'the time of the judgement is over');
      assert.deepEqual(await seen(gate, id), stood);
    });
    await until(gate, time);
    assert.equal(await command(id, 1, 3, null), again, 'time has closed it');
    assert.deepEqual([(await standing(gate, id)).phase, (await standing(gate, id)).revision], ['closed', 2]);
  });

  it('upon what stands is done', async (t) => {
    const { gate, act } = await bench(t);
    await openEvent(gate);
    const later = String((await gate.now()) + minuteMs);
    assert.equal(await act('drop', '1', 'change', 'active', judged(9), '9', '', '', later), done);
    assert.deepEqual([(await standing(gate)).spec.capacity, (await standing(gate)).revision], [9, 2]);
  });
});

describeService('redis', 'a worker', () => {
  it('that says nothing for as long as it said is gone', async (t) => {
    const { gate } = await bench(t);
    await before(gate, async (time) => {
      await gate.attend('a', time - (await gate.now()));
      assert.deepEqual(await gate.attend('b', minuteMs), ['a', 'b']);
    });
    await eventually(async () => (await gate.attend('b', minuteMs)).join() === 'b');
  });
});

describeService('redis', 'a clock of Redis that steps back', () => {
  it('dates nothing back', async (t) => {
    const { gate, recordLater } = await bench(t);
    await openEvent(gate, { limitPerUser: 2 });
    const lastTime = await recordLater(10 * minuteMs);
    assert.equal(winOf(await claim(gate, 'alice', 'a')).wonAt, lastTime);
    assert.equal((await gate.command('drop', { act: 'pause' }, null)).lastTime, lastTime);
    assert.equal((await standing(gate)).lastTime, lastTime);
  });

  it('shuts no event that was open, and opens none that was closed', async (t) => {
    const { gate, recordLater } = await bench(t);
    const now = await gate.now();
    await openEvent(gate, { opensAt: now + minuteMs });
    await openEvent(gate, { id: 'over', closesAt: now + minuteMs });
    await recordLater(2 * minuteMs);
    await recordLater(2 * minuteMs, 'over');
    assert.equal(verdict(await claim(gate, 'alice')), 'won');
    assert.equal(verdict(await claim(gate, 'alice', null, 'over')), 'closed');
    await troubleOf('already_open', () => gate.command('drop', { act: 'change', change: { opensAt: null } }, null));
    await troubleOf('closed', () => gate.command('over', { act: 'pause' }, null));
  });
});

const spec = { name: 'Drop', capacity: 3, limitPerUser: 1, opensAt: null };
