/** Relays beside each other, and events whose stores are being put in order: repeats, never a gap. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { OutboxId } from '../../src/core/record.ts';
import { fenceModelEvent } from '../../src/testing/model-gate.ts';
import { latch, turns, until } from './fixture.ts';
import { Shelf, sweepIntervalMs } from './relay-shelf.ts';

describe('several relays', () => {
  it('may send the same at once', async (t) => {
    const shelf = new Shelf();
    await shelf.create('drop');
    const relays = [shelf.relay(t), shelf.relay(t), shelf.relay(t)];
    for (let round = 0; round < 30; round += 1) {
      await shelf.win('drop', 5);
      for (const [index, { relay }] of relays.entries()) if ((round + index) % 2 === 0) relay.wake('drop');
      await turns(round % 4);
    }
    await shelf.complete();
  });

  it('bear one that was paused with records in hand', async (t) => {
    const shelf = new Shelf();
    await shelf.create('drop');
    await shelf.win('drop', 10);
    const { opened, open } = latch();
    let held = 0;
    shelf.relay(t, {
      async append(records, send) {
        if (held === 0) {
          held = records.length;
          await opened;
        }
        await send(records);
      },
    });
    await until('it has records in hand', () => held > 0);
    shelf.relay(t);
    await shelf.win('drop', 7);
    await shelf.complete();
    // The ledger has them, and the gate lets them go.
    await shelf.gate.trim('drop', '17-0');
    await shelf.win('drop', 3);
    open();
    await shelf.complete();
    const places = await shelf.placesOf('drop');
    assert.deepEqual(places.slice(0, 3), ['0-1', '10-0', '17-0']);
    assert.ok(places.lastIndexOf('10-0') > 2, 'what it had in hand came late');
    assert.equal((await shelf.folded('drop')).won, 20);
  });

  it('share the events, and take over from the front', async (t) => {
    const shelf = new Shelf();
    for (const id of ['drop', 'b']) await shelf.create(id);
    let isFirstAlive = true;
    const first = shelf.relay(t, { isMine: (id) => id === 'drop' && isFirstAlive });
    const second = shelf.relay(t, { isMine: (id) => id === 'b' || !isFirstAlive });
    await shelf.win('drop', 2);
    await shelf.complete();
    assert.deepEqual([first.relayed.includes('b'), second.relayed.includes('drop')], [false, false]);
    await turns(10);
    isFirstAlive = false;
    await shelf.win('drop', 2);
    first.relay.wake('drop');
    await turns(20);
    assert.equal((await shelf.folded('drop')).won, 2, 'it is no longer the business of the first');
    await shelf.complete();
    assert.deepEqual(await shelf.placesOf('drop'), ['0-1', '2-0', '0-1', '2-0', '4-0']);
    shelf.clock.step(sweepIntervalMs);
    await turns(10);
    // And back: what it has sent once is not what it knows now.
    isFirstAlive = true;
    await shelf.win('drop', 1);
    await shelf.complete();
    assert.deepEqual((await shelf.placesOf('drop')).slice(5), ['0-1', '2-0', '4-0', '5-0']);
  });

  it('let go at once of what is no longer theirs, however much there is to send', async (t) => {
    const shelf = new Shelf();
    await shelf.create('drop');
    let isMine = true;
    let sends = 0;
    const { relay } = shelf.relay(t, {
      isMine: () => isMine,
      async append(records, send) {
        await send(records);
        sends += 1;
        if (sends < 1_000) await shelf.win('drop', 1);
        shelf.clock.step(10);
      },
    });
    relay.wake('drop');
    await until('it is busy', () => sends === 20);
    isMine = false;
    await turns(200);
    assert.ok(sends < 40, `${sends} sends`);
  });
});

describe('an event whose stores are being put in order', () => {
  it('is not sent while it waits for recovery, and the others are', async (t) => {
    const shelf = new Shelf();
    for (const id of ['drop', 'b']) await shelf.create(id);
    shelf.registry.lost('drop');
    const { relay } = shelf.relay(t);
    for (const id of ['drop', 'b']) relay.wake(id);
    await shelf.until('the other is sent', async () => (await shelf.folded('b')).revision === 1);
    shelf.clock.step(sweepIntervalMs);
    await turns(20);
    assert.deepEqual(await shelf.placesOf('drop'), []);
    shelf.registry.recovered('drop');
    relay.forget('drop');
    await shelf.complete();
  });

  it('is sent while it is stopped: the others of its partition and its own wins go on', async (t) => {
    const shelf = new Shelf();
    await shelf.create('drop');
    await shelf.ledger.migrate();
    shelf.registry.stop('drop', 'planted');
    shelf.relay(t);
    await shelf.win('drop', 2);
    await shelf.complete();
  });

  it('is served on by the relay where it was fenced, and a ledger that is away holds up no other', async (t) => {
    const shelf = new Shelf();
    await shelf.ledger.migrate();
    for (const id of ['a', 'b']) await shelf.create(id);
    fenceModelEvent(shelf.events, 'a');
    shelf.isLedgerAway = true;
    shelf.relay(t);
    await shelf.until('the other is sent', async () => (await shelf.folded('b')).revision === 1);
    assert.deepEqual([shelf.alarms, await shelf.placesOf('a')], [[], []]);
    shelf.isLedgerAway = false;
    await shelf.complete();
    assert.equal(shelf.events.get('a')?.event.fenced, undefined);
  });

  it('is sent from its front where its gate was put back to less', async (t) => {
    const shelf = new Shelf();
    await shelf.create('drop');
    await shelf.win('drop', 4);
    const copy = structuredClone(shelf.events.get('drop'));
    await shelf.win('drop', 4);
    shelf.relay(t);
    await shelf.complete();
    if (copy !== undefined) shelf.events.set('drop', copy);
    shelf.clock.step(sweepIntervalMs);
    await until('all is sent again', async () => (await shelf.placesOf('drop')).length === 5);
    assert.deepEqual(await shelf.placesOf('drop'), ['0-1', '4-0', '8-0', '0-1', '4-0']);
  });

  it('is sent again where it is forgotten, a send under way or not', async (t) => {
    const shelf = new Shelf();
    await shelf.create('drop');
    const { opened, open } = latch();
    let sends = 0;
    const { relay } = shelf.relay(t, {
      async append(records, send) {
        sends += 1;
        if (sends === 2) await opened;
        await send(records);
      },
    });
    await shelf.complete();
    await shelf.win('drop', 2);
    relay.wake('drop');
    await until('the second is under way', () => sends === 2);
    relay.forget('drop');
    open();
    await until('all is sent again', async () => (await shelf.placesOf('drop')).length === 4);
    assert.deepEqual(await shelf.placesOf('drop'), ['0-1', '2-0', '0-1', '2-0']);
  });

  // More than one send takes, so that the record which tells of it comes once more behind the front.
  for (const count of [4, 1_200]) {
    it(`is sent from its front where another process has rebuilt it: ${count} wins`, async (t) => {
      const shelf = new Shelf();
      await shelf.create('drop');
      await shelf.win('drop', count);
      shelf.relay(t);
      await shelf.complete();
      const [snapshot] = await shelf.gate.events(['drop']);
      const wins = await shelf.gate.wins('drop', 0, count);
      assert.ok(snapshot != null);
      await shelf.gate.restore({ event: { ...snapshot, revision: 2, acts: 2 }, wins });
      await shelf.complete();
      await shelf.win('drop', 1);
      await shelf.complete();
      shelf.clock.step(sweepIntervalMs);
      await turns(20);
      const end: OutboxId = `${count}-0`;
      const places = await shelf.placesOf('drop');
      assert.deepEqual(places, ['0-1', end, '0-1', end, `${count}-2`, `${count + 1}-0`], 'once, and on from there');
    });
  }
});
