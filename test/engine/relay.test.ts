/** One relay: each event's records in order and without a gap, whatever becomes of a send. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { DibsError } from '../../src/core/errors.ts';
import { outboxStart } from '../../src/core/record.ts';
import { wrapGate } from '../../src/testing/canaries/wrap.ts';
import { latch, turns, unavailable, until } from './fixture.ts';
import { Shelf, sweepIntervalMs } from './relay-shelf.ts';

describe('a relay', () => {
  it('keeps each event in order and without a gap, whatever becomes of its sends', async (t) => {
    const fate = fc.constantFrom('arrives', 'is lost', 'arrives unknown', 'arrives in part' as const);
    const act = fc.record({
      event: fc.constantFrom('drop', 'b', 'c'),
      wins: fc.integer({ min: 0, max: 400 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(act, { minLength: 1, maxLength: 25 }),
        fc.array(fate, { maxLength: 30 }),
        async (acts, fates) => {
          const shelf = new Shelf();
          for (const id of ['drop', 'b', 'c']) await shelf.create(id);
          const { relay } = shelf.relay(t, {
            async append(records, send) {
              const fate = fates.shift() ?? 'arrives';
              if (fate !== 'is lost')
                await send(fate === 'arrives in part' ? records.slice(0, records.length >>> 1) : records);
              if (fate !== 'arrives') throw new DibsError('unknown_outcome');
            },
          });
          for (const [index, { event, wins }] of acts.entries()) {
            if (wins > 0) await shelf.win(event, wins);
            else await shelf.gate.command(event, { act: index % 2 === 0 ? 'pause' : 'resume' }, null);
            if (shelf.events.get(event)?.event.phase === 'paused')
              await shelf.gate.command(event, { act: 'resume' }, null);
            relay.wake(event);
            await turns(index % 3);
            shelf.clock.step(index % 4 === 0 ? 60 : 0);
          }
          await shelf.complete();
          await relay.stop();
        },
      ),
      { numRuns: 25 },
    );
  });

  it('sends the same again after a send of which nothing is known, and says once that it pauses', async (t) => {
    const shelf = new Shelf();
    await shelf.create('drop');
    let unknown = 3;
    shelf.relay(t, {
      async append(records, send) {
        await send(records);
        if ((unknown -= 1) >= 0) throw new DibsError('unknown_outcome');
      },
    });
    await shelf.until('it is sent', () => unknown < 0);
    await shelf.win('drop', 3);
    await shelf.complete();
    assert.deepEqual(await shelf.placesOf('drop'), ['0-1', '0-1', '0-1', '0-1', '3-0']);
    assert.deepEqual(shelf.alarms, ['Relaying pauses: gate or log do not answer; nothing is lost']);
  });

  it('tells of each event that the log has more of, and of none before', async (t) => {
    const shelf = new Shelf();
    const { opened, open } = latch();
    const { relay, relayed } = shelf.relay(t, { append: (records, send) => opened.then(() => send(records)) });
    await shelf.create('drop');
    await shelf.create('b');
    for (const id of ['drop', 'b']) relay.wake(id);
    await turns(20);
    assert.deepEqual(relayed, []);
    open();
    await shelf.complete();
    assert.deepEqual(new Set(relayed), new Set(['drop', 'b']));
  });

  it('finds within a sweep what woke nobody', async (t) => {
    const shelf = new Shelf();
    shelf.relay(t);
    await turns(5);
    await shelf.create('drop');
    await shelf.win('drop', 2);
    await turns(20);
    assert.deepEqual(await shelf.placesOf('drop'), []);
    shelf.clock.step(sweepIntervalMs);
    await until('it is found', () => shelf.isComplete());
  });

  it('begins at the front of what is left where it is started anew, and repeats', async (t) => {
    const shelf = new Shelf();
    await shelf.create('drop');
    for (const count of [4, 3, 5]) await shelf.win('drop', count);
    const first = shelf.relay(t);
    await shelf.complete();
    await first.relay.stop();
    await shelf.gate.trim('drop', '4-0');
    await shelf.win('drop', 1);
    shelf.relay(t);
    await shelf.complete();
    assert.deepEqual(await shelf.placesOf('drop'), ['0-1', '4-0', '7-0', '12-0', '7-0', '12-0', '13-0']);
    // All of it is in the ledger: nothing is left to send, and nothing is sent.
    await shelf.gate.trim('drop', '13-0');
    shelf.relay(t);
    shelf.clock.step(sweepIntervalMs);
    await turns(20);
    assert.equal((await shelf.placesOf('drop')).length, 7);
  });

  it('sends a large backlog in pieces, all events in turn', async (t) => {
    const shelf = new Shelf();
    const ids = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    for (const id of ids) {
      await shelf.create(id);
      for (let batch = 0; batch < 16; batch += 1) await shelf.win(id, 250);
    }
    const sent: Set<string>[] = [];
    shelf.relay(t, {
      append(records, send) {
        sent.push(new Set(records.map((record) => record.eventId)));
        const wins = records.flatMap((record) => (record.type === 'wins' ? record.wins : []));
        assert.ok(wins.length <= 5_000, `${wins.length} wins in one go`);
        return send(records);
      },
    });
    await shelf.complete();
    const firstTurns = ids.map((id) => sent.findIndex((events) => events.has(id)));
    assert.ok(Math.max(...firstTurns) <= 1, `first sent in ${firstTurns.join()}`);
  });

  it('finds what other processes have made however busy this one keeps it', async (t) => {
    const shelf = new Shelf();
    await shelf.create('busy');
    let isOver = false;
    const { relay } = shelf.relay(t, {
      async append(records, send) {
        await send(records);
        if (isOver) return;
        // One send later there is more already.
        await shelf.win('busy', 1);
        shelf.clock.step(10);
      },
    });
    relay.wake('busy');
    await until('it is busy', async () => (await shelf.placesOf('busy')).length > 3);
    await shelf.create('drop');
    await shelf.win('drop', 5);
    await until('the other event is sent', async () => (await shelf.placesOf('drop')).length === 2);
    isOver = true;
    await shelf.complete();
  });

  it('tries again by its own time, however often it is woken, and without waiting for a sweep', async (t) => {
    const shelf = new Shelf();
    const tries = { outbox: 0, append: 0 };
    const { relay } = shelf.relay(t, {
      gate: (gate) =>
        wrapGate(gate, {
          outbox: (...rest) => ((tries.outbox += 1) === 1 ? unavailable() : gate.outbox(...rest)),
        }),
      append: (records, send) => ((tries.append += 1) === 1 ? unavailable() : send(records)),
    });
    await turns(5);
    await shelf.create('drop');
    const wakeOften = async (): Promise<void> => {
      for (let count = 0; count < 50; count += 1) {
        relay.wake('drop');
        await turns(1);
      }
    };
    relay.wake('drop');
    await turns(10);
    assert.deepEqual(tries, { outbox: 1, append: 0 });
    // The next sweep is further away.
    shelf.clock.step(sweepIntervalMs / 2);
    await turns(10);
    assert.deepEqual(tries, { outbox: 2, append: 1 });
    await wakeOften();
    assert.deepEqual(tries, { outbox: 2, append: 1 });
    await shelf.complete();
  });

  it('goes on with the others where an event cannot be read, and sends it once it can', async (t) => {
    const shelf = new Shelf();
    for (const id of ['a', 'away', 'z']) await shelf.create(id);
    let isAway = true;
    const gate = wrapGate(shelf.gate, {
      outbox: (eventId, ...rest) =>
        isAway && eventId === 'away' ? unavailable() : shelf.gate.outbox(eventId, ...rest),
      // What cannot be reached is left out.
      extents: async (...page) =>
        (await shelf.gate.extents(...page)).filter(({ eventId }) => !isAway || eventId !== 'away'),
    });
    const { relay } = shelf.relay(t, { gate: () => gate });
    for (let round = 1; round <= 5; round += 1) {
      for (const id of ['a', 'away', 'z']) await shelf.win(id, 1);
      for (const id of ['a', 'away', 'z']) relay.wake(id);
      for (const id of ['a', 'z'])
        await shelf.until(`${id} is sent`, async () => (await shelf.placesOf(id)).includes(`${round}-0`));
    }
    assert.deepEqual(await shelf.placesOf('away'), []);
    isAway = false;
    shelf.clock.step(sweepIntervalMs);
    await shelf.complete();
  });

  it('is not kept by gate or log that are away from going on when they are back', async (t) => {
    const shelf = new Shelf();
    await shelf.create('drop');
    const away = { gate: true, log: true };
    shelf.relay(t, {
      gate: (gate) => wrapGate(gate, { outbox: (...rest) => (away.gate ? unavailable() : gate.outbox(...rest)) }),
      append: (records, send) => (away.log ? unavailable() : send(records)),
    });
    const pass = async (): Promise<void> => {
      for (let step = 0; step < 100; step += 1) {
        shelf.clock.step(100);
        await turns(3);
      }
    };
    await pass();
    away.gate = false;
    await pass();
    assert.deepEqual(await shelf.placesOf('drop'), []);
    assert.equal(shelf.alarms.length, 1);
    away.log = false;
    await shelf.complete();
    assert.deepEqual(await shelf.placesOf('drop'), ['0-1']);
    away.log = true;
    await shelf.win('drop', 1);
    await pass();
    assert.equal(shelf.alarms.length, 2, 'another time is told anew');
  });
});

describe('stopping a relay', () => {
  it('waits for the records in hand, and sends no more', async (t) => {
    const shelf = new Shelf();
    await shelf.create('drop');
    const { opened, open } = latch();
    let sends = 0;
    const { relay } = shelf.relay(t, {
      async append(records, send) {
        sends += 1;
        await opened;
        await send(records);
      },
    });
    await until('a send is under way', () => sends === 1);
    await shelf.win('drop', 3);
    relay.wake('drop');
    let isStopped = false;
    const stopped = relay.stop().then(() => (isStopped = true));
    await turns(20);
    assert.equal(isStopped, false);
    open();
    await stopped;
    assert.deepEqual([sends, await shelf.placesOf('drop')], [1, ['0-1']]);
    assert.equal((await shelf.gate.outbox('drop', outboxStart, 10)).length, 2, 'what was not sent is in the gate');
    shelf.relay(t);
    await shelf.complete();
  });

  it('does not wait for a log that is away', async (t) => {
    const shelf = new Shelf();
    await shelf.create('drop');
    const { relay } = shelf.relay(t, { append: unavailable });
    await until('it has failed', () => shelf.alarms.length === 1);
    await relay.stop();
  });

  it('ends one that sleeps, and one that was never started', async (t) => {
    const shelf = new Shelf();
    const { relay } = shelf.relay(t);
    await turns(5);
    await relay.stop();
    await relay.stop();
  });
});
