/** Time and an event: nothing expires, what is closed stays closed, and a clock that is set back takes nothing back. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Dibs, openDibs } from '../../src/main.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';

const minute = 60_000;
const day = 24 * 60 * minute;

/** The library over real stores, on a clock that a test sets; `reopen` is a restart. */
async function onClock(t: TestContext) {
  const data = await mkdtemp(join(tmpdir(), 'dibs-e2e-'));
  const clock = new ManualClock();
  // Claims alone: the issuer would sleep on this clock.
  const open = (): Promise<Dibs> => openDibs({ data, clock, roles: ['claims'] });
  const opened = [await open()];
  t.after(async () => {
    for (const dibs of opened) await dibs.close();
    await rm(data, { recursive: true });
  });
  return {
    clock,
    dibs: opened[0] as Dibs,
    async reopen(): Promise<Dibs> {
      await opened.at(-1)?.close();
      const dibs = await open();
      opened.push(dibs);
      return dibs;
    },
  };
}

async function told(dibs: Dibs, userId: string): Promise<string> {
  const decision = await dibs.claim({ eventId: 'drop', userId });
  return decision.outcome === 'won' ? `${decision.replayed ? 'again' : 'won'} ${decision.claim.slot}` : decision.reason;
}

test('nothing expires: three days and ten years later, over a restart, not one more place is sold', async (t) => {
  const { clock, dibs, reopen } = await onClock(t);
  await dibs.createEvent({ id: 'drop', name: 'Drop', capacity: 2 });
  assert.deepEqual(
    [await told(dibs, 'a'), await told(dibs, 'b'), await told(dibs, 'c')],
    ['won 1', 'won 2', 'sold_out'],
  );
  clock.step(3 * day);
  assert.deepEqual([await told(dibs, 'a'), await told(dibs, 'c')], ['again 1', 'sold_out']);
  clock.step(3_650 * day);
  const later = await reopen();
  assert.deepEqual(
    [await told(later, 'b'), await told(later, 'c'), await told(later, 'd')],
    ['again 2', 'sold_out', 'sold_out'],
  );
});

test('opening and closing come by the clock of the gate, whatever a client believes', async (t) => {
  const { clock, dibs } = await onClock(t);
  const opensAt = new Date(clock.now() + 10 * minute);
  const closesAt = new Date(clock.now() + 20 * minute);
  await dibs.createEvent({ id: 'drop', name: 'Drop', capacity: 5, opensAt, closesAt });
  const early = await dibs.claim({ eventId: 'drop', userId: 'a' });
  assert.deepEqual(early.outcome === 'rejected' && [early.reason, early.opensAt], ['not_open', opensAt]);
  clock.step(10 * minute - 1);
  assert.equal(await told(dibs, 'a'), 'not_open');
  clock.step(1);
  assert.equal(await told(dibs, 'a'), 'won 1');
  clock.step(10 * minute - 1);
  assert.equal(await told(dibs, 'b'), 'won 2');
  clock.step(1);
  assert.deepEqual([await told(dibs, 'c'), await told(dibs, 'a')], ['closed', 'again 1']);
});

test('a clock set back by ten minutes opens nothing that has closed, not over a restart either', async (t) => {
  const { clock, dibs, reopen } = await onClock(t);
  await dibs.createEvent({ id: 'drop', name: 'Drop', capacity: 5, closesAt: new Date(clock.now() + 5 * minute) });
  assert.equal(await told(dibs, 'a'), 'won 1');
  clock.step(5 * minute);
  assert.equal(await told(dibs, 'b'), 'closed');
  clock.step(-10 * minute);
  assert.equal(await told(dibs, 'b'), 'closed');
  const next = await reopen();
  assert.deepEqual([await told(next, 'b'), (await next.getEvent('drop')).state], ['closed', 'closed']);
});

test('a clock set back by ten minutes closes nothing that has opened, and times of wins never run back', async (t) => {
  const { clock, dibs, reopen } = await onClock(t);
  const opensAt = new Date(clock.now() + minute);
  await dibs.createEvent({ id: 'drop', name: 'Drop', capacity: 5, opensAt });
  clock.step(minute);
  const first = await dibs.claim({ eventId: 'drop', userId: 'a' });
  clock.step(-10 * minute);
  const second = await dibs.claim({ eventId: 'drop', userId: 'b' });
  const third = await (await reopen()).claim({ eventId: 'drop', userId: 'c' });
  const times = [first, second, third].map((decision) =>
    decision.outcome === 'won' ? decision.claim.wonAt.getTime() : 0,
  );
  assert.deepEqual(times, [opensAt.getTime(), opensAt.getTime(), opensAt.getTime()]);
});
