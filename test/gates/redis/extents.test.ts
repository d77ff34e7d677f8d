/** How often an event is looked at: seldom where nothing happens, and at once where something does. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { OutboxId } from '../../../src/core/record.ts';
import { ExtentWatch, type Look } from '../../../src/gates/redis/extents.ts';

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;

/** A watch over one event, at a time that a test sets. */
function bench() {
  const state = {
    now: 0,
    end: '0-1' as OutboxId,
    looks: 0,
    isAway: false,
    isGone: false,
    opensAt: null as number | null,
  };
  const look = async (eventId: string): Promise<Look | null> => {
    state.looks += 1;
    if (state.isAway) throw new Error('away');
    if (state.isGone) return null;
    const opensInMs = state.opensAt === null ? null : state.opensAt - state.now;
    return { extent: { eventId, end: state.end, fenced: false }, opensInMs };
  };
  const watch = new ExtentWatch(look, () => state.now);
  const endOf = async () => (await watch.of(['drop']))[0]?.end ?? null;
  /** Asks ten times a second for so long, and gives how often it looked. */
  const looksIn = async (ms: number): Promise<number> => {
    const before = state.looks;
    for (let passed = 0; passed < ms; passed += 100) {
      state.now += 100;
      await endOf();
    }
    return state.looks - before;
  };
  return Object.assign(state, { watch, endOf, looksIn });
}

describe('events on which nothing happens', () => {
  it('are looked at each time for ten seconds, then each second, and after ten minutes every five', async () => {
    const { looksIn } = bench();
    assert.equal(await looksIn(10 * second), 100);
    const inMinute = await looksIn(minute);
    assert.ok(inMinute >= 59 && inMinute <= 61, `${inMinute} looks`);
    await looksIn(10 * minute);
    const later = await looksIn(minute);
    assert.ok(later >= 12 && later <= 13, `${later} looks`);
  });

  it('are seen to have changed at the next look, and looked at each time from then on', async () => {
    const state = bench();
    await state.looksIn(2 * minute);
    state.end = '5-0';
    await state.looksIn(second);
    assert.equal(await state.endOf(), '5-0');
    assert.equal(await state.looksIn(9 * second), 90);
  });

  it('are looked at at once where this process has done something to them', async () => {
    const state = bench();
    await state.looksIn(2 * hour);
    state.end = '5-0';
    state.watch.stir('drop');
    state.watch.stir('another');
    assert.equal(await state.endOf(), '5-0');
  });

  it('are looked at each time from their opening on', async () => {
    const state = bench();
    state.opensAt = 2 * hour;
    await state.looksIn(2 * hour - second);
    await state.looksIn(2 * second);
    assert.equal(await state.looksIn(5 * second), 50);
  });

  it('may come to be and to be gone', async () => {
    const state = bench();
    state.isGone = true;
    assert.equal(await state.endOf(), null);
    await state.looksIn(minute);
    state.isGone = false;
    await state.looksIn(second);
    assert.equal(await state.endOf(), '0-1');
    state.isGone = true;
    assert.equal(await state.endOf(), null);
  });
});

describe('events that cannot be reached', () => {
  it('are left out, and the others are given', async () => {
    const watch = new ExtentWatch(
      async (eventId) => {
        if (eventId === 'b') throw new Error('away');
        return { extent: { eventId, end: '0-1', fenced: false }, opensInMs: null };
      },
      () => 0,
    );
    assert.deepEqual(
      (await watch.of(['a', 'b', 'c'])).map(({ eventId }) => eventId),
      ['a', 'c'],
    );
    await assert.rejects(watch.of(['b']), /away/);
    assert.deepEqual(await watch.of([]), []);
  });

  it('are looked at again the next time', async () => {
    const state = bench();
    state.isAway = true;
    await assert.rejects(state.endOf(), /away/);
    state.isAway = false;
    assert.equal(await state.endOf(), '0-1');
  });
});
