/** Whoever takes an outbox over goes on where the log stands, and sends a backlog once. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LogPlaces } from '../../src/engine/log-places.ts';
import type { LogRecord } from '../../src/core/record.ts';
import { wrapLedger } from '../../src/testing/canaries/wrap.ts';
import { batchOf, couponsOf } from '../../src/testing/ledger/acting.ts';
import { crowd, openEvent } from '../../src/testing/gate/acting.ts';
import { unavailable, until } from './fixture.ts';
import { Shelf } from './relay-shelf.ts';

/** A shelf whose log has 30 wins of an event that the ledger has not, and those that sends bring from now on. */
async function behind() {
  const shelf = new Shelf();
  await shelf.ledger.migrate();
  await openEvent(shelf.gate, { capacity: 100 });
  for (const size of [10, 20]) await shelf.gate.admit('drop', crowd(size, `first-${size}-`));
  await shelf.log.append?.(await shelf.gate.outbox('drop', '0-0', 1_000));
  const sent: LogRecord[] = [];
  const places = new LogPlaces(shelf.log, shelf.ledger, shelf.clock);
  const options = {
    placeOf: (eventId: string) => places.placeOf(eventId),
    append: async (records: readonly LogRecord[], send: (records: readonly LogRecord[]) => Promise<void>) => {
      sent.push(...records);
      await send(records);
    },
  };
  return { shelf, sent, options };
}

const slotsOf = (records: readonly LogRecord[]): number[] =>
  records.flatMap((record) => (record.type === 'wins' ? record.wins.map(({ slot }) => slot) : []));

describe('the places of the log', () => {
  it('let a relay that begins anew send what is new, and nothing twice', async (t) => {
    const { shelf, sent, options } = await behind();
    await shelf.gate.admit('drop', crowd(5, 'late-'));
    shelf.relay(t, options);
    await until(
      'the new ones are sent',
      async () => slotsOf(sent).includes(35),
      () => shelf.clock.step(100),
    );
    assert.deepEqual(slotsOf(sent), [31, 32, 33, 34, 35]);
  });

  it('are not asked of what the ledger has: the outbox begins there', async () => {
    const { shelf } = await behind();
    const partition = shelf.log.partitionOf('drop');
    const ends = await shelf.log.ends(null, 10);
    const to = ends.find((one) => one.partition === partition)?.end ?? assert.fail();
    await shelf.ledger.issue(batchOf({ partition, to, coupons: couponsOf(1, 1) }));
    assert.equal(await new LogPlaces(shelf.log, shelf.ledger, shelf.clock).placeOf('drop'), '0-0');
  });

  it('are the start where the ledger is away: everything is sent, which does no harm', async () => {
    const { shelf } = await behind();
    const ledger = wrapLedger(shelf.ledger, { position: () => unavailable() });
    assert.equal(await new LogPlaces(shelf.log, ledger, shelf.clock).placeOf('drop'), '0-0');
  });

  it('are read once for all events that are taken over together, and anew a second later', async () => {
    const { shelf } = await behind();
    let asked = 0;
    const ledger = wrapLedger(shelf.ledger, {
      position: (partition) => {
        asked += 1;
        return shelf.ledger.position(partition);
      },
    });
    const places = new LogPlaces(shelf.log, ledger, shelf.clock);
    assert.deepEqual(await Promise.all([places.placeOf('drop'), places.placeOf('drop')]), ['30-0', '30-0']);
    assert.equal(asked, 1);
    shelf.clock.step(1_000);
    await places.placeOf('drop');
    assert.equal(asked, 2);
  });
});
