/** What falls to which worker: each thing to one, nothing to nobody, and to the others soon after one is gone. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { DibsError } from '../../src/core/errors.ts';
import type { Gate } from '../../src/core/gate.ts';
import { Attendance } from '../../src/lib/attendance.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { openModelGate } from '../../src/testing/model-gate.ts';

type Asked = Pick<Gate, 'attend' | 'leave'>;

const turns = async (count = 10): Promise<void> => {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

const things = Array.from({ length: 600 }, (_, at) => `event-${at}`);

/** Workers of one gate. */
class Crowd {
  readonly clock = new ManualClock();
  readonly gate: Gate = openModelGate(this.clock);
  readonly #t: TestContext;

  constructor(t: TestContext) {
    this.#t = t;
  }

  async come(worker: string, gate: Asked = this.gate): Promise<Attendance> {
    const attendance = this.make(worker, gate);
    await attendance.start();
    return attendance;
  }

  make(worker: string, gate: Asked = this.gate): Attendance {
    const attendance = new Attendance({ gate, clock: this.clock, worker });
    this.#t.after(() => attendance.stop());
    return attendance;
  }

  /** Lets seconds pass, one after the other. */
  async pass(seconds: number): Promise<void> {
    for (let second = 0; second < seconds; second += 1) {
      this.clock.step(1000);
      await turns();
    }
  }
}

const shareOf = (attendance: Attendance): string[] => things.filter((name) => attendance.isMine(name));

/** Each thing falls to one of them. */
function areShared(attendances: readonly Attendance[]): void {
  for (const name of things) {
    const owners = attendances.filter((attendance) => attendance.isMine(name)).length;
    assert.equal(owners, 1, `${name} has ${owners} owners`);
  }
}

describe('one worker', () => {
  it('has everything, from before it is started until it is stopped', async (t) => {
    const crowd = new Crowd(t);
    const only = crowd.make('only');
    assert.equal(shareOf(only).length, things.length);
    await only.start();
    await crowd.pass(20);
    assert.equal(shareOf(only).length, things.length);
    await only.stop();
    assert.deepEqual(shareOf(only), []);
  });

  it('says that it is there once a second, however often it is started', async (t) => {
    const crowd = new Crowd(t);
    const asked: number[] = [];
    const gate: Asked = {
      attend: (worker, forMs) => {
        asked.push(crowd.clock.now());
        assert.ok(forMs >= 3_000, 'a beat or two that are late are no death');
        return crowd.gate.attend(worker, forMs);
      },
      leave: (worker) => crowd.gate.leave(worker),
    };
    const only = crowd.make('only', gate);
    await Promise.all([only.start(), only.start()]);
    assert.equal(asked.length, 1, 'once it is started it has said so');
    await only.start();
    await crowd.pass(5);
    assert.deepEqual(
      asked.map((at) => at - (asked[0] ?? 0)),
      [0, 1000, 2000, 3000, 4000, 5000],
    );
  });

  it('that never came does not say good-bye, and one that cannot say it ends all the same', async (t) => {
    const crowd = new Crowd(t);
    let left = 0;
    const gate: Asked = {
      attend: async (worker) => [worker],
      leave: async () => {
        left += 1;
        throw new DibsError('unavailable');
      },
    };
    await crowd.make('never', gate).stop();
    assert.equal(left, 0);
    const came = await crowd.come('came', gate);
    await came.stop();
    assert.equal(left, 1);
  });
});

