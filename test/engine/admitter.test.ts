/** The one place where claims are gathered and acknowledged: bounded, in batches, and each answered exactly once. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Decision } from '../../src/core/decision.ts';
import { DibsError } from '../../src/core/errors.ts';
import type { AdmitRequest, Gate } from '../../src/core/gate.ts';
import { Admitter, type AdmitterHooks } from '../../src/engine/admitter.ts';
import { wrapGate } from '../../src/testing/canaries/wrap.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { openModelGate } from '../../src/testing/model-gate.ts';
import { troubleOf } from '../../src/testing/refusal.ts';
import { latch, turns, until } from './fixture.ts';

type Answer = (requests: readonly AdmitRequest[], eventId: string) => Promise<Decision[]>;

const limits = { batchSizeMax: 256, waitingMax: 1000 };
const noWin: Decision = { outcome: 'rejected', reason: 'sold_out', wins: [], opensAt: null };
const request = (userId: string): AdmitRequest => ({ userId, key: null });

/** An admitter over a gate whose answers a test decides; `batches` are the users of each trip to it. */
function admitterOver(answer: Answer, own: Partial<typeof limits> = {}, hooks: AdmitterHooks = {}) {
  const batches: string[][] = [];
  const gate: Gate = wrapGate(openModelGate(new ManualClock()), {
    admit: (eventId, requests) => {
      batches.push(requests.map((one) => one.userId));
      return answer(requests, eventId);
    },
  });
  const admitter = new Admitter(gate, { ...limits, ...own }, hooks);
  const claim = (userId: string, eventId = 'drop') => admitter.claim(eventId, request(userId));
  return { admitter, batches, claim };
}

const refuseAll: Answer = async (requests) => requests.map(() => noWin);

/** Answers nothing before it is opened. */
function held(answer: Answer = refuseAll) {
  const { opened, open } = latch();
  const holding: Answer = async (requests, eventId) => {
    await opened;
    return answer(requests, eventId);
  };
  return { answer: holding, open };
}

describe('a gate in trouble', () => {
  it('rejects exactly the batch that it threw at', async () => {
    const gone = new DibsError('unavailable', 'The gate is away.');
    const { batches, claim } = admitterOver(
      async (requests) => {
        if (batches.length === 2) throw gone;
        return requests.map(() => noWin);
      },
      { batchSizeMax: 2 },
    );
    const outcomes = await Promise.allSettled(['a', 'b', 'c', 'd', 'e'].map((userId) => claim(userId)));
    assert.deepEqual(batches, [['a', 'b'], ['c', 'd'], ['e']]);
    const rejected = outcomes.map((outcome) => (outcome.status === 'rejected' ? outcome.reason : null));
    assert.deepEqual(rejected, [null, null, gone, gone, null]);
  });

  it('leaves the outcome unknown where it does not say what it has done', async () => {
    const cause = new TypeError('a socket that closed');
    const { claim } = admitterOver(() => Promise.reject(cause));
    const trouble = await troubleOf('unknown_outcome', () => claim('a'));
    assert.equal(trouble.cause, cause);
    assert.equal(trouble.retryable, true);
  });

  it('that throws instead of rejecting is no different', async () => {
    const { admitter, claim } = admitterOver(() => {
      throw new TypeError('not even a promise');
    });
    await troubleOf('unknown_outcome', () => claim('a'));
    assert.equal(admitter.waiting, 0);
  });

  it('that decides too few leaves the rest unknown, and answers those it has decided', async () => {
    const { claim } = admitterOver(async () => [noWin, noWin]);
    const outcomes = await Promise.allSettled(['a', 'b', 'c', 'd'].map((userId) => claim(userId)));
    assert.deepEqual(
      outcomes.map((one) => (one.status === 'fulfilled' ? one.value.outcome : (one.reason as DibsError).code)),
      ['rejected', 'rejected', 'unknown_outcome', 'unknown_outcome'],
    );
    const [, , third] = outcomes;
    assert.match(String(third?.status === 'rejected' && third.reason), /fewer decisions/);
  });

  it('takes claims again afterwards', async () => {
    let isBroken = true;
    const { claim } = admitterOver(async (requests) => {
      if (isBroken) throw new DibsError('unavailable');
      return requests.map(() => noWin);
    });
    await troubleOf('unavailable', () => claim('a'));
    isBroken = false;
    assert.equal(await claim('a'), noWin);
  });
});

