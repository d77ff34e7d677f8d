/** The machine's clock: it tells the time, and whoever sleeps on it can be woken. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemClock } from '../../src/lib/system-clock.ts';

const aDayMs = 86_400_000;

describe('the system clock', () => {
  it('ends a sleep at once, and without trouble, when its signal aborts', async () => {
    const end = new AbortController();
    const slept = systemClock.sleep(aDayMs, end.signal);
    end.abort();
    assert.equal(await slept, undefined);
  });

  it('does not sleep on a signal that has aborted already', async () => {
    assert.equal(await systemClock.sleep(aDayMs, AbortSignal.abort()), undefined);
  });

  it('ends a sleep by itself', async () => {
    const before = systemClock.now();
    await systemClock.sleep(1);
    await systemClock.sleep(0);
    await systemClock.sleep(1, new AbortController().signal);
    assert.ok(systemClock.now() >= before);
  });

  it('tells milliseconds since 1970', () => {
    const before = Date.now();
    const now = systemClock.now();
    assert.ok(Number.isSafeInteger(now) && now >= before && now <= Date.now());
  });
});
