import assert from 'node:assert/strict';
import type { Gate } from '../../core/gate.ts';
import { claim, minuteMs, openEvent, seen, verdict } from './acting.ts';
import { type GateBench, type GateCase, type GateConcern, needing } from './bench.ts';

type Situation =
  | 'open'
  | 'paused'
  | 'closed'
  | 'closed by time'
  | 'paused, closed by time'
  | 'sold out'
  | 'sold out, paused'
  | 'sold out, closed'
  | 'scheduled'
  | 'scheduled, paused'
  | 'scheduled, closed';

/**
 * Who claims: `none` has nothing, `one` has one win (key `a`), `full` has all that a user may have (keys `a` and `b`).
 * What they claim with: a key they have won with, a new key, or none.
 */
type Row = readonly [Situation, 'none' | 'one' | 'full', key: 'a' | 'new' | null, verdict: string];

// Every combination that can be, in full: the precedence is what a table says, not what a second program computes.
const upToTwo: readonly Row[] = [
  ['open', 'none', 'new', 'won'],
  ['open', 'one', 'new', 'won'],
  ['open', 'one', 'a', 'replayed'],
  ['open', 'full', 'new', 'limit_reached'],
  ['open', 'full', 'a', 'replayed'],
  ['open', 'none', null, 'key_required'],
  ['open', 'full', null, 'key_required'],
  ['paused', 'none', 'new', 'paused'],
  ['paused', 'one', 'new', 'paused'],
  ['paused', 'one', 'a', 'replayed'],
  ['paused', 'full', 'new', 'paused'],
  ['paused', 'full', 'a', 'replayed'],
  ['paused', 'none', null, 'key_required'],
  ['closed', 'none', 'new', 'closed'],
  ['closed', 'one', 'new', 'closed'],
  ['closed', 'one', 'a', 'replayed'],
  ['closed', 'full', 'new', 'closed'],
  ['closed', 'full', 'a', 'replayed'],
  ['closed', 'none', null, 'key_required'],
  ['closed by time', 'none', 'new', 'closed'],
  ['closed by time', 'one', 'new', 'closed'],
  ['closed by time', 'one', 'a', 'replayed'],
  ['closed by time', 'full', 'new', 'closed'],
  ['closed by time', 'full', 'a', 'replayed'],
  ['paused, closed by time', 'none', 'new', 'closed'],
  ['paused, closed by time', 'full', 'new', 'closed'],
  ['paused, closed by time', 'one', 'a', 'replayed'],
  ['sold out', 'none', 'new', 'sold_out'],
  ['sold out', 'one', 'new', 'sold_out'],
  ['sold out', 'one', 'a', 'replayed'],
  ['sold out', 'full', 'new', 'limit_reached'],
  ['sold out', 'full', 'a', 'replayed'],
  ['sold out', 'none', null, 'key_required'],
  ['sold out, paused', 'none', 'new', 'paused'],
  ['sold out, paused', 'one', 'new', 'paused'],
  ['sold out, paused', 'full', 'new', 'paused'],
  ['sold out, paused', 'full', 'a', 'replayed'],
  ['sold out, closed', 'none', 'new', 'closed'],
  ['sold out, closed', 'full', 'new', 'closed'],
  ['sold out, closed', 'one', 'a', 'replayed'],
  ['scheduled', 'none', 'new', 'not_open'],
  ['scheduled', 'none', null, 'key_required'],
  ['scheduled, paused', 'none', 'new', 'not_open'],
  ['scheduled, closed', 'none', 'new', 'closed'],
];

// Where one is all that a user may have, any repeat is a replay: `limit_reached` cannot be.
const upToOne: readonly Row[] = [
  ['open', 'none', 'new', 'won'],
  ['open', 'none', null, 'won'],
  ['open', 'one', 'a', 'replayed'],
  ['open', 'one', 'new', 'replayed'],
  ['open', 'one', null, 'replayed'],
  ['paused', 'none', null, 'paused'],
  ['paused', 'one', null, 'replayed'],
  ['paused', 'one', 'new', 'replayed'],
  ['closed', 'none', null, 'closed'],
  ['closed', 'one', null, 'replayed'],
  ['closed', 'one', 'new', 'replayed'],
  ['closed by time', 'none', null, 'closed'],
  ['closed by time', 'one', 'new', 'replayed'],
  ['sold out', 'none', null, 'sold_out'],
  ['sold out', 'one', null, 'replayed'],
  ['sold out', 'one', 'new', 'replayed'],
  ['sold out, paused', 'none', null, 'paused'],
  ['sold out, closed', 'none', null, 'closed'],
  ['scheduled', 'none', null, 'not_open'],
  ['scheduled, paused', 'none', null, 'not_open'],
  ['scheduled, closed', 'none', null, 'closed'],
];

