/** Stores that contradict each other stop what they contradict each other about, and nothing else; nothing is skipped. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { parseRecord, type WinsRecord } from '../../src/core/record.ts';
import { wrapLog } from '../../src/testing/canaries/wrap.ts';
import { troubleOf } from '../../src/testing/refusal.ts';
import { apart, type Fleet, one, openFleet, type Process, slotsFrom, three, two } from './fleet.ts';

/** Slot `slot` of an event is another's in the ledger. */
function plantCoupon(fleet: Fleet, slot: number, eventId: string = one): void {
  const win = { slot, userId: 'mallory', nth: 1, claimId: `${slot}-ffffffffffff`, key: null, wonAt: 1 };
  fleet.data.coupons.push({ ...win, eventId, code: 'C', issuedAt: 1 });
}

const unplant = (fleet: Fleet): void => {
  fleet.data.coupons = fleet.data.coupons.filter(({ userId }) => userId !== 'mallory');
};

/** The log does not have these slots of `one` before a position. */
function leaveOut(fleet: Fleet, slots: readonly number[], end = Number.POSITIVE_INFINITY): void {
  fleet.alter = (record, at) => {
    if (record.type !== 'wins' || record.eventId !== one || at >= end) return record;
    const wins = record.wins.filter(({ slot }) => !slots.includes(slot));
    return wins.length === 0 ? null : { ...record, wins };
  };
}

/** Every position is at the end of its partition. */
const moved = (fleet: Fleet): Promise<void> =>
  fleet.until('everything that is in the log has been gone through', async () => {
    const ends = await fleet.log.ends(null, 10);
    if (!ends.every(({ partition, end }) => end === '0' || fleet.data.positions.get(partition) === end)) return false;
    const lasts = await Promise.all([...fleet.events.keys()].map((id) => fleet.ledger.totals(id)));
    return [...fleet.events.values()].every(({ event }, index) => (lasts[index]?.lastSlot ?? 0) >= event.won);
  });

/** A process for claims, and a worker beside it. */
async function pair(fleet: Fleet): Promise<{ api: Process; worker: Process }> {
  return {
    api: await fleet.open('api', { roles: ['claims'] }),
    worker: await fleet.open('worker', { roles: ['issuing'] }),
  };
}

const claimOf = (user: number, eventId: string = one) => ({ eventId, userId: `u${user}`, key: `k${user}` });

/** `one` has 4 coupons and a contradiction at slot 6, of its 10 wins. */
async function conflicting(t: TestContext) {
  const fleet = openFleet(t);
  const { api, worker } = await pair(fleet);
  await fleet.drop(api, one, 4);
  await fleet.caughtUp();
  plantCoupon(fleet, 6);
  await fleet.win(api, one, 5, 10);
  await moved(fleet);
  return { fleet, api, worker };
}

