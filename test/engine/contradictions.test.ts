/** What the log says and the gate does not: it is no win, is kept until a person has explained it, and costs nobody a coupon. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import type { FailedIssuance } from '../../src/core/coupon.ts';
import { DibsError } from '../../src/core/errors.ts';
import type { WinsRecord } from '../../src/core/record.ts';
import type { Win } from '../../src/core/win.ts';
import { wrapGate } from '../../src/testing/canaries/wrap.ts';
import { troubleOf } from '../../src/testing/refusal.ts';
import { type Fleet, one, openFleet, type Process, slotsFrom, two } from './fleet.ts';

const evil = (slot: number, other: Partial<Win> = {}): Win => ({
  slot,
  userId: 'evil',
  nth: 1,
  claimId: `${slot}-x`,
  key: null,
  wonAt: 1,
  ...other,
});

/** Somebody else writes wins into the log of `one`. */
async function write(fleet: Fleet, ...wins: readonly Win[]): Promise<void> {
  const record: WinsRecord = { v: 1, type: 'wins', eventId: one, epoch: 1, revision: 1, wins };
  await fleet.log.append?.([record]);
}

const stopped = (fleet: Fleet): Promise<void> => fleet.until('it is stopped', () => fleet.data.stopped.has(one));

/** All that is in the log has been gone through. */
const read = (fleet: Fleet): Promise<void> =>
  fleet.until('the log has been gone through', async () => {
    const ends = await fleet.log.ends(null, 10);
    return ends.every(({ partition, end }) => end === '0' || fleet.data.positions.get(partition) === end);
  });

const noWins = (fleet: Fleet): FailedIssuance[] => fleet.failures().filter(({ userId }) => userId === 'evil');

async function pair(fleet: Fleet, gate?: (gate: Fleet['gate']) => Fleet['gate']): Promise<[Process, Process]> {
  const worker = gate === undefined ? {} : { gate };
  return [
    await fleet.open('api', { roles: ['claims'] }),
    await fleet.open('worker', { roles: ['issuing'], ...worker }),
  ];
}

/** An operator looks, gives up what is no win for a reason, and lets the event go on. */
async function mend(fleet: Fleet, { dibs }: Process): Promise<void> {
  await fleet.pass(2_100);
  const { findings } = await dibs.recoveryPlan(one);
  for (const { id } of noWins(fleet))
    assert.ok(
      findings.some(({ rule, message }) => rule === 'I2' && message.includes(`in failed issuance ${id}, which waits`)),
      JSON.stringify(findings),
    );
  await troubleOf('recovery_conflict', () => dibs.recover(one));
  for (const { id } of noWins(fleet)) {
    const discarded = await dibs.discard(id, 'written by hand');
    assert.deepEqual([discarded.state, discarded.slot], ['discarded', null]);
  }
  assert.deepEqual((await dibs.recoveryPlan(one)).findings, []);
  await dibs.recover(one);
  await fleet.pass(2_100);
}

/** Each of `u1` to `u<won>` has its own coupon, and no store says otherwise of it. */
async function whole(fleet: Fleet, process: Process, won: number): Promise<void> {
  await fleet.until('all come home', () => fleet.slots().length === won);
  await fleet.sound(process);
  assert.deepEqual(
    fleet.coupons().map(({ slot, userId }) => [slot, userId]),
    slotsFrom(1, won).map((slot) => [slot, `u${slot}`]),
  );
  const { issued, failed, discarded, unissued } = await process.dibs.audit(one);
  assert.deepEqual([issued, failed, discarded, unissued], [won, 0, 0, 0]);
}

/** What contradicts an event of which slots 1 to 4 are issued. */
const kinds: Readonly<Record<string, (fleet: Fleet) => readonly Win[]>> = {
  'another user on a slot that is issued': () => [evil(1)],
  'another user under the claim id of a slot that is issued': (fleet) => [
    evil(2, { claimId: fleet.coupons()[1]?.claimId ?? '' }),
  ],
  'a user who has a coupon, as another number on its slot': () => [evil(3, { userId: 'u3', nth: 2 })],
  'a claim id that stands, on the next slot': (fleet) => [evil(5, { claimId: fleet.coupons()[0]?.claimId ?? '' })],
  'a slot behind a gap': () => [evil(7)],
  'a slot beyond the capacity': () => [evil(900)],
  'several at once': () => [evil(4), evil(900, { nth: 2 })],
};