describe('several workers', () => {
  it('share everything: each thing falls to one, and to each about as much', async (t) => {
    const crowd = new Crowd(t);
    const attendances = [];
    for (const worker of ['a', 'b', 'c', 'd', 'e']) attendances.push(await crowd.come(worker));
    await crowd.pass(1);
    areShared(attendances);
    for (const attendance of attendances) {
      const share = shareOf(attendance).length;
      assert.ok(share > 60 && share < 200, `${share} of ${things.length}`);
    }
  });

  it('agree on what is whose, whatever their names', async (t) => {
    const names = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(names, fc.array(fc.string(), { maxLength: 20 }), async (names, some) => {
        const crowd = new Crowd(t);
        const attendances = await Promise.all(names.map((worker) => crowd.come(worker)));
        await crowd.pass(1);
        for (const name of some) assert.equal(attendances.filter((one) => one.isMine(name)).length, 1);
      }),
      { numRuns: 30 },
    );
  });

  it('leave what others have where it is when one comes or goes', async (t) => {
    const crowd = new Crowd(t);
    const a = await crowd.come('a');
    const b = await crowd.come('b');
    await crowd.pass(1);
    const [ofA, ofB] = [shareOf(a), shareOf(b)];
    const c = await crowd.come('c');
    await crowd.pass(1);
    areShared([a, b, c]);
    assert.ok(shareOf(a).every((name) => ofA.includes(name)));
    assert.ok(shareOf(b).every((name) => ofB.includes(name)));
    await c.stop();
    await crowd.pass(1);
    assert.deepEqual([shareOf(a), shareOf(b)], [ofA, ofB]);
  });

  it('take over within a second from one that says good-bye', async (t) => {
    const crowd = new Crowd(t);
    const a = await crowd.come('a');
    const b = await crowd.come('b');
    await crowd.pass(1);
    await b.stop();
    assert.deepEqual(shareOf(b), []);
    await crowd.pass(1);
    assert.equal(shareOf(a).length, things.length);
  });

  it('take over within six seconds from one that was killed, and not from one that is slow', async (t) => {
    const crowd = new Crowd(t);
    const state = { isAlive: true };
    const gate: Asked = {
      attend: (worker, forMs) =>
        state.isAlive ? crowd.gate.attend(worker, forMs) : Promise.reject(new DibsError('unavailable')),
      leave: (worker) => crowd.gate.leave(worker),
    };
    const a = await crowd.come('a');
    const b = await crowd.come('b', gate);
    await crowd.pass(1);
    const share = shareOf(a).length;
    assert.ok(share < things.length);
    state.isAlive = false;
    await crowd.pass(4);
    assert.equal(shareOf(a).length, share, 'four seconds are no death');
    state.isAlive = true;
    await crowd.pass(1);
    state.isAlive = false;
    await crowd.pass(4);
    assert.equal(shareOf(a).length, share);
    await crowd.pass(2);
    assert.equal(shareOf(a).length, things.length);
    // The one that believes itself alive does what is the other's too, which has to be harmless.
    assert.equal(shareOf(b).length, things.length - share);
    // One hears of the other by the beat behind the other's own.
    state.isAlive = true;
    await crowd.pass(2);
    areShared([a, b]);
  });

  it('keep what they know while the gate does not answer, from the first beat on', async (t) => {
    const crowd = new Crowd(t);
    let isAway = true;
    const gate: Asked = {
      attend: (worker, forMs) =>
        isAway ? Promise.reject(new DibsError('unavailable')) : crowd.gate.attend(worker, forMs),
      leave: (worker) => crowd.gate.leave(worker),
    };
    const [a, b] = [await crowd.come('a', gate), await crowd.come('b', gate)];
    assert.equal(shareOf(a).length + shareOf(b).length, 2 * things.length, 'each believes itself alone');
    isAway = false;
    await crowd.pass(2);
    areShared([a, b]);
    isAway = true;
    await crowd.pass(30);
    areShared([a, b]);
  });

  it('have nothing left once stopped, though a beat was on its way', async (t) => {
    const crowd = new Crowd(t);
    const { promise, resolve } = Promise.withResolvers<void>();
    let beats = 0;
    const gate: Asked = {
      async attend(worker, forMs) {
        beats += 1;
        if (beats === 2) await promise;
        return crowd.gate.attend(worker, forMs);
      },
      leave: (worker) => crowd.gate.leave(worker),
    };
    const other = await crowd.come('other');
    const slow = await crowd.come('slow', gate);
    await crowd.pass(1);
    assert.equal(beats, 2);
    const stopped = slow.stop();
    await turns();
    resolve();
    await stopped;
    assert.deepEqual(shareOf(slow), []);
    await crowd.pass(1);
    assert.equal(shareOf(other).length, things.length, 'the late beat did not bring it back');
    await crowd.pass(3);
    assert.equal(beats, 2);
  });
});