describe('a contradiction with the ledger', () => {
  it('stops its event, whose wins are kept raw, and the others of the partition go on', async (t) => {
    const fleet = openFleet(t);
    const { api, worker } = await pair(fleet);
    await fleet.drop(api, one, 4);
    await fleet.caughtUp();
    plantCoupon(fleet, 6);
    await fleet.win(api, one, 5, 7);
    await fleet.drop(api, two, 20);
    await fleet.drop(api, three, 30);
    await fleet.drop(api, apart, 40);
    await moved(fleet);
    assert.deepEqual(fleet.slots(), [1, 2, 3, 4, 6], 'and slot 6 is as it was');
    for (const [id, won] of [
      [two, 20],
      [three, 30],
      [apart, 40],
    ] as const)
      assert.deepEqual(fleet.slots(id), slotsFrom(1, won));
    assert.deepEqual(
      fleet.failures().map(({ slot, userId, state, attempts }) => [slot, userId, state, attempts]),
      slotsFrom(5, 7).map((slot) => [slot, `u${slot}`, 'waiting', 1]),
    );
    for (const { slot, record, error } of fleet.failures()) {
      assert.deepEqual((parseRecord(record) as WinsRecord).wins, [fleet.entry().wins[(slot ?? 0) - 1]]);
      assert.match(error, /^The event is stopped: .*slot 6/);
    }
    assert.deepEqual([...fleet.data.stopped.keys()], [one]);
    assert.equal(worker.alarms.filter((alarm) => alarm.startsWith(`Event ${one} is stopped: `)).length, 1);
  });

  it('keeps whoever reissues from its wins, though another worker has found it out', async (t) => {
    const fleet = openFleet(t);
    const { api } = await pair(fleet);
    // Of the two, this one has the failed issuances by its name, and it issues nothing.
    await fleet.open('other', { roles: ['issuing'], log: (log) => wrapLog(log, { holds: () => false }) });
    await fleet.drop(api, one, 4);
    await fleet.caughtUp();
    plantCoupon(fleet, 6);
    await fleet.pass(1_000);
    await fleet.win(api, one, 5, 10);
    await fleet.until('they are kept', () => fleet.failures().length === 6);
    // What it looks for as each process does, every two seconds, comes later than they are due.
    for (const failure of fleet.failures()) Object.assign(failure, { nextAttemptAt: 0 });
    await fleet.pass(1_500);
    assert.deepEqual(fleet.slots(), [1, 2, 3, 4, 6]);
    assert.ok(fleet.failures().every(({ state, attempts }) => state === 'waiting' && attempts > 1));
  });

  it('is known to every process soon, and its event is served by none', async (t) => {
    const { fleet, api, worker } = await conflicting(t);
    await fleet.pass(2_100);
    for (const { dibs } of [api, worker]) {
      assert.equal((await dibs.getEvent(one)).state, 'recovering');
      assert.match((await dibs.recoveryPlan(one)).cause, /slot 6/);
    }
    await troubleOf('recovering', () => api.dibs.claim(claimOf(1)));
    await troubleOf('recovering', () => api.dibs.pauseEvent(one));
    assert.equal(fleet.entry().event.won, 10);
  });

  it('goes on keeping what was won before all had heard of it, each once', async (t) => {
    const { fleet, api } = await conflicting(t);
    // The relay that is started anew sends all that is left in the outbox once more.
    await fleet.win(api, one, 11, 13);
    await fleet.open('another', { roles: ['issuing'] });
    await moved(fleet);
    await fleet.pass(3_000);
    assert.deepEqual(
      fleet.failures().map(({ slot }) => slot),
      slotsFrom(5, 13),
    );
    assert.deepEqual(fleet.slots(), [1, 2, 3, 4, 6]);
  });

  it('of two events in one piece stops both, and a third goes on', async (t) => {
    const fleet = openFleet(t);
    const api = await fleet.open('api', { roles: ['claims'] });
    for (const id of [one, two, three]) {
      await fleet.drop(api, id, 6);
      if (id !== three) plantCoupon(fleet, 3, id);
    }
    // One reading gives all of them.
    await fleet.open('worker', { roles: ['issuing'] });
    await moved(fleet);
    assert.deepEqual(
      [...fleet.data.stopped.keys()].toSorted((a, b) => (a < b ? -1 : 1)),
      [two, one],
    );
    for (const id of [one, two]) {
      assert.deepEqual(fleet.slots(id), [3]);
      assert.equal(fleet.failures(id).length, 6);
    }
    assert.deepEqual(fleet.slots(three), slotsFrom(1, 6));
  });

  it('is remembered by a process that starts, and by one that takes the partition over before it was told', async (t) => {
    const { fleet, api, worker } = await conflicting(t);
    await fleet.win(api, one, 11, 12);
    await worker.kill();
    const heir = await fleet.open('heir', { roles: ['issuing'] });
    await fleet.pass(8_000);
    await moved(fleet);
    assert.deepEqual(fleet.slots(), [1, 2, 3, 4, 6]);
    assert.equal(fleet.failures().length, 8);
    assert.ok(heir.alarms.some((alarm) => alarm.startsWith(`Event ${one} waits for recovery`)));
    await fleet.close();
    const late = await fleet.open('late');
    await troubleOf('recovering', () => late.dibs.claim(claimOf(20)));
  });

  it('is known to a worker beside it from the moment on that it takes the partition over', async (t) => {
    const fleet = openFleet(t);
    const api = await fleet.open('api', { roles: ['claims'] });
    const has = { first: true, second: false };
    const holding = (name: keyof typeof has) => ({
      roles: ['issuing' as const],
      log: (log: Fleet['log']) => ({ ...log, holds: () => has[name] }),
    });
    await fleet.open('first', holding('first'));
    await fleet.open('second', holding('second'));
    await fleet.drop(api, one, 4);
    await fleet.caughtUp();
    plantCoupon(fleet, 6);
    await fleet.win(api, one, 5, 7);
    await fleet.until('it is stopped', () => fleet.data.stopped.has(one));
    has.first = false;
    has.second = true;
    await fleet.win(api, one, 8, 9);
    await moved(fleet);
    assert.deepEqual(fleet.slots(), [1, 2, 3, 4, 6]);
    assert.deepEqual(
      fleet.failures().map(({ slot }) => slot),
      slotsFrom(5, 9),
    );
  });
});