describe('a record of the log that contradicts the gate', () => {
  for (const [name, winsOf] of Object.entries(kinds)) {
    it(`stops its event, is no win, and is mended by discarding it: ${name}`, async (t) => {
      const fleet = openFleet(t);
      const [api, worker] = await pair(fleet);
      await fleet.drop(api, one, 4, { capacity: 20, limitPerUser: 2 });
      await fleet.drop(api, two, 3);
      await fleet.caughtUp();
      const wins = winsOf(fleet).map((win) => ({ ...win, wonAt: 7 }));
      await write(fleet, ...wins);
      await stopped(fleet);
      assert.deepEqual(
        fleet.failures().map(({ slot, userId }) => [slot, userId]),
        wins.map(({ userId }) => [null, userId]),
      );
      const { ok, won, issued, failed, discarded, unissued } = await worker.dibs.audit(one);
      assert.deepEqual([ok, won, issued, failed, discarded, unissued], [false, 4, 4, 0, 0, 0]);
      // Whoever had not heard of it yet has gone on deciding.
      await fleet.gate.admit(one, [{ userId: 'u5', key: 'k5' }]);
      await fleet.pass(2_100);
      for (const { id } of fleet.failures().filter(({ slot }) => slot === null)) {
        await troubleOf('reissue_refused', () => api.dibs.reissue(id));
        await api.dibs.discard(id, 'written by hand');
      }
      await api.dibs.recover(one);
      await fleet.pass(2_100);
      await fleet.win(api, one, 6, 9);
      await whole(fleet, worker, 9);
      await fleet.sound(api);
    });
  }

  it('refuses recovery until it is discarded, and is named by what it says', async (t) => {
    const fleet = openFleet(t);
    const [api, worker] = await pair(fleet);
    await fleet.drop(api, one, 1);
    await fleet.caughtUp();
    await write(fleet, evil(1));
    await stopped(fleet);
    await fleet.finds(
      worker,
      'I2',
      /^slot 1 is .* of u1 \(k1\) in the gate, 1-x of evil in failed issuance 1, which waits/,
    );
    await mend(fleet, api);
    await whole(fleet, worker, 1);
  });

  it('before the win of its slot takes nothing from it, though both are kept', async (t) => {
    const fleet = openFleet(t);
    const [api, worker] = await pair(fleet);
    await fleet.drop(api, one, 4);
    await fleet.caughtUp();
    await write(fleet, evil(2));
    await write(fleet, evil(5), evil(6, { nth: 2 }));
    await stopped(fleet);
    for (const user of [5, 6]) await fleet.gate.admit(one, [{ userId: `u${user}`, key: `k${user}` }]);
    await read(fleet);
    await fleet.until('all are kept', () => fleet.failures().length === 5);
    assert.deepEqual(
      fleet.failures().map(({ slot }) => slot),
      [null, null, null, 5, 6],
    );
    await mend(fleet, api);
    await whole(fleet, worker, 6);
  });

  it('that was issued before the win of its slot came is put right by a person, and the win comes home', async (t) => {
    const fleet = openFleet(t);
    const [api, worker] = await pair(fleet);
    await fleet.drop(api, one, 4);
    await fleet.caughtUp();
    await write(fleet, evil(5));
    await fleet.until('it is issued', () => fleet.slots().length === 5);
    await fleet.win(api, one, 5, 6);
    await stopped(fleet);
    await fleet.until('both are kept', () => fleet.failures().length === 2);
    const { unissued, issued, failed } = await fleet.finds(
      worker,
      'I14',
      /slot 5 is .* of u5 in the gate, 5-x of evil/,
    );
    assert.deepEqual([issued, failed, unissued], [5, 1, 0], 'one slot counts once');
    await fleet.pass(2_100);
    await troubleOf('recovery_conflict', () => api.dibs.recover(one));
    // What docs/many-machines.md tells to do, in one transaction.
    const record = JSON.stringify({ v: 1, type: 'wins', eventId: one, epoch: 1, revision: 1, wins: [evil(5)] });
    const settled = { attempts: 1, nextAttemptAt: null, state: 'discarded', reason: 'written by hand' } as const;
    fleet.data.coupons = fleet.data.coupons.filter(({ userId }) => userId !== 'evil');
    fleet.data.failures.push({ id: 99, eventId: one, slot: null, userId: 'evil', record, error: '', ...settled });
    await api.dibs.recover(one);
    await fleet.pass(2_100);
    await whole(fleet, worker, 6);
  });
});

