import assert from 'node:assert/strict';
import { DibsError } from '../../core/errors.ts';
import { checkWins } from '../../core/invariants.ts';
import { claim, commonOf, crowd, drain, folded, openEvent, seen, specOf, standing, verdict, winOf } from './acting.ts';
import type { GateConcern } from './bench.ts';

export const batches: GateConcern = {
  concern: 'batches',
  cases: {
    'of none decide nothing': async ({ gate }) => {
      await openEvent(gate);
      const before = await seen(gate);
      assert.deepEqual(await gate.admit('drop', []), []);
      assert.deepEqual(await seen(gate), before);
    },
    'are decided in their order': async ({ gate }) => {
      await openEvent(gate, { capacity: 3 });
      const decisions = await gate.admit('drop', crowd(5));
      assert.deepEqual(decisions.map(verdict), ['won', 'won', 'won', 'sold_out', 'sold_out']);
      const wins = decisions.slice(0, 3).map(winOf);
      assert.deepEqual(
        wins.map((win) => [win.slot, win.userId]),
        [
          [1, 'user-1'],
          [2, 'user-2'],
          [3, 'user-3'],
        ],
      );
      assert.deepEqual(await gate.wins('drop', 0, 10), wins);
    },
    'the same user several times: one win, the rest replays of it': async ({ gate }) => {
      await openEvent(gate);
      const decisions = await gate.admit('drop', [
        { userId: 'alice', key: 'a' },
        { userId: 'bob', key: null },
        { userId: 'alice', key: 'a' },
        { userId: 'alice', key: 'b' },
        { userId: 'alice', key: null },
      ]);
      assert.deepEqual(decisions.map(verdict), ['won', 'won', 'replayed', 'replayed', 'replayed']);
      for (const index of [2, 3, 4]) assert.deepEqual(winOf(decisions[index]!), winOf(decisions[0]!));
      assert.equal((await standing(gate)).won, 2);
    },
    'the same user and key several times, where a user may have several': async ({ gate }) => {
      await openEvent(gate, { capacity: 9, limitPerUser: 2 });
      const keys = ['a', 'a', 'b', 'a', 'c', 'b', null, 'c'];
      const decisions = await gate.admit(
        'drop',
        keys.map((key) => ({ userId: 'alice', key })),
      );
      assert.deepEqual(decisions.map(verdict), [
        'won',
        'replayed',
        'won',
        'replayed',
        'limit_reached',
        'replayed',
        'key_required',
        'limit_reached',
      ]);
      const [first, again, second] = decisions;
      assert.deepEqual(winOf(again!), winOf(first!));
      const refused = decisions[4];
      const own = refused?.outcome === 'rejected' ? refused.wins : [];
      assert.deepEqual(own, [winOf(first!), winOf(second!)], 'wins of the same batch count and are shown');
    },
    'of 500 claims at the end of the places': async ({ gate }) => {
      await openEvent(gate, { capacity: 320 });
      await gate.admit('drop', crowd(100, 'first-'));
      const decisions = await gate.admit('drop', crowd(500));
      const verdicts = decisions.map(verdict);
      assert.deepEqual(verdicts.slice(0, 220), Array(220).fill('won'));
      assert.deepEqual(verdicts.slice(220), Array(280).fill('sold_out'));
      const wins = await gate.wins('drop', 0, 1000);
      assert.equal(wins.length, 320);
      assert.deepEqual(checkWins(specOf({ capacity: 320 }), wins), []);
    },
    'of 500 with every kind of claim in them': async ({ gate }) => {
      await openEvent(gate, { capacity: 150, limitPerUser: 3 });
      const requests = Array.from({ length: 500 }, (_, index) => ({
        userId: `user-${index % 71}`,
        key: index % 13 === 0 ? null : `key-${index % 5}`,
      }));
      const decisions = await gate.admit('drop', requests);
      const counts = Object.groupBy(decisions, verdict);
      assert.equal(counts['key_required']?.length, 39);
      assert.equal(counts['won']?.length, 150);
      const wins = await gate.wins('drop', 0, 1000);
      assert.deepEqual(checkWins({ id: 'drop', capacity: 150, limitPerUser: 3 }, wins), []);
      assert.deepEqual(decisions.filter((one) => verdict(one) === 'won').map(winOf), wins);
      for (const [index, request] of requests.entries()) {
        const decision = decisions[index]!;
        if (decision.outcome !== 'won') continue;
        assert.deepEqual([decision.win.userId, decision.win.key], [request.userId, request.key]);
      }
    },
    'that only refuse or replay write nothing': async ({ gate }) => {
      await openEvent(gate, { capacity: 2, limitPerUser: 2 });
      await gate.admit('drop', crowd(2, 'user-', 'a'));
      const before = await seen(gate);
      const requests = [...crowd(2, 'user-', 'a'), ...crowd(300, 'late-', 'a'), ...crowd(50)];
      const decisions = await gate.admit('drop', requests);
      const counts = Object.groupBy(decisions, verdict);
      assert.deepEqual(
        [counts['replayed']?.length, counts['sold_out']?.length, counts['key_required']?.length],
        [2, 300, 50],
      );
      assert.deepEqual(await seen(gate), before);
    },
    'write one statement of their wins into the outbox, in slot order': async ({ gate }) => {
      await openEvent(gate, { capacity: 400 });
      const before = await drain(gate);
      const wins = (await gate.admit('drop', crowd(300))).map(winOf);
      const records = (await drain(gate)).slice(before.length);
      assert.deepEqual(
        records.flatMap((one) => (one.type === 'wins' ? one.wins : [])),
        wins,
      );
    },
  },
};

