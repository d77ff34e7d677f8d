import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ManualClock } from '../../src/testing/manual-clock.ts';

/** Whether a promise has been fulfilled by the time that everything under way has come to its end. */
async function isDone(promise: Promise<void>): Promise<boolean> {
  let done = false;
  void promise.then(() => (done = true));
  await new Promise((resolve) => setImmediate(resolve));
  return done;
}

describe('the manual clock', () => {
  it('stands still until it is stepped, on or back', () => {
    const clock = new ManualClock(1000);
    assert.deepEqual([clock.now(), clock.now()], [1000, 1000]);
    clock.step(5);
    clock.step(-10);
    assert.equal(clock.now(), 995);
  });
  it('wakes a sleeper once it has been stepped far enough, not before', async () => {
    const clock = new ManualClock();
    const sleep = clock.sleep(100);
    clock.step(99);
    assert.equal(await isDone(sleep), false);
    clock.step(1);
    assert.equal(await isDone(sleep), true);
  });
  it('wakes each sleeper at its own time', async () => {
    const clock = new ManualClock();
    const [short, long] = [clock.sleep(10), clock.sleep(20)];
    clock.step(15);
    assert.deepEqual([await isDone(short), await isDone(long)], [true, false]);
  });
  it('wakes a sleeper whose signal is aborted, before or meanwhile', async () => {
    const clock = new ManualClock();
    const end = new AbortController();
    const sleep = clock.sleep(100, end.signal);
    assert.equal(await isDone(sleep), false);
    end.abort();
    assert.equal(await isDone(sleep), true);
    assert.equal(await isDone(clock.sleep(100, end.signal)), true);
  });
  it('does not let sleep who sleeps for no time', async () => {
    assert.equal(await isDone(new ManualClock().sleep(0)), true);
    assert.equal(await isDone(new ManualClock().sleep(-5)), true);
  });
});
