/** Which events are served: what heals by itself and what waits, and that no store's silence is taken for an answer. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { DibsError } from '../../src/core/errors.ts';
import type { Gate } from '../../src/core/gate.ts';
import type { Ledger } from '../../src/core/ledger.ts';
import type { LogRecord } from '../../src/core/record.ts';
import type { WinLog } from '../../src/core/win-log.ts';
import { EventRegistry } from '../../src/engine/event-registry.ts';
import { Attendance } from '../../src/lib/attendance.ts';
import { openEmbeddedLog } from '../../src/logs/embedded/log.ts';
import { wrapGate, wrapLedger, wrapLog } from '../../src/testing/canaries/wrap.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { fenceModelEvent, type ModelStore, openModelGate } from '../../src/testing/model-gate.ts';
import { emptyLedgerData, openModelLedger } from '../../src/testing/model-ledger.ts';
import { openModelLog } from '../../src/testing/model-log.ts';
import { troubleOf } from '../../src/testing/refusal.ts';
import { latch, turns, unavailable } from './fixture.ts';

interface StoreOptions {
  readonly gate?: (gate: Gate) => Gate;
  readonly log?: (log: WinLog) => WinLog;
  readonly ledger?: (ledger: Ledger) => Ledger;
}

/** Three stores in memory, and registries over them as several processes have them. */
class Stores {
  readonly clock = new ManualClock();
  readonly events: ModelStore = new Map();
  readonly gate = openModelGate(this.clock, this.events);
  readonly data = emptyLedgerData();
  readonly ledger = openModelLedger(this.clock, this.data);
  readonly log = openModelLog(this.gate).log;

  constructor() {
    this.data.migrated = true;
  }

  registry(options: StoreOptions = {}): EventRegistry {
    return new EventRegistry({
      gate: options.gate?.(this.gate) ?? this.gate,
      log: options.log?.(this.log) ?? this.log,
      ledger: options.ledger?.(this.ledger) ?? this.ledger,
    });
  }

  /** An event with `won` wins and `revision` acts in the gate. */
  async create(id: string, won = 0, revision = 1): Promise<void> {
    await this.gate.create({ id, name: 'A drop', capacity: 100, limitPerUser: 1, opensAt: null, closesAt: null });
    for (let user = 1; user <= won; user += 1) await this.gate.admit(id, [{ userId: `u${user}`, key: null }]);
    for (let act = 1; act < revision; act += 1)
      await this.gate.command(id, { act: act % 2 === 1 ? 'pause' : 'resume' }, null);
  }

  /** What the ledger has of an event, and what the log has behind the ledger's position. */
  async know(id: string, ledger: { won: number; revision: number }, log: { won: number; revision: number }) {
    const partition = this.log.partitionOf(id);
    const head = { v: 1, eventId: id, epoch: 1 } as const;
    const phase = 'active';
    const spec = { id, name: 'A drop', capacity: 100, limitPerUser: 1, opensAt: null, closesAt: null };
    const time = this.clock.now();
    const winAt = (slot: number) => {
      const user = { slot, userId: `u${slot}`, nth: 1 };
      return { ...user, claimId: `${slot}-000000000000`, key: null, wonAt: time };
    };
    const records: LogRecord[] = [];
    for (let slot = 1; slot <= log.won; slot += 1)
      records.push({ ...head, type: 'wins', revision: 1, wins: [winAt(slot)] });
    if (log.revision > 0)
      records.push({
        ...head,
        type: 'event',
        act: 'change',
        revision: log.revision,
        spec,
        phase,
        won: log.won,
        n: 1,
        time,
      });
    const position = (await this.log.ends(null, 10)).find((one) => one.partition === partition)?.end ?? '0';
    this.data.positions.set(partition, position);
    await this.log.append?.(records);
    for (let slot = 1; slot <= ledger.won; slot += 1)
      this.data.coupons.push({ ...winAt(slot), eventId: id, code: `C${slot}`, issuedAt: time });
    const times = { createdAt: time, updatedAt: time };
    if (ledger.revision > 0) this.data.events.set(id, { spec, phase, revision: ledger.revision, epoch: 1, ...times });
  }

  isFenced(id: string): boolean {
    return this.events.get(id)?.event.fenced === true;
  }
}

const none = { won: 0, revision: 0 };
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

