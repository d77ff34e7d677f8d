/** What a process learns of its events by looking, though nobody asks for them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { EventRegistry } from '../../src/engine/event-registry.ts';
import { wrapGate, wrapLedger } from '../../src/testing/canaries/wrap.ts';
import { fenceModelEvent } from '../../src/testing/model-gate.ts';
import { latch, turns } from './fixture.ts';
import { none, Stores } from './registry-stores.ts';

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