describe('a gap in the log', () => {
  it('stops its event from there on, and what stands before it is issued', async (t) => {
    const fleet = openFleet(t);
    const api = await fleet.open('api', { roles: ['claims'] });
    leaveOut(fleet, [5, 6]);
    await fleet.drop(api, one, 10);
    await fleet.drop(api, two, 10);
    await fleet.open('worker', { roles: ['issuing'] });
    await moved(fleet);
    assert.deepEqual(fleet.slots(), slotsFrom(1, 4));
    assert.deepEqual(
      fleet.failures().map(({ slot }) => slot),
      slotsFrom(7, 10),
    );
    assert.deepEqual([...fleet.data.stopped], [[one, 'the log goes on at slot 7 behind slot 4']]);
    assert.deepEqual(fleet.slots(two), slotsFrom(1, 10));
  });

  it('shows by an act as well, where no win follows', async (t) => {
    const fleet = openFleet(t);
    const api = await fleet.open('api', { roles: ['claims'] });
    leaveOut(fleet, [5, 6]);
    await fleet.drop(api, one, 4, { capacity: 6 });
    await fleet.win(api, one, 5, 6);
    await fleet.open('worker', { roles: ['issuing'] });
    await fleet.until('the first are issued', () => fleet.slots().length === 4);
    assert.deepEqual([...fleet.data.stopped], []);
    await api.dibs.closeEvent(one);
    await fleet.until('it is stopped', () => fleet.data.stopped.size === 1);
    assert.deepEqual([...fleet.data.stopped], [[one, 'the log is at slot 6 behind slot 4']]);
    // What could not be issued was not let go of.
    assert.ok(
      fleet.entry().outbox.some((record) => record.type === 'wins' && record.wins.some(({ slot }) => slot === 5)),
    );
  });
});