describe('a bound on what waits', () => {
  it('refuses a claim before it is taken, over all events together', async () => {
    const { answer, open } = held();
    const { admitter, batches, claim } = admitterOver(answer, { waitingMax: 3 });
    const taken = [claim('a', 'one'), claim('b', 'two'), claim('c', 'two')];
    await troubleOf('overloaded', () => claim('d', 'three'));
    await until('both batches are under way', () => batches.length === 2);
    const trouble = await troubleOf('overloaded', () => claim('e', 'one'));
    assert.equal(trouble.retryable, true);
    assert.equal(admitter.waiting, 3);
    open();
    await Promise.all(taken);
    assert.equal(admitter.waiting, 0);
    assert.equal(await claim('f'), noWin, 'there is room again');
    assert.deepEqual(batches.flat().toSorted(), ['a', 'b', 'c', 'f'], 'the gate never saw what was refused');
  });

  it('counts those whose batch failed as answered', async () => {
    const { admitter, claim } = admitterOver(() => Promise.reject(new DibsError('unavailable')), { waitingMax: 2 });
    for (let round = 0; round < 5; round += 1) {
      const outcomes = await Promise.allSettled([claim('a'), claim('b')]);
      assert.deepEqual(new Set(outcomes.map((one) => one.status)), new Set(['rejected']));
      await until('none waits', () => admitter.waiting === 0);
    }
  });
});

describe('batches', () => {
  it('hold what came in one turn', async () => {
    const { batches, claim } = admitterOver(refuseAll);
    await Promise.all(['a', 'b', 'c'].map((userId) => claim(userId)));
    assert.deepEqual(batches, [['a', 'b', 'c']]);
  });

  it('gather while one of their event is under way', async () => {
    const { answer, open } = held();
    const { batches, claim } = admitterOver(answer);
    const first = claim('a');
    await until('the first is under way', () => batches.length === 1);
    const later: Promise<Decision>[] = [];
    for (const userId of ['b', 'c', 'd', 'e']) {
      later.push(claim(userId));
      await turns(3);
    }
    assert.deepEqual(batches, [['a']], 'one at a time');
    open();
    await Promise.all([first, ...later]);
    assert.deepEqual(batches, [['a'], ['b', 'c', 'd', 'e']]);
  });

  it('of one event do not wait for those of another', async () => {
    const { answer, open } = held();
    const { claim } = admitterOver((requests, eventId) =>
      eventId === 'slow' ? answer(requests, eventId) : refuseAll(requests, eventId),
    );
    const slow = claim('a', 'slow');
    assert.equal(await claim('b', 'quick'), noWin);
    assert.equal(await claim('c', 'quick'), noWin);
    open();
    assert.equal(await slow, noWin);
  });

  it('are bounded, keep the order of arrival, and answer each claim with its own decision', async () => {
    const size = fc.integer({ min: 1, max: 7 });
    const groups = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(size, groups, async (batchSizeMax, groups) => {
        const decided = new Map<string, Decision>();
        const { batches, claim } = admitterOver(
          async (requests) =>
            requests.map(({ userId }) => {
              const decision: Decision = { ...noWin };
              decided.set(userId, decision);
              return decision;
            }),
          { batchSizeMax },
        );
        const asked: { userId: string; answer: Promise<Decision> }[] = [];
        for (const count of groups) {
          for (let one = 0; one < count; one += 1) {
            const userId = `u${asked.length}`;
            asked.push({ userId, answer: claim(userId) });
          }
          await turns(1);
        }
        for (const { userId, answer } of asked) assert.equal(await answer, decided.get(userId));
        assert.deepEqual(
          batches.flat(),
          asked.map(({ userId }) => userId),
        );
        assert.ok(batches.every((batch) => batch.length >= 1 && batch.length <= batchSizeMax));
      }),
      { numRuns: 50 },
    );
  });

  it('are told: each with its size, and its event where it has new wins', async () => {
    const told: (number | string)[] = [];
    const won = (replayed: boolean): Decision => ({
      outcome: 'won',
      replayed,
      win: { slot: 1, userId: 'a', nth: 1, claimId: '1-000000000000', key: null, wonAt: 0 },
    });
    const decisions: Record<string, Decision[]> = { none: [noWin, won(true)], some: [won(true), won(false), noWin] };
    const { claim } = admitterOver(
      async (_, eventId) => decisions[eventId] ?? [],
      {},
      { admitted: (size) => void told.push(size), won: (eventId) => void told.push(eventId) },
    );
    await Promise.all([claim('a', 'none'), claim('b', 'none')]);
    assert.deepEqual(told, [2]);
    await Promise.all([claim('a', 'some'), claim('b', 'some'), claim('c', 'some')]);
    assert.deepEqual(told, [2, 3, 'some']);
  });
});