export const concurrency: GateConcern = {
  concern: 'many calls at once in one process',
  cases: {
    'sell every place once': async ({ gate }) => {
      await openEvent(gate, { capacity: 100 });
      const calls = Array.from({ length: 60 }, (_, index) =>
        gate.admit('drop', crowd(3 + (index % 3), `user-${index}-`)),
      );
      const decisions = (await Promise.all(calls)).flat();
      const won = decisions.filter((one) => verdict(one) === 'won').map(winOf);
      assert.equal(won.length, 100);
      assert.deepEqual(checkWins(specOf({ capacity: 100 }), won), []);
      assert.deepEqual(
        await gate.wins('drop', 0, 1000),
        won.toSorted((a, b) => a.slot - b.slot),
      );
    },
    'give one user one win, and the same to all repeats': async ({ gate }) => {
      await openEvent(gate, { capacity: 100 });
      const decisions = await Promise.all(Array.from({ length: 50 }, () => claim(gate, 'alice', 'a')));
      assert.equal(decisions.filter((one) => verdict(one) === 'won').length, 1);
      assert.equal(new Set(decisions.map((one) => winOf(one).claimId)).size, 1);
      assert.equal((await standing(gate)).won, 1);
    },
    'keep to k per user under different keys': async ({ gate }) => {
      await openEvent(gate, { capacity: 100, limitPerUser: 3 });
      const decisions = await Promise.all(
        Array.from({ length: 20 }, (_, index) => claim(gate, 'alice', `key-${index}`)),
      );
      assert.equal(decisions.filter((one) => verdict(one) === 'won').length, 3);
      assert.equal(decisions.filter((one) => verdict(one) === 'limit_reached').length, 17);
    },
    'with commands for one revision do one of them': async ({ gate }) => {
      await openEvent(gate);
      const calls = Array.from({ length: 10 }, (_, index) =>
        gate.command('drop', { act: 'change', change: { name: `Name ${index}` } }, 1),
      );
      const outcomes = await Promise.allSettled(calls);
      assert.equal(outcomes.filter((one) => one.status === 'fulfilled').length, 1);
      assert.equal((await standing(gate)).revision, 2);
      assert.equal((await drain(gate)).length, 2);
    },
    'with capacities in between never sell more than one of them': async ({ gate }) => {
      await openEvent(gate, { capacity: 10 });
      const calls = Array.from({ length: 60 }, async (_, index) => {
        if (index % 3 > 0) return void (await gate.admit('drop', crowd(2, `user-${index}-`)));
        const { won } = await standing(gate);
        const change = { capacity: Math.max(1, won + (index % 5) - 1) };
        await gate.command('drop', { act: 'change', change }, null).catch((error: unknown) => {
          assert.equal(error instanceof DibsError && error.code, 'capacity_below_won');
        });
      });
      await Promise.all(calls);
      // The fold says where a capacity was put below what had been won, or a slot given above it.
      const event = await standing(gate);
      assert.deepEqual(commonOf(folded(await drain(gate))), commonOf(event));
      assert.equal((await gate.wins('drop', 0, 1000)).length, event.won);
    },
    'with commands in between never contradict a revision': async ({ gate }) => {
      await openEvent(gate, { capacity: 30 });
      const calls = Array.from({ length: 40 }, async (_, index) => {
        if (index % 5 === 3) await gate.command('drop', { act: 'pause' }, null);
        if (index % 5 === 4) await gate.command('drop', { act: 'resume' }, null);
        await claim(gate, `user-${index}`);
      });
      await Promise.all(calls);
      const event = await standing(gate);
      const records = await drain(gate);
      const revisions = records.flatMap((one) => (one.type === 'event' ? [one.revision] : []));
      assert.deepEqual(
        revisions,
        Array.from({ length: event.revision }, (_, index) => index + 1),
      );
      assert.equal((await gate.wins('drop', 0, 1000)).length, event.won);
    },
  },
};