describe('a stopped event', () => {
  it('has nothing reissued, by hand or by the timer', async (t) => {
    const { fleet, api, worker } = await conflicting(t);
    const [failure] = fleet.failures();
    await fleet.pass(2_100);
    for (const { dibs } of [api, worker]) {
      const trouble = await troubleOf('reissue_refused', () => dibs.reissue(failure?.id ?? 0));
      assert.match(trouble.message, /^The event is stopped: /);
    }
    await fleet.pass(60_000);
    assert.deepEqual(fleet.slots(), [1, 2, 3, 4, 6]);
    const attempts = fleet.failures().map((one) => one.attempts);
    assert.ok(Math.min(...attempts) > 3 && Math.max(...attempts) < 15, `${attempts.join()} attempts`);
  });

  it('may have a win given up, which is not issued when its record comes again', async (t) => {
    const { fleet, api, worker } = await conflicting(t);
    const [, sixth] = fleet.failures();
    assert.equal((await api.dibs.discard(sixth?.id ?? 0, 'a test account')).slot, 6);
    unplant(fleet);
    await fleet.pass(2_100);
    await api.dibs.recover(one);
    // All that was in the outbox comes once more, of an event that is served again.
    await worker.close();
    const next = await fleet.open('next', { roles: ['issuing'] });
    await fleet.pass(5_000);
    await fleet.until('the others come home', () => fleet.slots().length === 9);
    await fleet.sound(next);
    assert.equal(fleet.failures()[1]?.state, 'discarded');
    const { discarded, issued } = await api.dibs.audit(one);
    assert.deepEqual([discarded, issued], [1, 9]);
  });

  it('is served again only once nothing contradicts any more, and then what was kept comes home', async (t) => {
    const { fleet, api, worker } = await conflicting(t);
    await fleet.pass(2_100);
    const plan = await api.dibs.recoveryPlan(one);
    assert.equal(plan.needed, true);
    assert.ok(
      plan.findings.some(({ message }) => message.includes('slot 6')),
      JSON.stringify(plan.findings),
    );
    for (const { dibs } of [api, worker]) await troubleOf('recovery_conflict', () => dibs.recover(one));
    assert.equal(fleet.data.stopped.size, 1);
    unplant(fleet);
    const mended = await api.dibs.recoveryPlan(one);
    assert.deepEqual([mended.needed, mended.findings, mended.after.won], [true, [], 10]);
    const before = fleet.entry();
    const event = await api.dibs.recover(one);
    assert.deepEqual([event.state, event.won, event.revision], ['open', 10, 1]);
    assert.equal(fleet.entry(), before, 'the gate is left as it was');
    assert.equal(fleet.data.stopped.size, 0);
    await fleet.pass(2_100);
    await fleet.win(api, one, 11, 12);
    await fleet.until('all come home', () => fleet.slots().length === 12);
    await fleet.sound(worker);
    assert.ok(fleet.failures().every(({ state }) => state === 'reissued'));
    await troubleOf('not_recovering', () => api.dibs.recover(one));
  });

  it('by a gap comes home once its outbox was sent again', async (t) => {
    const fleet = openFleet(t);
    const api = await fleet.open('api', { roles: ['claims'] });
    leaveOut(fleet, [5, 6]);
    await fleet.drop(api, one, 4);
    await fleet.win(api, one, 5, 10);
    const worker = await fleet.open('worker', { roles: ['issuing'] });
    await moved(fleet);
    await fleet.pass(2_100);
    await troubleOf('recovery_conflict', () => api.dibs.recover(one));
    // What comes into the log from here on stays there, and a worker that is started anew sends what is in the outbox.
    leaveOut(fleet, [5, 6], Number(fleet.data.positions.get(fleet.log.partitionOf(one))));
    await worker.close();
    const next = await fleet.open('next', { roles: ['issuing'] });
    await fleet.until('the missing ones are kept', () => fleet.failures().length === 6);
    assert.deepEqual(fleet.slots(), slotsFrom(1, 4));
    await api.dibs.recover(one);
    await fleet.pass(2_100);
    await fleet.until('all come home', () => fleet.slots().length === 10);
    await fleet.sound(next);
  });

  it('whose log keeps for ever what was wrong in it is served again all the same', async (t) => {
    const fleet = openFleet(t);
    const { api, worker } = await pair(fleet);
    await fleet.drop(api, one, 4);
    await fleet.caughtUp();
    // As a relay that was paused with records in hand while the gate was lost and rebuilt.
    const stray = (await fleet.logged()).findLast((record) => record.type === 'wins') as WinsRecord;
    const wins = [{ slot: 5, userId: 'ghost', nth: 1, claimId: '5-ffffffffffff', key: null, wonAt: 1 }];
    await fleet.log.append?.([{ ...stray, wins }]);
    await fleet.until('it is issued', () => fleet.slots().length === 5);
    await fleet.win(api, one, 5, 6);
    await fleet.until('it is stopped', () => fleet.data.stopped.size === 1);
    await fleet.pass(2_100);
    await troubleOf('recovery_conflict', () => api.dibs.recover(one));
    fleet.data.coupons = fleet.data.coupons.filter(({ userId }) => userId !== 'ghost');
    await api.dibs.recover(one);
    await fleet.pass(2_100);
    await fleet.until('all come home', () => fleet.slots().length === 6);
    assert.equal(fleet.coupons()[4]?.userId, 'u5');
    await fleet.finds(worker, 'I14', /slot 5 is .* of u5 .*in the gate, 5-ffffffffffff of ghost in the log/);
  });
});