describe('events that do not exist', () => {
  it('leave nothing behind, however many are asked for', async (t) => {
    const { claim } = admitterOver(() => Promise.reject(new DibsError('event_not_found')));
    const kept = new Set<unknown>();
    const isUnknown = (key: unknown): boolean => typeof key === 'string' && key.startsWith('unknown-');
    const { set, delete: remove } = Map.prototype;
    t.mock.method(Map.prototype, 'set', function (this: Map<unknown, unknown>, key: unknown, value: unknown) {
      if (isUnknown(key)) kept.add(key);
      return set.call(this, key, value);
    });
    t.mock.method(Map.prototype, 'delete', function (this: Map<unknown, unknown>, key: unknown) {
      kept.delete(key);
      return remove.call(this, key);
    });
    const asked = Array.from({ length: 500 }, (_, at) => claim('a', `unknown-${at}`));
    assert.equal(kept.size, 500, 'what is kept is seen');
    await Promise.allSettled(asked);
    await until('nothing is kept', () => kept.size === 0);
  });
});

describe('closing', () => {
  it('answers what was taken and refuses what comes', async () => {
    const { answer, open } = held();
    const { admitter, batches, claim } = admitterOver(answer, { batchSizeMax: 2 });
    const taken = ['a', 'b', 'c', 'd', 'e'].map((userId) => claim(userId));
    await until('one is under way', () => batches.length === 1);
    let isClosed = false;
    const closed = admitter.close().then(() => {
      isClosed = true;
    });
    await troubleOf('unavailable', () => claim('f'));
    await turns(20);
    assert.equal(isClosed, false);
    open();
    assert.deepEqual(await Promise.all(taken), [noWin, noWin, noWin, noWin, noWin]);
    await closed;
    assert.deepEqual(batches, [['a', 'b'], ['c', 'd'], ['e']]);
  });

  it('waits for the slowest of all events', async () => {
    const { answer, open } = held();
    const { admitter, batches, claim } = admitterOver((requests, eventId) =>
      eventId === 'slow' ? answer(requests, eventId) : refuseAll(requests, eventId),
    );
    const slow = claim('a', 'slow');
    await until('it is under way', () => batches.length === 1);
    const quick = claim('b', 'quick');
    let isClosed = false;
    const closed = admitter.close().then(() => {
      isClosed = true;
    });
    await quick;
    await turns(20);
    assert.equal(isClosed, false);
    open();
    await Promise.all([slow, closed]);
  });

  it('does not hang on a batch that fails', async () => {
    const { answer, open } = held(() => Promise.reject(new DibsError('unavailable')));
    const { admitter, claim } = admitterOver(answer);
    const taken = troubleOf('unavailable', () => claim('a'));
    const closed = admitter.close();
    open();
    await Promise.all([taken, closed]);
  });

  it('is at once where none waits, and again', async () => {
    const { admitter, claim } = admitterOver(refuseAll);
    await claim('a');
    await until('none waits', () => admitter.waiting === 0);
    await admitter.close();
    await admitter.close();
    await troubleOf('unavailable', () => claim('b'));
  });
});
