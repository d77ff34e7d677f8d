import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Decision, judgeClaim, rejectionReasons } from '../../src/core/decision.ts';
import type { EventSnapshot } from '../../src/core/event-spec.ts';
import type { Win } from '../../src/core/win.ts';

const now = 1000;

const winOf = (nth: number, key: string | null): Win => ({
  slot: nth,
  userId: 'alice',
  nth,
  claimId: `${nth}-000000000000`,
  key,
  wonAt: 0,
});

/** What can speak against a claim, each alone or with any of the others. */
interface Situation {
  readonly closed: boolean;
  readonly due: boolean;
  readonly scheduled: boolean;
  readonly paused: boolean;
  readonly full: boolean;
  readonly soldOut: boolean;
}
const names = ['closed', 'due', 'scheduled', 'paused', 'full', 'soldOut'] as const;

const situations: Situation[] = Array.from({ length: 1 << names.length }, (_, bits) =>
  names.reduce((all, name, index) => ({ ...all, [name]: (bits & (1 << index)) !== 0 }), {} as Situation),
);

function eventIn(situation: Situation, limitPerUser: number): EventSnapshot {
  const opensAt = situation.scheduled ? now + 1 : null;
  const closesAt = situation.due ? now : null;
  const phase = situation.closed ? 'closed' : situation.paused ? 'paused' : 'active';
  const won = situation.soldOut ? 5 : 4;
  const spec = { id: 'drop', name: 'Drop', capacity: 5, limitPerUser, opensAt, closesAt };
  return { spec, phase, revision: 1, epoch: 1, won, acts: 0, createdAt: 0, lastTime: 0 };
}

/** In order of precedence: the first that holds is what is said. */
const precedence: readonly (readonly [name: (typeof names)[number], reason: string])[] = [
  ['closed', 'closed'],
  ['due', 'closed'],
  ['scheduled', 'not_open'],
  ['paused', 'paused'],
  ['full', 'limit_reached'],
  ['soldOut', 'sold_out'],
];

const said = (decision: Decision | null): string | null => {
  if (decision === null || decision.outcome === 'key_required') return decision?.outcome ?? null;
  return decision.outcome === 'won' ? 'replayed' : decision.reason;
};

describe('the decision on a claim', () => {
  it('has its reasons in the order of the contract', () => {
    assert.deepEqual(rejectionReasons, ['closed', 'not_open', 'paused', 'limit_reached', 'sold_out']);
  });

  for (const situation of situations) {
    const holds = names.filter((name) => situation[name]);
    it(`where ${holds.join(', ') || 'nothing'} speaks against it`, () => {
      const expected = precedence.find(([name]) => situation[name])?.[1] ?? null;
      const event = eventIn(situation, 2);
      const wins = situation.full ? [winOf(1, 'a'), winOf(2, 'b')] : [winOf(1, 'a')];
      assert.equal(said(judgeClaim(event, wins, 'new', now)), expected, 'a new key');
      assert.deepEqual(judgeClaim(event, wins, 'a', now), { outcome: 'won', replayed: true, win: wins[0] }, 'a repeat');
      assert.deepEqual(judgeClaim(event, wins, null, now), { outcome: 'key_required' }, 'no key');

      // Where one is all that a user may have, who has it is always answered with it.
      const single = eventIn(situation, 1);
      const reason = precedence.find(([name]) => name !== 'full' && situation[name])?.[1] ?? null;
      for (const key of ['a', 'new', null]) {
        assert.equal(said(judgeClaim(single, [], key, now)), reason, 'a user without a win');
        const replay = { outcome: 'won', replayed: true, win: wins[0] };
        assert.deepEqual(judgeClaim(single, wins.slice(0, 1), key, now), replay, 'a user with one');
      }
    });
  }

  it('carries the wins where the limit is reached, the opening where it is not open, and nothing else', () => {
    const nothing = { closed: false, due: false, scheduled: false, paused: false, full: false, soldOut: false };
    const wins = [winOf(1, 'a'), winOf(2, 'b')];
    const rejected = (other: Partial<Situation>, wins: readonly Win[]) =>
      judgeClaim(eventIn({ ...nothing, ...other }, 2), wins, 'new', now);
    const plain = { outcome: 'rejected', wins: [], opensAt: null };
    assert.deepEqual(rejected({ full: true }, wins), { ...plain, reason: 'limit_reached', wins });
    assert.deepEqual(rejected({ scheduled: true }, []), { ...plain, reason: 'not_open', opensAt: now + 1 });
    assert.deepEqual(rejected({ closed: true }, wins), { ...plain, reason: 'closed' });
    assert.deepEqual(rejected({ paused: true }, wins), { ...plain, reason: 'paused' });
    assert.deepEqual(rejected({ soldOut: true }, []), { ...plain, reason: 'sold_out' });
  });

  it('finds the win of a key among many', () => {
    const event = eventIn(
      { closed: true, due: false, scheduled: false, paused: false, full: true, soldOut: true },
      100,
    );
    const wins = Array.from({ length: 100 }, (_, index) => winOf(index + 1, `key-${index}`));
    for (const win of wins)
      assert.deepEqual(judgeClaim(event, wins, win.key, now), { outcome: 'won', replayed: true, win });
  });

  it('takes keys byte for byte', () => {
    const event = eventIn(
      { closed: false, due: false, scheduled: false, paused: false, full: false, soldOut: false },
      2,
    );
    for (const key of ['A', 'a.', '__proto__', 'aa']) assert.equal(judgeClaim(event, [winOf(1, 'a')], key, now), null);
  });
});
