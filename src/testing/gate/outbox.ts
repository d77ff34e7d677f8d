import assert from 'node:assert/strict';
import type { Gate } from '../../core/gate.ts';
import {
  compareOutboxIds,
  type LogRecord,
  type OutboxId,
  outboxEnd,
  outboxIdOf,
  parseRecord,
} from '../../core/record.ts';
import { claim, commonOf, crowd, drain, folded, openEvent, standing, verdict, winOf } from './acting.ts';
import type { GateConcern } from './bench.ts';

/** Wins in batches of many sizes with event records between, before and behind them; 57 wins, 8 revisions. */
async function live(gate: Gate): Promise<void> {
  await openEvent(gate, { capacity: 60, limitPerUser: 2 });
  await gate.command('drop', { act: 'pause' }, null);
  await gate.command('drop', { act: 'resume' }, null);
  for (const [round, size] of [1, 20, 2, 3].entries()) await gate.admit('drop', crowd(size, `r${round}-`, 'a'));
  await gate.command('drop', { act: 'change', change: { capacity: 57 } }, null);
  await gate.command('drop', { act: 'change', change: { name: 'Second half' } }, null);
  await gate.admit('drop', crowd(30, 'late-', 'a'));
  await gate.command('drop', { act: 'pause' }, null);
  await gate.command('drop', { act: 'resume' }, null);
  await gate.admit('drop', crowd(10, 'last-', 'a'));
  await gate.command('drop', { act: 'close' }, null);
}

const slotsOf = (records: readonly LogRecord[]): number[] =>
  records.flatMap((one) => (one.type === 'wins' ? one.wins.map((win) => win.slot) : []));

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

export const outbox: GateConcern = {
  concern: 'the outbox',
  cases: {
    'has every win once, in slot order, without a gap': async ({ gate }) => {
      await live(gate);
      const records = await drain(gate);
      assert.deepEqual(slotsOf(records), upTo(57));
      const wins = records.flatMap((one) => (one.type === 'wins' ? one.wins : []));
      assert.deepEqual(wins, await gate.wins('drop', 0, 1000));
    },
    'has every revision once, each at the slot where it was made': async ({ gate }) => {
      await live(gate);
      const acts = (await drain(gate)).flatMap((one) => (one.type === 'event' ? [[one.act, one.won, one.n]] : []));
      assert.deepEqual(acts, [
        ['create', 0, 1],
        ['pause', 0, 2],
        ['resume', 0, 3],
        ['change', 26, 1],
        ['change', 26, 2],
        ['pause', 56, 1],
        ['resume', 56, 2],
        ['close', 57, 1],
      ]);
    },
    'folds without conflict to what stands': async ({ gate }) => {
      await live(gate);
      const event = await standing(gate);
      const state = folded(await drain(gate));
      assert.deepEqual(commonOf(state), commonOf(event));
      assert.equal(state.users.size, 57);
    },
    'its places grow and its end is where the event says': async ({ gate }) => {
      await live(gate);
      const places = (await drain(gate)).map(outboxIdOf);
      assert.deepEqual(places, places.toSorted(compareOutboxIds));
      assert.equal(new Set(places).size, places.length);
      const end = outboxEnd(await standing(gate));
      assert.equal(places.at(-1), end);
      assert.deepEqual(await gate.outbox('drop', end, 10), []);
    },
    'reads on from every place to the same end': async ({ gate }) => {
      await live(gate);
      const records = await drain(gate);
      const whole = commonOf(folded(records));
      for (const [index, record] of records.entries()) {
        const rest = await drain(gate, 'drop', outboxIdOf(record));
        const state = folded(rest, folded(records.slice(0, index + 1)));
        assert.deepEqual(commonOf(state), whole, `from ${outboxIdOf(record)} on`);
      }
    },
    'reads on from every slot without missing a win behind it': async ({ gate }) => {
      await live(gate);
      for (let slot = 0; slot <= 57; slot += 1) {
        const slots = slotsOf(await drain(gate, 'drop', `${slot}-0`)).filter((one) => one > slot);
        assert.deepEqual(slots, upTo(57).slice(slot), `behind ${slot}-0`);
      }
    },
    'in pieces of any size is the same': async ({ gate }) => {
      await live(gate);
      const whole = commonOf(folded(await drain(gate)));
      for (const winsMax of [1, 2, 7, 56, 57, 58]) {
        assert.deepEqual(commonOf(folded(await drain(gate, 'drop', '0-0', winsMax))), whole, `${winsMax} at a time`);
      }
    },
    'gives at most about as many wins as were asked for': async ({ gate }) => {
      await openEvent(gate, { capacity: 1000 });
      for (let round = 0; round < 40; round += 1) await gate.admit('drop', crowd(10, `r${round}-`));
      const page = await gate.outbox('drop', '0-0', 25);
      const { length } = slotsOf(page);
      assert.ok(length >= 10 && length <= 50, `${length} wins where about 25 were asked for`);
    },
    'with many revisions in a row is read to its end': async ({ gate }) => {
      await openEvent(gate);
      await claim(gate, 'alice');
      for (let round = 0; round < 100; round += 1) {
        await gate.command('drop', { act: round % 2 === 0 ? 'pause' : 'resume' }, null);
      }
      await claim(gate, 'bob');
      const records = await drain(gate, 'drop', '0-0', 1);
      assert.equal(records.length, 103);
      assert.deepEqual(commonOf(folded(records)), commonOf(await standing(gate)));
    },
    'holds whole records, as a reader of JSON demands them': async ({ gate }) => {
      await live(gate);
      for (const record of await drain(gate)) assert.deepEqual(parseRecord(JSON.stringify(record)), record);
    },
    'of an event that is not there is empty': async ({ gate }) => {
      assert.deepEqual(await gate.outbox('drop', '0-0', 10), []);
      assert.deepEqual(await gate.wins('drop', 0, 10), []);
    },
    'of one event has nothing of another': async ({ gate }) => {
      await openEvent(gate, { id: 'one' });
      await openEvent(gate, { id: 'two' });
      await claim(gate, 'alice', null, 'one');
      await claim(gate, 'bob', null, 'two');
      for (const id of ['one', 'two']) {
        const records = await drain(gate, id);
        assert.deepEqual(
          records.map((one) => [one.eventId, one.type]),
          [
            [id, 'event'],
            [id, 'wins'],
          ],
        );
      }
    },
  },
};

