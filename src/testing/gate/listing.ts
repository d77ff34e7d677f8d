import assert from 'node:assert/strict';
import type { Gate } from '../../core/gate.ts';
import { outboxEnd } from '../../core/record.ts';
import { claim, crowd, drain, openEvent, standing, verdict, winOf } from './acting.ts';
import { type GateConcern, needing } from './bench.ts';

/** Lists all ids, `limit` at a time. */
async function listed(gate: Gate, limit: number): Promise<string[]> {
  const ids: string[] = [];
  for (let after: string | null = null; ; ) {
    const page = await gate.list(after, limit);
    if (page.length === 0) return ids;
    assert.ok(page.length <= limit, `${page.length} events where ${limit} were asked for`);
    ids.push(...page.map((event) => event.spec.id));
    after = ids.at(-1) ?? null;
  }
}

// In byte order; an order of words would mix capitals and signs.
const eventIds = [
  '0',
  '10',
  '9',
  'ALICE',
  'Alice',
  'a',
  'a-',
  'a-b',
  'a.',
  'a.b',
  'a0',
  'a_',
  'aa',
  'alice',
  'constructor',
  'hasOwnProperty',
  `x${'y'.repeat(63)}`,
  `x${'y'.repeat(62)}z`,
];

export const listing: GateConcern = {
  concern: 'listing and paging',
  cases: {
    'events come in byte order of their ids, in pages of any size': async ({ gate }) => {
      for (const id of eventIds.toReversed()) await openEvent(gate, { id });
      for (const limit of [1, 5, 17, 18, 19, 1000]) assert.deepEqual(await listed(gate, limit), eventIds);
    },
    'a list begins behind an id that is not there': async ({ gate }) => {
      for (const id of ['a', 'c', 'e']) await openEvent(gate, { id });
      const ids = async (after: string) => (await gate.list(after, 10)).map((event) => event.spec.id);
      assert.deepEqual(await ids('b'), ['c', 'e']);
      assert.deepEqual(await ids('c'), ['e']);
      assert.deepEqual(await ids('e'), []);
    },
    'a list of nothing is empty': async ({ gate }) => {
      assert.deepEqual(await gate.list(null, 10), []);
    },
    'a list shows events as they stand': async ({ gate }) => {
      await openEvent(gate);
      await claim(gate, 'alice');
      await gate.command('drop', { act: 'pause' }, null);
      assert.deepEqual(await gate.list(null, 10), [await standing(gate)]);
    },
    'extents come in byte order of their ids, in pages of any size': async ({ gate }) => {
      for (const id of eventIds.toReversed()) await openEvent(gate, { id });
      for (const limit of [1, 5, 17, 18, 19, 1000]) {
        const ids: string[] = [];
        for (let after: string | null = null; ; after = ids.at(-1) ?? null) {
          const page = await gate.extents(after, limit);
          if (page.length === 0) break;
          ids.push(...page.map(({ eventId }) => eventId));
        }
        assert.deepEqual(ids, eventIds);
      }
      assert.deepEqual(await gate.extents('zz', 10), []);
    },
    'extents say how far each outbox goes': async ({ gate }) => {
      await openEvent(gate, { id: 'other' });
      await openEvent(gate, { capacity: 9 });
      const end = async () => {
        const [own, other] = await gate.extents(null, 10);
        assert.deepEqual(other, { eventId: 'other', end: '0-1', fenced: false });
        assert.deepEqual([own?.eventId, own?.fenced, own?.end], ['drop', false, outboxEnd(await standing(gate))]);
        return own?.end;
      };
      assert.equal(await end(), '0-1');
      await gate.admit('drop', crowd(3));
      assert.equal(await end(), '3-0');
      await gate.command('drop', { act: 'pause' }, null);
      assert.equal(await end(), '3-1');
      await gate.trim('drop', '3-0');
      assert.equal(await end(), '3-1');
    },
    'events are given in the order asked for, null where there is none, twice where asked twice': async ({ gate }) => {
      const one = await openEvent(gate, { id: 'one' });
      const two = await openEvent(gate, { id: 'two' });
      assert.deepEqual(await gate.events(['two', 'none', 'one', 'two']), [two, null, one, two]);
      assert.deepEqual(await gate.events([]), []);
    },
    'wins come in slot order, in pages': async ({ gate }) => {
      await openEvent(gate, { capacity: 25 });
      const wins = (await gate.admit('drop', crowd(25))).map(winOf);
      assert.deepEqual(await gate.wins('drop', 0, 10), wins.slice(0, 10));
      assert.deepEqual(await gate.wins('drop', 10, 10), wins.slice(10, 20));
      assert.deepEqual(await gate.wins('drop', 20, 10), wins.slice(20));
      assert.deepEqual(await gate.wins('drop', 25, 10), []);
      assert.deepEqual(await gate.wins('drop', 99, 10), []);
    },
  },
};

