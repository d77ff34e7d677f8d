import assert from 'node:assert/strict';
import { claimIdOf } from '../../lib/claim-id.ts';
import { claim, crowd, openEvent, seen, standing, verdict, winOf } from './acting.ts';
import type { GateConcern } from './bench.ts';

export const replay: GateConcern = {
  concern: 'replay and keys',
  cases: {
    'a win is all that it says, and names itself': async ({ gate }) => {
      const { epoch } = await openEvent(gate);
      const decision = await claim(gate, 'alice', 'click-1');
      const win = winOf(decision);
      assert.deepEqual(decision, { outcome: 'won', replayed: false, win });
      const { claimId, wonAt, ...place } = win;
      assert.deepEqual(place, { slot: 1, userId: 'alice', nth: 1, key: 'click-1' });
      assert.equal(claimId, claimIdOf('drop', epoch, { ...place, wonAt }));
      assert.ok(wonAt <= (await gate.now()));
    },
    'the same key gives the same win, and takes no place': async ({ gate }) => {
      await openEvent(gate, { capacity: 2, limitPerUser: 2 });
      const win = winOf(await claim(gate, 'alice', 'a'));
      const before = await seen(gate);
      for (let time = 0; time < 3; time += 1) {
        assert.deepEqual(await claim(gate, 'alice', 'a'), { outcome: 'won', replayed: true, win });
      }
      assert.deepEqual(await seen(gate), before);
    },
    'each key gives its own win, in whatever order they are repeated': async ({ gate }) => {
      await openEvent(gate, { capacity: 9, limitPerUser: 3 });
      const keys = ['a', 'b', 'c'];
      const wins = new Map<string, unknown>();
      for (const key of keys) wins.set(key, winOf(await claim(gate, 'alice', key)));
      for (const key of keys.toReversed()) assert.deepEqual(winOf(await claim(gate, 'alice', key)), wins.get(key));
    },
    'one key of two users is two keys': async ({ gate }) => {
      await openEvent(gate, { limitPerUser: 2 });
      assert.equal(verdict(await claim(gate, 'alice', 'a')), 'won');
      assert.equal(verdict(await claim(gate, 'bob', 'a')), 'won');
    },
    'one key in two events is two keys': async ({ gate }) => {
      await openEvent(gate, { limitPerUser: 2 });
      await openEvent(gate, { id: 'other', limitPerUser: 2 });
      assert.equal(verdict(await claim(gate, 'alice', 'a')), 'won');
      assert.equal(verdict(await claim(gate, 'alice', 'a', 'other')), 'won');
    },
    'where one is all, a repeat is a replay under any key': async ({ gate }) => {
      await openEvent(gate);
      const win = winOf(await claim(gate, 'alice', 'a'));
      for (const key of ['a', 'b', null]) {
        assert.deepEqual(await claim(gate, 'alice', key), { outcome: 'won', replayed: true, win });
      }
    },
    'a refused key has nothing: it is judged anew': async ({ gate }) => {
      await openEvent(gate, { capacity: 1, limitPerUser: 2 });
      await claim(gate, 'alice', 'a');
      assert.equal(verdict(await claim(gate, 'bob', 'b')), 'sold_out');
      await gate.command('drop', { act: 'change', change: { capacity: 2 } }, null);
      assert.equal(verdict(await claim(gate, 'bob', 'b')), 'won');
    },
    'a key refused for the limit stays without a win': async ({ gate }) => {
      await openEvent(gate, { limitPerUser: 2 });
      await claim(gate, 'alice', 'a');
      await claim(gate, 'alice', 'b');
      assert.equal(verdict(await claim(gate, 'alice', 'c')), 'limit_reached');
      assert.equal(verdict(await claim(gate, 'alice', 'c')), 'limit_reached');
    },
    'a win stays replayable behind many others': async ({ gate }) => {
      await openEvent(gate, { capacity: 700, limitPerUser: 2 });
      const first = winOf(await claim(gate, 'alice', 'a'));
      await gate.admit('drop', crowd(600, 'other-', 'a'));
      assert.deepEqual(winOf(await claim(gate, 'alice', 'a')), first);
      assert.equal((await standing(gate)).won, 601);
    },
  },
};

export const limit: GateConcern = {
  concern: 'k per user',
  cases: {
    'a user has exactly k, numbered from 1 without a gap': async ({ gate }) => {
      const limitPerUser = 5;
      await openEvent(gate, { capacity: 100, limitPerUser });
      const verdicts: string[] = [];
      for (let click = 1; click <= 8; click += 1) verdicts.push(verdict(await claim(gate, 'alice', `click-${click}`)));
      const refused = 'limit_reached';
      assert.deepEqual(verdicts, ['won', 'won', 'won', 'won', 'won', refused, refused, refused]);
      const wins = await gate.winsOfUser('drop', 'alice');
      assert.deepEqual(
        wins.map((win) => win.nth),
        [1, 2, 3, 4, 5],
      );
    },
    'as many as 100': async ({ gate }) => {
      await openEvent(gate, { capacity: 1000, limitPerUser: 100 });
      const clicks = Array.from({ length: 101 }, (_, index) => ({ userId: 'alice', key: `click-${index}` }));
      const verdicts = (await gate.admit('drop', clicks)).map(verdict);
      assert.deepEqual([verdicts.filter((one) => one === 'won').length, verdicts[100]], [100, 'limit_reached']);
    },
    'of one user says nothing of another': async ({ gate }) => {
      await openEvent(gate, { capacity: 4, limitPerUser: 2 });
      for (const userId of ['alice', 'bob']) {
        for (const key of ['a', 'b']) assert.equal(verdict(await claim(gate, userId, key)), 'won');
      }
      const wins = await gate.wins('drop', 0, 10);
      assert.deepEqual(
        wins.map((win) => [win.slot, win.userId, win.nth]),
        [
          [1, 'alice', 1],
          [2, 'alice', 2],
          [3, 'bob', 1],
          [4, 'bob', 2],
        ],
      );
    },
    'the wins of a user come in order of nth': async ({ gate }) => {
      await openEvent(gate, { capacity: 40, limitPerUser: 12 });
      // Past 9, where an order of text would be another.
      for (let click = 1; click <= 12; click += 1) {
        await claim(gate, 'alice', `click-${click}`);
        await claim(gate, `user-${click}`, 'a');
      }
      const wins = await gate.winsOfUser('drop', 'alice');
      assert.deepEqual(
        wins.map((win) => win.nth),
        [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
      );
      assert.deepEqual(await gate.winsOfUser('drop', 'nobody'), []);
      assert.deepEqual(await gate.winsOfUser('nowhere', 'alice'), []);
    },
  },
};
