/** Which events are served: what heals by itself and what waits, and that no store's silence is taken for an answer. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { DibsError } from '../../src/core/errors.ts';
import { Attendance } from '../../src/lib/attendance.ts';
import { openEmbeddedLog } from '../../src/logs/embedded/log.ts';
import { wrapGate, wrapLedger, wrapLog } from '../../src/testing/canaries/wrap.ts';
import { fenceModelEvent } from '../../src/testing/model-gate.ts';
import { troubleOf } from '../../src/testing/refusal.ts';
import { latch, turns, unavailable } from './fixture.ts';
import { none, Stores } from './registry-stores.ts';

const counts = fc.record({ won: fc.integer({ min: 0, max: 6 }), revision: fc.integer({ min: 0, max: 4 }) });
const covers = (gate: typeof none, other: typeof none): boolean =>
  gate.won >= other.won && gate.revision >= other.revision;

describe('a fenced event', () => {
  it('heals by itself if its gate covers ledger and log, and only then', async () => {
    const gates = fc.record({ won: fc.integer({ min: 0, max: 6 }), revision: fc.integer({ min: 1, max: 4 }) });
    await fc.assert(
      fc.asyncProperty(gates, counts, counts, fc.boolean(), async (gate, ledger, log, atStart) => {
        const stores = new Stores();
        await stores.create('drop', gate.won, gate.revision);
        await stores.know('drop', { ...ledger, revision: Math.max(1, ledger.revision) }, log);
        fenceModelEvent(stores.events, 'drop');
        const registry = stores.registry();
        const isWhole = covers(gate, ledger) && covers(gate, log);
        if (atStart) await registry.start();
        else assert.equal(await registry.heal('drop'), isWhole);
        assert.deepEqual([registry.isRecovering('drop'), stores.isFenced('drop')], [!isWhole, !isWhole]);
        assert.equal(registry.isStopped('drop'), false);
        const cause = registry.causeOf('drop') ?? '';
        if (isWhole) registry.assertServed('drop');
        else {
          await troubleOf('recovering', async () => registry.assertServed('drop'));
          assert.match(cause, /^The gate (has|is at revision) \d+.*ledger or log.*: the gate is an older copy\.$/);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('is known only to the gate and the log where the ledger was down at its creation, and heals by these', async () => {
    const stores = new Stores();
    await stores.create('drop', 3);
    await stores.know('drop', none, { won: 3, revision: 1 });
    fenceModelEvent(stores.events, 'drop');
    assert.equal(await stores.registry().heal('drop'), true);
  });

  it('waits where a part of what belongs together is missing, however much else is there', async () => {
    const stores = new Stores();
    await stores.create('drop', 3);
    const registry = stores.registry({ gate: (gate) => wrapGate(gate, { unfence: async () => false }) });
    assert.equal(await registry.heal('drop'), false);
    assert.equal(registry.causeOf('drop'), 'The gate has lost a part of this event.');
  });

  it('that only looks so in a log that is the outbox itself heals by the ledger alone', async () => {
    const stores = new Stores();
    await stores.create('drop', 3);
    await stores.know('drop', { won: 5, revision: 1 }, none);
    fenceModelEvent(stores.events, 'drop');
    const attendance = new Attendance({ gate: stores.gate, clock: stores.clock, worker: 'only' });
    const registry = stores.registry({ log: () => openEmbeddedLog(stores.gate, attendance) });
    assert.equal(await registry.heal('drop'), false);
    assert.match(registry.causeOf('drop') ?? '', /^The gate has 3 wins, the ledger knows slot 5/);
  });

  it('is looked at once by all that ask at the same time, and anew by the next', async () => {
    const stores = new Stores();
    await stores.create('drop', 2);
    fenceModelEvent(stores.events, 'drop');
    const { opened, open } = latch();
    let looks = 0;
    const registry = stores.registry({
      ledger: (ledger) =>
        wrapLedger(ledger, {
          async event(eventId) {
            looks += 1;
            await opened;
            return ledger.event(eventId);
          },
        }),
    });
    const healing = Array.from({ length: 20 }, () => registry.heal('drop'));
    await turns(10);
    assert.equal(looks, 1);
    open();
    assert.deepEqual(new Set(await Promise.all(healing)), new Set([true]));
    fenceModelEvent(stores.events, 'drop');
    assert.equal(await registry.heal('drop'), true);
    assert.equal(looks, 2);
  });

  it('is covered by what is issued while it is being looked at', async () => {
    // The gate is an older copy without revision 2, which moves from the log to the ledger in the very moment.
    for (const moment of ['position', 'event', 'lastSlot', 'read'] as const) {
      const stores = new Stores();
      await stores.create('drop', 2);
      await stores.know('drop', { won: 2, revision: 1 }, { won: 2, revision: 2 });
      fenceModelEvent(stores.events, 'drop');
      const issue = async (): Promise<void> => {
        await stores.know('drop', { won: 0, revision: 2 }, none);
      };
      const during =
        <Rest extends readonly unknown[], Value>(name: string, act: (...rest: Rest) => Promise<Value>) =>
        async (...rest: Rest): Promise<Value> => {
          const value = await act(...rest);
          if (name === moment) await issue();
          return value;
        };
      const registry = stores.registry({
        log: (log) => wrapLog(log, { read: during('read', log.read) }),
        ledger: (ledger) =>
          wrapLedger(ledger, {
            position: during('position', (partition) => ledger.position(partition)),
            event: during('event', (eventId) => ledger.event(eventId)),
            lastSlot: during('lastSlot', (eventId) => ledger.lastSlot(eventId)),
          }),
      });
      assert.equal(await registry.heal('drop'), false, `issued behind the look at ${moment}`);
    }
  });
});

describe('a store that does not answer', () => {
  for (const [store, method] of [
    ['gate', 'events'],
    ['gate', 'unfence'],
    ['ledger', 'event'],
    ['ledger', 'lastSlot'],
    ['ledger', 'position'],
    ['log', 'read'],
  ] as const) {
    it(`is trouble and no verdict: ${store}.${method}`, async () => {
      const stores = new Stores();
      await stores.create('drop', 3);
      await stores.know('drop', { won: 2, revision: 1 }, { won: 3, revision: 0 });
      fenceModelEvent(stores.events, 'drop');
      const state = { isAway: true };
      const failing = <Port extends object>(port: Port): Port =>
        new Proxy(port, {
          get: (target, name) =>
            name === method && state.isAway ? unavailable : (Reflect.get(target, name) as unknown),
        });
      const registry = stores.registry({
        gate: (gate) => (store === 'gate' ? failing(wrapGate(gate)) : gate),
        log: (log) => (store === 'log' ? failing(wrapLog(log)) : log),
        ledger: (ledger) => (store === 'ledger' ? failing(wrapLedger(ledger)) : ledger),
      });
      const admit = () => stores.gate.admit('drop', [{ userId: 'u9', key: null }]);
      const acts: (() => Promise<unknown>)[] = [() => registry.snapshotOf('drop')];
      if (method !== 'events') acts.push(() => registry.served('drop', admit));
      if (method !== 'event') acts.push(() => registry.start());
      for (const act of acts) {
        await troubleOf('unavailable', act);
        assert.deepEqual(registry.recovering, []);
        assert.equal(stores.isFenced('drop'), true);
      }
      state.isAway = false;
      const event = await registry.snapshotOf('drop');
      assert.deepEqual([event?.won, event?.fenced], [3, undefined]);
    });
  }

  it('leaves an event that waits as it is, and the list of those that are stopped', async () => {
    const stores = new Stores();
    await stores.create('drop', 1);
    await stores.know('drop', { won: 2, revision: 1 }, none);
    await stores.create('b');
    let isAway = false;
    const registry = stores.registry({
      ledger: (ledger) =>
        wrapLedger(ledger, {
          lastSlot: (eventId) => (isAway ? unavailable() : ledger.lastSlot(eventId)),
          stopped: () => (isAway ? unavailable() : ledger.stopped()),
        }),
    });
    await registry.start();
    registry.stop('b', 'planted');
    const before = registry.causeOf('drop');
    isAway = true;
    await troubleOf('unavailable', () => registry.refresh());
    assert.deepEqual([registry.recovering, registry.causeOf('drop')], [['b', 'drop'], before]);
    assert.equal(registry.isStopped('b'), true);
  });
});

describe('what is done at the gate', () => {
  const fencing = () => new DibsError('recovering', 'It is fenced.');

  /** An event whose first `fenced` acts are refused, and how often it was acted on. */
  async function acting(fenced: number, trouble: () => DibsError = fencing) {
    const stores = new Stores();
    await stores.create('drop', 2);
    fenceModelEvent(stores.events, 'drop');
    let acts = 0;
    const act = async (): Promise<string> => {
      acts += 1;
      if (acts <= fenced) throw trouble();
      return 'done';
    };
    return { stores, act, acts: () => acts };
  }

  it('is done once where the gate does it', async () => {
    const { stores, act, acts } = await acting(0);
    assert.equal(await stores.registry().served('drop', act), 'done');
    assert.equal(acts(), 1);
  });

  it('is done once more where the event was fenced and has healed, and never a third time', async () => {
    const healed = await acting(1);
    assert.equal(await healed.stores.registry().served('drop', healed.act), 'done');
    assert.equal(healed.acts(), 2);
    const again = await acting(5);
    await troubleOf('recovering', () => again.stores.registry().served('drop', again.act));
    assert.equal(again.acts(), 2);
  });

  it('is not done again where the event has to wait, or is stopped', async () => {
    const older = await acting(1);
    await older.stores.know('drop', { won: 5, revision: 1 }, none);
    await troubleOf('recovering', () => older.stores.registry().served('drop', older.act));
    const stopped = await acting(1);
    const registry = stopped.stores.registry();
    registry.stop('drop', 'planted');
    await troubleOf('recovering', () => registry.served('drop', stopped.act));
    assert.deepEqual([older.acts(), stopped.acts(), stopped.stores.isFenced('drop')], [1, 1, true]);
  });

  it('waits for a slow ledger in no greater number than can be kept; the others are told at once', async () => {
    const { opened, open } = latch();
    const { stores } = await acting(0);
    const registry = stores.registry({
      ledger: (ledger) => wrapLedger(ledger, { event: (eventId) => opened.then(() => ledger.event(eventId)) }),
    });
    const counts = { done: 0, refused: 0 };
    const calls = Array.from({ length: 20_005 }, async () => {
      let isFirst = true;
      const act = async (): Promise<void> => {
        if (isFirst) {
          isFirst = false;
          throw fencing();
        }
      };
      await registry.served('drop', act).then(
        () => (counts.done += 1),
        () => (counts.refused += 1),
      );
    });
    await turns(20);
    assert.deepEqual(counts, { done: 0, refused: 5 });
    open();
    await Promise.all(calls);
    assert.deepEqual(counts, { done: 20_000, refused: 5 });
  });

  it('is not done again after any other trouble, of which nobody knows what came', async () => {
    for (const code of ['unavailable', 'unknown_outcome', 'closed'] as const) {
      const { stores, act, acts } = await acting(1, () => new DibsError(code));
      await troubleOf(code, () => stores.registry().served('drop', act));
      assert.equal(acts(), 1, code);
    }
  });

  it('on an event that the gate has not is a wait where the ledger knows it', async () => {
    const missing = () => new DibsError('event_not_found');
    const { stores, act } = await acting(1, missing);
    await troubleOf('event_not_found', () => stores.registry().served('none', act));
    const known = await acting(1, missing);
    await known.stores.know('gone', { won: 0, revision: 1 }, none);
    const registry = known.stores.registry();
    await troubleOf('recovering', () => registry.served('gone', known.act));
    assert.deepEqual(registry.recovering, ['gone']);
    assert.equal(known.acts(), 1);
  });
});
