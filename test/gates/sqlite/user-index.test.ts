import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Win } from '../../../src/core/win.ts';
import type { Statements } from '../../../src/gates/sqlite/statements.ts';
import { hashUserId, UserIndex } from '../../../src/gates/sqlite/user-index.ts';
import { UserWins } from '../../../src/gates/sqlite/user-wins.ts';

describe('the index of users', () => {
  it('finds all slots of a hash in their order, and no others, however hashes collide', () => {
    // Few hashes, negative ones and 0 among them, and neighbours that push one another aside.
    const hash = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.integer({ min: 1020, max: 1030 }), fc.integer());
    fc.assert(
      fc.property(fc.array(hash, { maxLength: 3000, size: 'max' }), (hashes) => {
        const index = new UserIndex();
        for (const [at, hash] of hashes.entries()) index.add(hash, at + 1);
        assert.equal(index.size, hashes.length);
        for (const wanted of [...hashes, 7, -7]) {
          const slots = hashes.flatMap((hash, at) => (hash === wanted ? [at + 1] : []));
          assert.deepEqual(index.find(wanted), slots.length === 0 ? null : slots);
        }
      }),
      { numRuns: 30 },
    );
  });
  it('finds nothing where nothing is', () => {
    const index = new UserIndex();
    for (const hash of [0, 1, -1, 2 ** 31 - 1, -(2 ** 31)]) assert.equal(index.find(hash), null);
  });
  it('has hashes that stay the same and that hardly meet', () => {
    const users = Array.from({ length: 100_000 }, (_, index) => `user-${index}`);
    const hashes = new Set(users.map(hashUserId));
    assert.ok(hashes.size > 99_000, `${hashes.size} hashes of 100,000 users`);
    for (const user of users.slice(0, 100)) assert.equal(hashUserId(user), hashUserId(user));
  });
});

/** Statements over wins in memory that count how often an event is read whole. */
function statementsOf(wins: ReadonlyMap<number, Win[]>) {
  const reads: number[] = [];
  const usersOfEvent = {
    iterate: (eventNo: number) => {
      reads.push(eventNo);
      return wins.get(eventNo) ?? [];
    },
  };
  const winBySlot = { get: (eventNo: number, slot: number) => wins.get(eventNo)?.[slot - 1] };
  return { reads, sql: { usersOfEvent, winBySlot } as unknown as Statements };
}

const winAt = (slot: number, userId: string, nth = 1): Win => ({
  slot,
  userId,
  nth,
  claimId: `${slot}`,
  key: null,
  wonAt: 0,
});

describe('the wins of a user', () => {
  it('are the user’s own, by nth', () => {
    const wins = [winAt(1, 'alice'), winAt(2, 'bob'), winAt(3, 'alice', 2)];
    const userWins = new UserWins(statementsOf(new Map([[1, wins]])).sql);
    const index = userWins.indexOf(1);
    assert.deepEqual(
      userWins.of(index, 1, 'alice').map((win) => win.nth),
      [1, 2],
    );
    assert.deepEqual(userWins.of(index, 1, 'carol'), []);
    // As if the hashes of two users were one: what stands at the slot is looked at.
    index.add(hashUserId('carol'), 2);
    assert.deepEqual(userWins.of(index, 1, 'carol'), []);
  });

  it('of the event that was asked for the longest ago are forgotten first, and found again', () => {
    const wins = new Map([1, 2, 3].map((no) => [no, [winAt(1, `a-${no}`), winAt(2, `b-${no}`)]]));
    const { reads, sql } = statementsOf(wins);
    const userWins = new UserWins(sql, { winsMax: 4 });
    for (const no of [1, 2, 1, 3, 1, 2]) {
      assert.equal(userWins.of(userWins.indexOf(no), no, `b-${no}`).length, 1);
    }
    assert.deepEqual(reads, [1, 2, 3, 2]);
  });

  it('of one event are never forgotten for their own number', () => {
    const { reads, sql } = statementsOf(new Map([[1, [winAt(1, 'a'), winAt(2, 'b')]]]));
    const userWins = new UserWins(sql, { winsMax: 1 });
    for (let time = 0; time < 3; time += 1) userWins.indexOf(1);
    assert.deepEqual(reads, [1]);
  });
});