/** Leads event `drop` into `situation`, with the wins of `one` and `full` in it where it has been open. */
async function lead({ gate, clock }: GateBench, situation: Situation, limitPerUser: number): Promise<void> {
  const now = await gate.now();
  const isScheduled = situation.startsWith('scheduled');
  const closesAt = now + 2 * minuteMs;
  await openEvent(gate, { capacity: 5, limitPerUser, opensAt: isScheduled ? now + minuteMs : null, closesAt });
  if (!isScheduled) await sell(gate, situation.startsWith('sold out') ? 5 : 4, limitPerUser);
  if (situation.includes('paused')) await gate.command('drop', { act: 'pause' }, null);
  if (situation.endsWith('closed')) await gate.command('drop', { act: 'close' }, null);
  if (situation.includes('by time')) clock.step(2 * minuteMs);
}

async function sell(gate: Gate, places: number, limitPerUser: number): Promise<void> {
  const requests = [{ userId: 'one', key: 'a' }];
  if (limitPerUser === 2) requests.push({ userId: 'full', key: 'a' }, { userId: 'full', key: 'b' });
  while (requests.length < places) requests.push({ userId: `other-${requests.length}`, key: 'a' });
  await gate.admit('drop', requests);
}

function casesOf(rows: readonly Row[], limitPerUser: number): Record<string, GateCase> {
  const caseOf = ([situation, userId, key, expected]: Row): [string, GateCase] => {
    const run = async (bench: GateBench) => {
      await lead(bench, situation, limitPerUser);
      const before = await seen(bench.gate);
      assert.equal(verdict(await claim(bench.gate, userId, key)), expected);
      // A closing time that has passed is put on record by whoever meets it, which `seen` did.
      if (expected !== 'won') assert.deepEqual(await seen(bench.gate), before, 'a refusal or a replay writes nothing');
    };
    const name = `${situation}: a user with ${userId} and ${key === null ? 'no key' : `key ${key}`}: ${expected}`;
    return [name, needing(situation.includes('by time') ? ['clock'] : [], run)];
  };
  return Object.fromEntries(rows.map(caseOf));
}

export const precedenceUpToOne: GateConcern = { concern: 'precedence, one a user', cases: casesOf(upToOne, 1) };
export const precedenceUpToTwo: GateConcern = { concern: 'precedence, two a user', cases: casesOf(upToTwo, 2) };

export const rejections: GateConcern = {
  concern: 'what a rejection carries',
  cases: {
    'not_open says when it opens': async ({ gate }) => {
      const opensAt = (await gate.now()) + minuteMs;
      await openEvent(gate, { opensAt });
      const expected = { outcome: 'rejected', reason: 'not_open', wins: [], opensAt };
      assert.deepEqual(await claim(gate, 'alice'), expected);
    },
    'limit_reached shows the own wins, in order of nth': async ({ gate }) => {
      await openEvent(gate, { limitPerUser: 2 });
      await claim(gate, 'alice', 'a');
      await claim(gate, 'bob', 'a');
      await claim(gate, 'alice', 'b');
      const wins = await gate.winsOfUser('drop', 'alice');
      assert.deepEqual(
        wins.map(({ slot, nth }) => [slot, nth]),
        [
          [1, 1],
          [3, 2],
        ],
      );
      const expected = { outcome: 'rejected', reason: 'limit_reached', wins, opensAt: null };
      assert.deepEqual(await claim(gate, 'alice', 'c'), expected);
    },
    'the others carry nothing': async ({ gate }) => {
      await openEvent(gate, { capacity: 1 });
      await claim(gate, 'alice');
      const nothing = { outcome: 'rejected', wins: [], opensAt: null };
      assert.deepEqual(await claim(gate, 'bob'), { ...nothing, reason: 'sold_out' });
      await gate.command('drop', { act: 'pause' }, null);
      assert.deepEqual(await claim(gate, 'bob'), { ...nothing, reason: 'paused' });
      await gate.command('drop', { act: 'close' }, null);
      assert.deepEqual(await claim(gate, 'bob'), { ...nothing, reason: 'closed' });
    },
  },
};