describe('what the gate has lost and nobody asks for', () => {
  const ids = Array.from({ length: 350 }, (_, at) => `event-${at}`).sort();
  const started = async (): Promise<{ stores: Stores; registry: EventRegistry }> => {
    const stores = new Stores();
    for (const id of ids) {
      await stores.create(id);
      await stores.know(id, { won: 0, revision: 1 }, none);
    }
    const registry = stores.registry();
    await registry.start();
    assert.deepEqual(registry.recovering, []);
    return { stores, registry };
  };

  it('is known after one look where all is lost, however many events there are', async () => {
    const { stores, registry } = await started();
    stores.events.clear();
    await registry.refresh();
    assert.deepEqual(registry.recovering, ids);
  });

  it('is known in the end where it is one of many', async () => {
    const { stores, registry } = await started();
    const last = ids.at(-1) ?? '';
    stores.events.delete(last);
    for (let look = 0; look < 4; look += 1) await registry.refresh();
    assert.deepEqual(registry.recovering, [last]);
  });

  it('is known of what it has as an older copy; what it has whole is served on', async () => {
    const stores = new Stores();
    for (const id of ['old', 'whole']) {
      await stores.create(id, 2);
      await stores.know(id, { won: id === 'old' ? 3 : 2, revision: 1 }, none);
    }
    const registry = stores.registry();
    for (const id of ['old', 'whole']) fenceModelEvent(stores.events, id);
    await registry.refresh();
    assert.deepEqual([registry.recovering, stores.isFenced('old'), stores.isFenced('whole')], [['old'], true, false]);
  });
});

describe('what other processes find out', () => {
  it('is learnt: what they have stopped, and what they serve again', async () => {
    const stores = new Stores();
    const registry = stores.registry();
    await registry.start();
    stores.data.stopped.set('drop', 'planted');
    await registry.refresh();
    assert.deepEqual([registry.isStopped('drop'), registry.causeOf('drop')], [true, 'planted']);
    assert.equal(await registry.heal('drop'), false, 'a stop is not over because the gate has all that is known');
    stores.data.stopped.clear();
    await registry.refresh();
    assert.equal(registry.isRecovering('drop'), false);
  });

  it('is remembered by one that starts', async () => {
    const stores = new Stores();
    await stores.create('drop', 2);
    await stores.know('drop', { won: 2, revision: 1 }, none);
    // And of one that the gate has lost besides.
    await stores.know('gone', { won: 0, revision: 1 }, none);
    for (const id of ['drop', 'gone']) stores.data.stopped.set(id, 'planted');
    const registry = stores.registry();
    await registry.start();
    for (const id of ['drop', 'gone'])
      assert.deepEqual([registry.isStopped(id), registry.causeOf(id)], [true, 'planted'], id);
  });

  it('is learnt of an event that they have put back', async () => {
    const stores = new Stores();
    await stores.create('drop', 4);
    await stores.know('drop', { won: 4, revision: 1 }, none);
    const copy = stores.events.get('drop');
    stores.events.delete('drop');
    const registry = stores.registry();
    await registry.start();
    await registry.refresh();
    assert.deepEqual(registry.recovering, ['drop']);
    if (copy !== undefined) stores.events.set('drop', copy);
    await registry.refresh();
    assert.deepEqual(registry.recovering, []);
  });

  it('is learnt in the end however many events wait', async () => {
    const stores = new Stores();
    const ids = Array.from({ length: 350 }, (_, at) => `event-${at}`);
    for (const id of ids) await stores.know(id, { won: 0, revision: 1 }, none);
    const registry = stores.registry();
    await registry.start();
    assert.equal(registry.recovering.length, 350);
    await stores.create('event-349');
    for (let look = 0; look < 5; look += 1) await registry.refresh();
    assert.equal(registry.isRecovering('event-349'), false);
    assert.equal(registry.recovering.length, 349);
  });

  it('does not undo what this process finds out at the same moment', async () => {
    const stores = new Stores();
    await stores.create('drop', 2);
    const { opened, open } = latch();
    let isSlow = true;
    const answer = async <Value>(value: Value): Promise<Value> => {
      if (isSlow) await opened;
      return value;
    };
    const registry = stores.registry({
      gate: (gate) => wrapGate(gate, { unfence: async (eventId, cover) => answer(await gate.unfence(eventId, cover)) }),
      ledger: (ledger) => wrapLedger(ledger, { stopped: async () => answer(await ledger.stopped()) }),
    });
    fenceModelEvent(stores.events, 'drop');
    const healing = registry.heal('drop');
    const learning = registry.learnStopped();
    await turns(10);
    registry.stop('drop', 'found just now');
    stores.data.stopped.set('drop', 'found just now');
    open();
    assert.equal(await healing, false);
    await learning;
    assert.equal(registry.isStopped('drop'), true);
    isSlow = false;
    stores.data.stopped.clear();
    await registry.learnStopped();
    assert.equal(registry.isStopped('drop'), false);
  });
});
