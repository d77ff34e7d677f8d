import assert from 'node:assert/strict';
import { checkWins } from '../../core/invariants.ts';
import { troubleOf } from '../refusal.ts';
import { claim, commonOf, crowd, drain, folded, openEvent, seen, specOf, standing, verdict } from './acting.ts';
import type { GateConcern } from './bench.ts';

export const capacity: GateConcern = {
  concern: 'capacity',
  cases: {
    'gives exactly N slots, 1 to N in order, and no more': async ({ gate }) => {
      await openEvent(gate, { capacity: 7 });
      const verdicts: string[] = [];
      for (const { userId } of crowd(10)) verdicts.push(verdict(await claim(gate, userId)));
      assert.deepEqual(verdicts.join(' '), `${'won '.repeat(7)}sold_out sold_out sold_out`);
      const wins = await gate.wins('drop', 0, 100);
      assert.deepEqual(
        wins.map((win) => win.slot),
        [1, 2, 3, 4, 5, 6, 7],
      );
      assert.deepEqual(checkWins(specOf({ capacity: 7 }), wins), []);
      assert.equal((await standing(gate)).won, 7);
    },
    'of one place is one place': async ({ gate }) => {
      await openEvent(gate, { capacity: 1 });
      assert.equal(verdict(await claim(gate, 'alice')), 'won');
      assert.equal(verdict(await claim(gate, 'bob')), 'sold_out');
    },
    'no refusal and no replay takes a place': async ({ gate }) => {
      await openEvent(gate, { capacity: 3, limitPerUser: 2 });
      await gate.command('drop', { act: 'pause' }, null);
      for (let time = 0; time < 5; time += 1) await claim(gate, 'early', `e-${time}`);
      await gate.command('drop', { act: 'resume' }, null);
      for (const key of ['a', 'a', 'b', 'b', 'c', 'c']) await claim(gate, 'alice', key);
      assert.equal(verdict(await claim(gate, 'bob', null)), 'key_required');
      assert.equal((await standing(gate)).won, 2);
      assert.equal(verdict(await claim(gate, 'bob', 'a')), 'won');
      assert.deepEqual(
        (await gate.wins('drop', 0, 10)).map((win) => win.userId),
        ['alice', 'alice', 'bob'],
      );
    },
    'raised after it was sold out sells the next slots': async ({ gate }) => {
      await openEvent(gate, { capacity: 2 });
      await gate.admit('drop', crowd(3));
      const raised = await gate.command('drop', { act: 'change', change: { capacity: 4 } }, null);
      assert.deepEqual([raised.spec.capacity, raised.won], [4, 2]);
      const decisions = await gate.admit('drop', crowd(6));
      assert.deepEqual(decisions.map(verdict), ['replayed', 'replayed', 'won', 'won', 'sold_out', 'sold_out']);
      assert.deepEqual(
        (await gate.wins('drop', 0, 10)).map((win) => win.slot),
        [1, 2, 3, 4],
      );
    },
    'lowered to what is won is sold out': async ({ gate }) => {
      await openEvent(gate, { capacity: 9 });
      await gate.admit('drop', crowd(3));
      const lowered = await gate.command('drop', { act: 'change', change: { capacity: 3 } }, null);
      assert.deepEqual([lowered.spec.capacity, lowered.won], [3, 3]);
      assert.equal(verdict(await claim(gate, 'late')), 'sold_out');
    },
    'is never lowered below what is won': async ({ gate }) => {
      await openEvent(gate, { capacity: 9 });
      await gate.admit('drop', crowd(3));
      const before = await seen(gate);
      for (const capacity of [1, 2]) {
        await troubleOf('capacity_below_won', () =>
          gate.command('drop', { act: 'change', change: { capacity } }, null),
        );
      }
      assert.deepEqual(await seen(gate), before);
    },
    'raised and lowered again and again never sells a slot twice': async ({ gate }) => {
      await openEvent(gate, { capacity: 1 });
      for (let round = 1; round <= 6; round += 1) {
        await gate.admit('drop', crowd(5, `round-${round}-`));
        const change = { capacity: round % 2 === 1 ? 20 : (await standing(gate)).won };
        await gate.command('drop', { act: 'change', change }, null);
      }
      const event = await standing(gate);
      const wins = await gate.wins('drop', 0, 100);
      assert.equal(wins.length, event.won);
      assert.deepEqual(checkWins(event.spec, wins), []);
      assert.deepEqual(commonOf(folded(await drain(gate))), commonOf(event));
    },
    'of one event says nothing of another': async ({ gate }) => {
      await openEvent(gate, { id: 'small', capacity: 1 });
      await openEvent(gate, { id: 'large', capacity: 3 });
      await gate.admit('small', crowd(5));
      const decisions = await gate.admit('large', crowd(5));
      assert.deepEqual(decisions.map(verdict), ['won', 'won', 'won', 'sold_out', 'sold_out']);
    },
  },
};