export const trimming: GateConcern = {
  concern: 'trimming the outbox',
  cases: {
    'leaves everything behind the place that it names': async ({ gate }) => {
      await live(gate);
      const records = await drain(gate);
      const event = await standing(gate);
      for (const [index, record] of records.entries()) {
        const place = outboxIdOf(record);
        await gate.trim('drop', place);
        const state = folded(await drain(gate, 'drop', place), folded(records.slice(0, index + 1)));
        assert.deepEqual(commonOf(state), commonOf(event), `behind ${place}`);
      }
    },
    'forgets no win of a user and no key': async ({ gate }) => {
      await openEvent(gate, { capacity: 9, limitPerUser: 2 });
      const wins = [winOf(await claim(gate, 'alice', 'a')), winOf(await claim(gate, 'alice', 'b'))];
      await gate.trim('drop', outboxEnd(await standing(gate)));
      assert.deepEqual(await gate.winsOfUser('drop', 'alice'), wins);
      assert.deepEqual(await claim(gate, 'alice', 'a'), { outcome: 'won', replayed: true, win: wins[0] });
      assert.equal(verdict(await claim(gate, 'alice', 'c')), 'limit_reached');
      assert.equal(winOf(await claim(gate, 'bob', 'a')).slot, 3);
    },
    'changes nothing of the event': async ({ gate }) => {
      await live(gate);
      const event = await standing(gate);
      await gate.trim('drop', outboxEnd(event));
      assert.deepEqual(await standing(gate), event);
    },
    'goes on as new wins and revisions come': async ({ gate }) => {
      await openEvent(gate, { capacity: 9 });
      await gate.admit('drop', crowd(3));
      const end: OutboxId = outboxEnd(await standing(gate));
      await gate.trim('drop', end);
      await claim(gate, 'late');
      await gate.command('drop', { act: 'pause' }, null);
      const records = await drain(gate, 'drop', end);
      assert.deepEqual([slotsOf(records), records.length], [[4], 2]);
    },
    'backwards, twice and of nothing is harmless': async ({ gate }) => {
      await live(gate);
      const [first, second] = await drain(gate);
      const rest = await drain(gate, 'drop', outboxIdOf(second!));
      await gate.trim('drop', outboxIdOf(second!));
      await gate.trim('drop', outboxIdOf(second!));
      await gate.trim('drop', outboxIdOf(first!));
      await gate.trim('nowhere', '0-1');
      assert.deepEqual(await drain(gate, 'drop', outboxIdOf(second!)), rest);
    },
  },
};