describe('a gate that cannot tell', () => {
  const away = { gate: false };
  const unsteady = (gate: Fleet['gate']): Fleet['gate'] => {
    const asked = async <T>(act: () => Promise<T>): Promise<T> => {
      if (away.gate) throw new DibsError('unavailable');
      return act();
    };
    return wrapGate(gate, {
      winsOfUser: (...rest) => asked(() => gate.winsOfUser(...rest)),
      close: async () => undefined,
    });
  };

  /** Kept while the gate was away: a record of nobody's on slot 5, and the win of that slot behind it. */
  async function both(t: TestContext) {
    const fleet = openFleet(t);
    away.gate = false;
    const [api, worker] = await pair(fleet, unsteady);
    await fleet.drop(api, one, 4);
    await fleet.caughtUp();
    away.gate = true;
    await write(fleet, evil(2));
    await write(fleet, evil(5));
    await stopped(fleet);
    await read(fleet);
    await fleet.gate.admit(one, [{ userId: 'u5', key: 'k5' }]);
    await fleet.until('all are kept', () => fleet.failures().length === 3);
    return { fleet, api, worker };
  }

  it('has them hold what they may have won, and all comes right once it can', async (t) => {
    const { fleet, api, worker } = await both(t);
    assert.deepEqual(
      fleet.failures().map(({ slot, userId }) => [slot, userId]),
      [
        [2, 'evil'],
        [5, 'evil'],
        [null, 'u5'],
      ],
    );
    const { issued, failed, unissued } = await api.dibs.audit(one);
    assert.deepEqual([issued, failed, unissued], [4, 1, 0]);
    away.gate = false;
    await mend(fleet, api);
    await whole(fleet, worker, 5);
  });

  it('has nothing discarded of a stopped event, and never the win that holds no slot', async (t) => {
    const { fleet, api, worker } = await both(t);
    await fleet.pass(2_100);
    const [, second, win] = fleet.failures() as [FailedIssuance, FailedIssuance, FailedIssuance];
    for (const { id } of [second, win]) await troubleOf('unavailable', () => worker.dibs.discard(id, 'a test'));
    away.gate = false;
    await troubleOf('unavailable', () => api.dibs.discard(win.id, 'a test'));
    assert.ok(fleet.failures().every(({ state }) => state === 'waiting'));
  });

  it('because it was put back to an older copy is not believed that nobody has won', async (t) => {
    const fleet = openFleet(t);
    const [api] = await pair(fleet);
    await fleet.drop(api, one, 4);
    await fleet.caughtUp();
    const older = structuredClone(fleet.entry());
    await fleet.win(api, one, 5, 6);
    await fleet.caughtUp();
    const data = fleet.data;
    // Slot 6 failed, and its event is stopped for another reason.
    const [coupon] = data.coupons.filter(({ slot }) => slot === 6);
    const wins = [{ ...coupon, eventId: undefined, code: undefined, issuedAt: undefined }];
    const record = JSON.stringify({ v: 1, type: 'wins', eventId: one, epoch: 1, revision: 1, wins });
    data.coupons = data.coupons.filter(({ slot }) => slot !== 6);
    const rest = { attempts: 1, nextAttemptAt: 1, reason: null, error: '' };
    data.failures.push({ id: 1, eventId: one, slot: 6, userId: 'u6', record, state: 'waiting', ...rest });
    data.stopped.set(one, 'planted');
    Object.assign(fleet.entry(), older);
    await fleet.pass(2_100);
    await troubleOf('unavailable', () => api.dibs.discard(1, 'a test'));
    assert.equal(fleet.failures()[0]?.slot, 6);
  });
});

describe('whatever is written into the log beside the wins', () => {
  const wild = fc
    .record({
      slot: fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom(60, 900)),
      user: fc.constantFrom('evil', 'u1', 'u4', 'u6'),
      nth: fc.constantFrom(1, 2),
      claim: fc.constantFrom('own', 'first', 'fresh'),
    })
    // The claim of slot 1 of its own user is no other win, whatever else a record says of it.
    .filter(({ user, claim }) => user !== 'u1' || claim !== 'first');
  const step = fc.oneof(
    { weight: 2, arbitrary: fc.record({ act: fc.constant('wins' as const), count: fc.integer({ min: 1, max: 3 }) }) },
    {
      weight: 3,
      arbitrary: fc.record({
        act: fc.constant('write' as const),
        wins: fc.array(wild, { minLength: 1, maxLength: 2 }),
      }),
    },
  );

  it('costs nobody a coupon, gives none to anybody else, and is explained for good', async (t) => {
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (steps) => {
        runs += 1;
        const fleet = openFleet(t);
        const [api, worker] = await pair(fleet);
        await fleet.drop(api, one, 4, { capacity: 50, limitPerUser: 2 });
        await fleet.caughtUp();
        let won = 4;
        let serial = 0;
        for (const step of steps) {
          if (step.act === 'wins') {
            for (let n = 0; n < step.count; n += 1)
              await fleet.gate.admit(one, [{ userId: `u${(won += 1)}`, key: `k${won}` }]);
            continue;
          }
          // What would be issued before the gate comes to it is another matter: see above.
          const wins = step.wins.map(({ slot, user, nth, claim }): Win => {
            const claimId = {
              own: `${slot}-x`,
              first: fleet.coupons()[0]?.claimId ?? '',
              fresh: `${slot}-${(serial += 1)}`,
            };
            const isNext = slot > 4 && slot < 60;
            return evil(isNext ? 1 : slot, { userId: user, nth, claimId: claimId[claim] });
          });
          await write(fleet, ...wins);
          await fleet.pass(50);
        }
        await fleet.pass(2_100);
        await read(fleet);
        for (let tries = 0; fleet.data.stopped.has(one); tries += 1) {
          assert.ok(tries < 3, 'it is mended by what an operator can do');
          for (const { id, slot, state } of fleet.failures())
            if (slot === null && state === 'waiting') await api.dibs.discard(id, 'written by hand');
          await api.dibs.recover(one);
          await fleet.pass(2_100);
        }
        await fleet.win(api, one, won + 1, won + 2);
        await whole(fleet, worker, won + 2);
        await fleet.close();
      }),
      { numRuns: 25 },
    );
    assert.equal(runs, 25);
  });
});
