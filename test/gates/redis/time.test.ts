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
  drain,
  folded,
  minuteMs,
  openEvent,
  standing,
  verdict,
  winOf,
} from '../../../src/testing/gate/acting.ts';
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
  /** As if so much later had been recorded before the clock stepped back. */
  const recordLater = async (ms: number, eventId = 'drop') => {
    const key = `${prefix}:{${eventId}}:event`;
    const lastTime = (await gate.now()) + ms;
    await past.send(key, 'HSET', key, 'lastTime', String(lastTime));
    return lastTime;
  };
  return { gate, recordLater };
}

const soonMs = 150;
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
    const closesAt = (await gate.now()) + soonMs;
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