// Each a user of its own: to a store with a collation, a trim, a pattern or an object for a table some are not.
const userIds = [
  'alice',
  'ALICE',
  'Alice',
  'alice.',
  'alice-',
  '.alice',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '0',
  '00',
  '1',
  '1.0',
  '01',
  '1e0',
  'null',
  'undefined',
  'auth0|5f7c8ec7c33c6c004bbafe82',
  'a@example.org',
  'a+b@example.org',
  `it's`,
  '"quoted"',
  '\\',
  '%',
  '_',
  '*',
  '?',
  '{drop}',
  'drop:users',
  'a,b',
  'a;b',
  'a|b',
  'a=b',
  '$1',
  '?1',
  ':id',
  '-',
  '--',
  '/*',
  '!',
  '~',
  'u'.repeat(127),
  'u'.repeat(128),
  `${'u'.repeat(127)}v`,
  `${'u'.repeat(127)}U`,
  `v${'u'.repeat(127)}`,
];

export const ids: GateConcern = {
  concern: 'ids, byte for byte',
  cases: {
    'every user is a user of its own': async ({ gate }) => {
      await openEvent(gate, { capacity: 100 });
      const decisions = await gate.admit(
        'drop',
        userIds.map((userId) => ({ userId, key: null })),
      );
      for (const [index, decision] of decisions.entries()) {
        assert.equal(verdict(decision), 'won', `${String(userIds[index])} is nobody else`);
        assert.equal(winOf(decision).userId, userIds[index]);
      }
      for (const [index, userId] of userIds.entries()) {
        const [win, ...more] = await gate.winsOfUser('drop', userId);
        assert.deepEqual([win?.slot, win?.userId, more], [index + 1, userId, []]);
        assert.deepEqual(await claim(gate, userId), { outcome: 'won', replayed: true, win });
      }
    },
    'every key is a key of its own': async ({ gate }) => {
      await openEvent(gate, { capacity: 100, limitPerUser: 100 });
      for (const key of userIds)
        assert.equal(verdict(await claim(gate, 'alice', key)), 'won', `key ${key} is no other`);
      for (const [index, key] of userIds.entries()) {
        const win = winOf(await claim(gate, 'alice', key));
        assert.deepEqual([win.slot, win.key], [index + 1, key]);
      }
      assert.equal((await standing(gate)).won, userIds.length);
    },
    'every key of a batch is a key of its own': async ({ gate }) => {
      await openEvent(gate, { capacity: 200, limitPerUser: 100 });
      const requests = [...userIds, ...userIds].map((key) => ({ userId: '__proto__', key }));
      const verdicts = (await gate.admit('drop', requests)).map(verdict);
      const { length } = userIds;
      assert.deepEqual(verdicts, [...Array(length).fill('won'), ...Array(length).fill('replayed')]);
    },
    'a user and a key never run into one another': async ({ gate }) => {
      await openEvent(gate, { capacity: 9, limitPerUser: 2 });
      const pairs: [userId: string, key: string][] = [
        ['ab', 'c'],
        ['a', 'bc'],
        ['a:b', 'c'],
        ['a', 'b:c'],
        ['a|b', 'c'],
        ['a', 'b|c'],
      ];
      for (const [userId, key] of pairs) {
        const decision = await claim(gate, userId, key);
        assert.notEqual(verdict(decision), 'replayed', `${userId} with ${key} has not claimed before`);
      }
    },
    'every event is an event of its own': async ({ gate }) => {
      for (const id of eventIds)
        assert.equal((await gate.create({ ...(await blank(id)) })).created, true, `${id} is new`);
      for (const id of eventIds) await claim(gate, `of-${id}`, null, id);
      for (const id of eventIds) {
        const event = await standing(gate, id);
        assert.deepEqual([event.spec.id, event.won], [id, 1]);
        assert.deepEqual(
          (await gate.wins(id, 0, 10)).map((win) => win.userId),
          [`of-${id}`],
        );
        assert.equal((await drain(gate, id)).length, 2);
      }
      for (const id of ['aLICE', 'prototype', `x${'y'.repeat(62)}`]) assert.deepEqual(await gate.events([id]), [null]);
    },
    'all of them outlive a reopening of the store': needing(['reopen'], async (bench) => {
      await openEvent(bench.gate, { capacity: 100, limitPerUser: 2 });
      await bench.gate.admit(
        'drop',
        userIds.map((userId) => ({ userId, key: userId })),
      );
      const gate = await bench.reopen();
      const decisions = await gate.admit(
        'drop',
        userIds.map((userId) => ({ userId, key: userId })),
      );
      for (const [index, decision] of decisions.entries()) {
        assert.equal(verdict(decision), 'replayed');
        assert.deepEqual([winOf(decision).slot, winOf(decision).key], [index + 1, userIds[index]]);
      }
    }),
  },
};

const blank = async (id: string) => ({ id, name: id, capacity: 2, limitPerUser: 1, opensAt: null, closesAt: null });
