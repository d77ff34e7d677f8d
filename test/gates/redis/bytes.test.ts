/** What a win takes of Redis's memory: it is bounded whatever else the machine does, so that a test can hold it. `bench/redis-gate.ts` has the CPU. */
import assert from 'node:assert/strict';
import { it, type TestContext } from 'node:test';
import { outboxEnd } from '../../../src/core/record.ts';
import { openEvent, standing } from '../../../src/testing/gate/acting.ts';
import { describeService } from '../../services/shared.ts';
import { connectTo, ownRedis } from './bench.ts';

const batchSize = 100;
const wins = 100_000;
const bytesMax = 300;
/** What is looked at: a hash takes the more for each of its fields the less it has grown since its table was doubled. */
const looks = [10_000, 20_000, 40_000, 60_000, 70_000, 80_000, 90_000, wins];

/** 17 characters, and 36. */
const userOf = (at: number) => `user-${String(at).padStart(12, '0')}`;
const keyOf = (at: number) => `${String(at).padStart(8, '0')}-0000-4000-8000-${String(at).padStart(12, '0')}`;

/** A gate on a Redis of its own, and what that has allocated, by its own account. */
async function bench(t: TestContext) {
  const { gate, service } = await ownRedis(t, { service: { config: { 'auto-aof-rewrite-percentage': '0' } } });
  const past = await connectTo(service.url);
  t.after(() => past.close());
  const usedBytes = async () =>
    Number(/^used_memory:(\d+)/m.exec(String(await past.send('x', 'INFO', 'memory')))?.[1] ?? Number.NaN);
  return { gate, usedBytes };
}

describeService('redis', 'a win', () => {
  for (const limitPerUser of [1, 2]) {
    it(`takes at most ${bytesMax} bytes while it waits, where a user may have ${limitPerUser}`, async (t) => {
      const { gate, usedBytes } = await bench(t);
      await openEvent(gate, { capacity: wins, limitPerUser });
      const before = await usedBytes();
      const seen: number[] = [];
      for (let at = 0; at < wins; at += batchSize) {
        const requests = Array.from({ length: batchSize }, (_, index) => at + index).map((no) => ({
          userId: userOf(no),
          key: keyOf(no),
        }));
        const decisions = await gate.admit('drop', requests);
        assert.ok(decisions.every((one) => one.outcome === 'won' && !one.replayed));
        const won = at + batchSize;
        if (looks.includes(won)) seen.push(((await usedBytes()) - before) / won);
      }
      const shown = seen.map((bytes) => bytes.toFixed(0)).join(' ');
      t.diagnostic(`${shown} bytes a win, at ${looks.join(' ')} wins`);
      // It has to tell something: 17 and 36 characters are kept of each.
      assert.ok(seen.length === looks.length && seen.every((bytes) => bytes > 53 && bytes <= bytesMax), shown);
      await gate.trim('drop', outboxEnd(await standing(gate)));
      const kept = ((await usedBytes()) - before) / wins;
      t.diagnostic(`${kept.toFixed(0)} bytes a win once it is issued`);
      assert.ok(kept < (seen.at(-1) ?? 0), `${kept} bytes are left of ${shown}`);
    });
  }
});
