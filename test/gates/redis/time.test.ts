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
  const act = async (...args: readonly string[]) =>
    statusOf(await past.run(scripts.act, listOf(new KeyNames(prefix).of('drop')), args)).status;
  return { gate, write, recordLater, act };
}

// Long enough for a slow machine to have done what is to be done before.
const soonMs = 500;
const until = async (gate: Gate, time: number) => {
  while ((await gate.now()) < time) await pause(5);
};

describeService('redis', 'opening and closing by the clock of Redis', () => {
  it('an event opens at its opening time', async (t) => {
    const { gate } = await bench(t);
    const opensAt = (await gate.now()) + soonMs;
    await openEvent(gate, { opensAt });
    const early = await claim(gate, 'alice');
    assert.deepEqual(early, { outcome: 'rejected', reason: 'not_open', wins: [], opensAt });
    const { wonAt } = await eventually(async () => {
      const decision = await claim(gate, 'alice');
      return decision.outcome === 'won' ? decision.win : null;
    });
    assert.ok(wonAt >= opensAt && wonAt < opensAt + 1_000);
  });

  it('an event closes at its closing time, for good, and one look puts it on record', async (t) => {
    const { gate } = await bench(t);
    const looks: Record<string, (id: string) => Promise<unknown>> = {
      claimed: (id) => claim(gate, 'bob', null, id),
      shown: (id) => gate.events([id]),
      listed: () => gate.list('list', 1),
      created: (id) => gate.create({ ...spec, id, closesAt: null }),
      commanded: (id) => troubleOf('closed', () => gate.command(id, { act: 'pause' }, null)),
    };
    const closesAt = (await gate.now()) + 3 * soonMs;
    for (const id of Object.keys(looks)) {
      await openEvent(gate, { id, closesAt });
      assert.equal(verdict(await claim(gate, 'alice', null, id)), 'won');
    }
    await until(gate, closesAt);
    for (const [id, look] of Object.entries(looks)) {
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
    const closesAt = (await gate.now()) + soonMs;
    await openEvent(gate, { closesAt });
    await until(gate, closesAt);
    await Promise.all([standing(gate), claim(gate, 'alice'), standing(gate), gate.list(null, 1)]);
    assert.equal((await drain(gate)).length, 2);
  });

  it('an event that is fenced is not closed before it is served on', async (t) => {
    const { gate, write } = await bench(t);
    const closesAt = (await gate.now()) + soonMs;
    await openEvent(gate, { closesAt });
    await write('run', '0'.repeat(40));
    await until(gate, closesAt);
    assert.deepEqual([(await standing(gate)).revision, (await standing(gate)).fenced], [1, true]);
    await troubleOf('recovering', () => claim(gate, 'alice'));
    assert.equal((await drain(gate)).length, 1);
    assert.equal(await gate.unfence('drop', { won: 0, revision: 1 }), true);
    assert.deepEqual([(await standing(gate)).phase, (await standing(gate)).revision], ['closed', 2]);
  });

  it('a paused event closes too, and a closing time put off keeps it open', async (t) => {
    const { gate } = await bench(t);
    const closesAt = (await gate.now()) + soonMs;
    await openEvent(gate, { closesAt });
    await openEvent(gate, { id: 'later', closesAt });
    await gate.command('drop', { act: 'pause' }, null);
    await gate.command('later', { act: 'change', change: { closesAt: closesAt + minuteMs } }, null);
    await until(gate, closesAt);
    assert.equal(verdict(await claim(gate, 'alice')), 'closed');
    assert.equal(verdict(await claim(gate, 'alice', null, 'later')), 'won');
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
    const closesAt = (await gate.now()) + soonMs;
    await openEvent(gate, { closesAt });
    await gate.admit('drop', crowd(2));
    const before = await seen(gate);
    const command = (revision: number, capacity: number, untilThen: number | null) =>
      act(String(revision), 'change', 'active', judged(capacity), String(capacity), '', '', timeText(untilThen));
    assert.equal(await command(2, 3, null), again, 'another revision');
    assert.equal(await command(1, 1, null), again, 'more has been won than the capacity is to be');
    assert.equal(await command(1, 3, await gate.now()), again, 'the time of the judgement is over');
    assert.deepEqual(await seen(gate), before);
    await until(gate, closesAt);
    assert.equal(await command(1, 3, null), again, 'time has closed it');
    assert.deepEqual([(await standing(gate)).phase, (await standing(gate)).revision], ['closed', 2]);
  });

  it('upon what stands is done', async (t) => {
    const { gate, act } = await bench(t);
    await openEvent(gate);
    const later = String((await gate.now()) + minuteMs);
    assert.equal(await act('1', 'change', 'active', judged(9), '9', '', '', later), done);
    assert.deepEqual([(await standing(gate)).spec.capacity, (await standing(gate)).revision], [9, 2]);
  });
});

describeService('redis', 'a worker', () => {
  it('that says nothing for as long as it said is gone', async (t) => {
    const { gate } = await bench(t);
    await gate.attend('a', soonMs);
    await gate.attend('b', minuteMs);
    assert.deepEqual(await gate.attend('b', minuteMs), ['a', 'b']);
    await pause(soonMs + 5);
    assert.deepEqual(await gate.attend('b', minuteMs), ['b']);
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
