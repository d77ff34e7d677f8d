/** Recovery where the log is a store of its own: what only the log has comes back, and every process goes on from there. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { wrapGate, wrapLedger, wrapLog } from '../../src/testing/canaries/wrap.ts';
import { fenceModelEvent } from '../../src/testing/model-gate.ts';
import { troubleOf } from '../../src/testing/refusal.ts';
import { Fleet, one, openFleet, type Process, slotsFrom, two } from './fleet.ts';
import { latch, unavailable } from './fixture.ts';

/** Two processes whose log and ledger a test takes away: `api` decides claims, `worker` relays and issues. */
async function pair(fleet: Fleet) {
  const away = { ledger: false, log: false };
  const api = await fleet.open('api', { roles: ['claims'] });
  const worker = await fleet.open('worker', {
    roles: ['issuing'],
    log: (log) =>
      wrapLog(log, { append: (records) => (away.log ? unavailable() : (log.append?.(records) ?? unavailable())) }),
    ledger: (ledger) => wrapLedger(ledger, { issue: (batch) => (away.ledger ? unavailable() : ledger.issue(batch)) }),
  });
  return { api, worker, away };
}

const relayed = (fleet: Fleet, won: number): Promise<void> =>
  fleet.until('they are in the log', async () =>
    (await fleet.logged()).some((record) => record.type === 'wins' && record.wins.at(-1)?.slot === won),
  );

/** Slots 1 to 4 are issued, 5 to 7 are in the log, 8 and 9 only in the gate; acts at 2, 6 and 9 make revisions 2 to 5. */
async function spread(t: TestContext) {
  const fleet = openFleet(t);
  const { api, worker, away } = await pair(fleet);
  await fleet.drop(api, one, 2, { capacity: 20 });
  await api.dibs.pauseEvent(one);
  await api.dibs.resumeEvent(one);
  await fleet.win(api, one, 3, 4);
  await fleet.drop(api, two, 2);
  await fleet.sound(worker);
  away.ledger = true;
  await fleet.win(api, one, 5, 6);
  await api.dibs.changeEvent(one, { capacity: 30 });
  await fleet.win(api, one, 7, 7);
  await relayed(fleet, 7);
  away.log = true;
  await fleet.win(api, one, 8, 9);
  await api.dibs.changeEvent(one, { capacity: 40 });
  const wins = fleet.entry().wins;
  const back = (stores: Partial<typeof away> = { ledger: false, log: false }): void => void Object.assign(away, stores);
  return { fleet, api, worker, wins, back };
}

const key = (user: number, eventId: string = one) => ({ eventId, userId: `u${user}`, key: `k${user}` });

/** Everybody who is told of a win is told of the same still. */
async function areKept(fleet: Fleet, process: Process, count: number): Promise<void> {
  for (const user of slotsFrom(1, count)) {
    const decision = await process.dibs.claim(key(user));
    assert.deepEqual(
      decision.outcome === 'won' && [decision.replayed, decision.claim.slot],
      [true, user],
      `u${user}: ${JSON.stringify(decision)}`,
    );
  }
  const [next] = await fleet.win(process, one, count + 1, count + 1);
  assert.equal(next?.slot, count + 1);
}

describe('a gate that is gone', () => {
  it('is told by its plan: what outbox, log and ledger hold', async (t) => {
    const { fleet, api } = await spread(t);
    fleet.events.delete(one);
    await troubleOf('recovering', () => api.dibs.claim(key(1)));
    const { gate, outbox, log, ledger, after } = await api.dibs.recoveryPlan(one);
    assert.deepEqual(
      { gate, outbox, log, won: ledger.won, next: after.nextSlot },
      { gate: null, outbox: { wins: 0, lastSlot: 0 }, log: { wins: 3, lastSlot: 7, revision: 4 }, won: 4, next: 8 },
    );
  });

  it('is rebuilt once, by whichever of two processes is asked, and loses nothing that is won in between', async (t) => {
    const { fleet, api, back } = await spread(t);
    const { opened, open } = latch();
    let isSlow = false;
    const other = await fleet.open('other', {
      roles: ['claims'],
      // It has read what log and ledger have, and is slow to do something about it.
      gate: (gate) =>
        wrapGate(gate, {
          async restore(restoration) {
            isSlow = true;
            await opened;
            return gate.restore(restoration);
          },
        }),
    });
    fleet.events.delete(one);
    await troubleOf('recovering', () => api.dibs.claim(key(1)));
    await troubleOf('recovering', () => other.dibs.claim(key(1)));
    const second = troubleOf('not_recovering', () => other.dibs.recover(one));
    await fleet.until('it has read', () => isSlow);
    await api.dibs.recover(one);
    await fleet.win(api, one, 8, 12);
    open();
    await second;
    await areKept(fleet, other, 12);
    back();
    await fleet.pass(2_100);
    await fleet.sound(api);
  });

  it('needs nothing more of a process that has not heard of its recovery yet', async (t) => {
    const { fleet, api, back } = await spread(t);
    const other = await fleet.open('other', { roles: ['claims'] });
    fleet.events.delete(one);
    await troubleOf('recovering', () => api.dibs.claim(key(1)));
    await troubleOf('recovering', () => other.dibs.claim(key(1)));
    await api.dibs.recover(one);
    await fleet.win(api, one, 8, 8);
    await troubleOf('not_recovering', () => other.dibs.recover(one));
    assert.equal((await other.dibs.recoveryPlan(one)).needed, false);
    await areKept(fleet, other, 8);
    back();
    await fleet.pass(2_100);
    await fleet.sound(api);
  });

  it('comes back with what ledger and log have: the log’s wins and revisions too', async (t) => {
    const { fleet, api, worker, back } = await spread(t);
    fleet.events.delete(one);
    await troubleOf('recovering', () => api.dibs.claim(key(1)));
    const plan = await api.dibs.recoveryPlan(one);
    assert.deepEqual([plan.gate, plan.ledger.won, plan.after], [null, 4, { won: 7, remaining: 23, nextSlot: 8 }]);
    assert.match(plan.lost, /^Wins behind slot 7 that were acknowledged and had reached neither log nor ledger/);
    const event = await api.dibs.recover(one);
    assert.deepEqual([event.won, event.capacity, event.revision, event.state], [7, 30, 5, 'open']);
    await areKept(fleet, api, 7);
    back();
    await fleet.pass(2_100);
    await fleet.sound(worker);
    await fleet.sound(api);
    assert.deepEqual(fleet.slots(), slotsFrom(1, 8));
    assert.deepEqual(fleet.slots(two), [1, 2]);
  });

  /** Where the log is back first it has all of the outbox anew; else the ledger trims what it knows before that is sent. */
  for (const [name, isLogFirst] of [
    ['and hears of the last one whole', true],
    ['and hears of its end alone', false],
  ] as const) {
    it(`is rebuilt again and again, though the log has heard of none of it, ${name}`, async (t) => {
      const { fleet, api, worker, back } = await spread(t);
      for (let loss = 0; loss < 3; loss += 1) {
        fleet.events.delete(one);
        await troubleOf('recovering', () => api.dibs.claim(key(1)));
        assert.equal((await api.dibs.recover(one)).revision, 5 + loss);
      }
      await api.dibs.pauseEvent(one);
      await api.dibs.resumeEvent(one);
      await areKept(fleet, api, 7);
      if (isLogFirst) back({ log: false });
      if (isLogFirst) await relayed(fleet, 8);
      back();
      await fleet.pass(2_100);
      await fleet.sound(worker);
      const recoveries = (await fleet.logged()).filter((record) => record.type === 'event' && record.act === 'recover');
      assert.equal(recoveries.length, isLogFirst ? 2 : 1);
    });
  }

  it('says that nothing is lost where ledger and log have every place', async (t) => {
    const fleet = openFleet(t);
    const { api, away } = await pair(fleet);
    away.ledger = true;
    await fleet.drop(api, one, 5, { capacity: 5 });
    await relayed(fleet, 5);
    fleet.events.delete(one);
    await troubleOf('recovering', () => api.dibs.claim(key(1)));
    assert.equal((await api.dibs.recoveryPlan(one)).lost, 'Nothing: ledger and log have every place.');
    await api.dibs.recover(one);
    const late = await api.dibs.claim(key(6));
    assert.equal(late.outcome === 'rejected' && late.reason, 'sold_out');
  });

  it('keeps failed and given up wins what they are', async (t) => {
    const fleet = openFleet(t);
    const { api, worker } = await pair(fleet);
    for (const slot of [2, 3]) fleet.data.refused.add(`${one} ${slot}`);
    await fleet.drop(api, one, 5);
    await fleet.sound(worker);
    await api.dibs.discard(fleet.failures()[0]?.id ?? 0, 'a test account');
    fleet.events.delete(one);
    await troubleOf('recovering', () => api.dibs.claim(key(1)));
    await api.dibs.recover(one);
    await areKept(fleet, api, 5);
    fleet.data.refused.clear();
    await fleet.pass(4_000);
    await fleet.sound(worker);
    const report = await worker.dibs.audit(one);
    assert.deepEqual([report.issued, report.failed, report.discarded], [5, 0, 1]);
  });
});

describe('a gate that was wiped', () => {
  it('is told to whoever lists events or watches, though nobody has claimed', async (t) => {
    const { fleet, api, worker } = await spread(t);
    for (let event = 1; event <= 30; event += 1)
      await api.dibs.createEvent({ id: `other-${event}`, name: 'Another drop', capacity: 5 });
    fleet.events.clear();
    const { items } = await api.dibs.listEvents();
    assert.deepEqual([items.length, new Set(items.map(({ state }) => state))], [32, new Set(['recovering'])]);
    await fleet.pass(4_000);
    for (const { dibs, alarms } of [api, worker]) {
      assert.equal((await dibs.figures()).recovering, 32);
      const told = alarms.filter((alarm) => alarm.includes('wait'));
      assert.equal(told.length, 21);
      assert.match(told[0] ?? '', /^Event \S+ waits for recovery \(dibs recover \S+\): The gate has lost this event/);
      assert.match(told[20] ?? '', /^12 more events wait for recovery/);
    }
    await api.dibs.recover(one);
    await fleet.pass(4_000);
    assert.equal((await worker.dibs.figures()).recovering, 31);
    assert.equal(worker.alarms.filter((alarm) => alarm.includes('wait')).length, 21, 'nothing is told twice');
  });

  it('lists what it has while the ledger is away', async (t) => {
    const { fleet } = await spread(t);
    let isAway = false;
    const api = await fleet.open('b', {
      roles: ['claims'],
      ledger: (ledger) =>
        wrapLedger(ledger, { events: (...query) => (isAway ? unavailable() : ledger.events(...query)) }),
    });
    isAway = true;
    assert.deepEqual(
      (await api.dibs.listEvents()).items.map(({ id }) => id),
      [two, one],
    );
  });
});

describe('a gate that is an older copy', () => {
  it('says of no claim that there is none', async (t) => {
    const { fleet } = await spread(t);
    const [lister, getter] = [
      await fleet.open('b', { roles: ['claims'] }),
      await fleet.open('c', { roles: ['claims'] }),
    ];
    const entry = fleet.entry();
    const { userId, claimId } = entry.wins[4] ?? assert.fail('there should be five');
    const { outbox, event } = entry;
    entry.wins = entry.wins.slice(0, 2);
    entry.event = { ...event, won: 2, fenced: true };
    entry.outbox = outbox.slice(0, 1);
    // The first that each of these processes hears of it.
    await troubleOf('recovering', () => lister.dibs.listClaims(one, userId));
    await troubleOf('recovering', () => getter.dibs.getClaim(one, claimId));
  });

  it('waits where the log has more than it, and keeps what it alone has', async (t) => {
    const { fleet, api, worker, wins, back } = await spread(t);
    const entry = fleet.entry();
    // Slots 1 to 6 and 8 are left, of revision 1.
    entry.wins = wins.slice(0, 6);
    entry.outbox = [];
    entry.event = { ...entry.event, won: 6, revision: 1, spec: { ...entry.event.spec, capacity: 20 } };
    fenceModelEvent(fleet.events, one);
    await troubleOf('recovering', () => api.dibs.claim(key(1)));
    const plan = await api.dibs.recoveryPlan(one);
    assert.match(plan.cause, /revision 1, ledger or log at 4/);
    assert.deepEqual([plan.gate, plan.after.won], [{ won: 6, revision: 1 }, 7]);
    await api.dibs.recover(one);
    await areKept(fleet, api, 7);
    back();
    await fleet.pass(2_100);
    await fleet.sound(worker);
  });

  it('that has lost a part has its outbox and its users put together', async (t) => {
    const { fleet, api, worker, wins, back } = await spread(t);
    const entry = fleet.entry();
    // The users of the last wins are gone, which the outbox has still.
    entry.wins = wins.slice(0, 5);
    fleet.events.set(one, entry);
    fenceModelEvent(fleet.events, one);
    const gate = fleet.gate.wins.bind(fleet.gate);
    fleet.gate.wins = async (eventId, after, limit) =>
      eventId === one ? wins.slice(Math.max(4, after), after + limit) : gate(eventId, after, limit);
    const unfence = fleet.gate.unfence.bind(fleet.gate);
    fleet.gate.unfence = async (eventId, cover) => eventId !== one && unfence(eventId, cover);
    await troubleOf('recovering', () => api.dibs.claim(key(1)));
    assert.equal((await api.dibs.recoveryPlan(one)).after.won, 9);
    const event = await api.dibs.recover(one);
    assert.deepEqual([event.capacity, event.revision], [40, 6], 'its own latest act is kept');
    Object.assign(fleet.gate, { wins: gate, unfence });
    await areKept(fleet, api, 9);
    back();
    await fleet.pass(2_100);
    await fleet.sound(worker);
  });

  it('is served at once, unasked, where it covers ledger and log', async (t) => {
    const { fleet, api, worker, back } = await spread(t);
    fenceModelEvent(fleet.events, one);
    fenceModelEvent(fleet.events, two);
    await areKept(fleet, api, 9);
    await troubleOf('not_recovering', () => api.dibs.recover(one));
    back();
    await fleet.sound(worker);
    assert.equal(fleet.entry(two).event.fenced, undefined, 'without anybody who asks for it');
  });

  it('and contradicts the log is left as it is', async (t) => {
    const { fleet, api } = await spread(t);
    const entry = fleet.entry();
    const { outbox, event } = entry;
    const mallory = { slot: 6, userId: 'mallory', nth: 1, claimId: '6-ffffffffffff', key: null, wonAt: 1 };
    entry.wins = entry.wins.map((win) => (win.slot === 6 ? mallory : win)).slice(0, 6);
    entry.event = { ...event, won: 6, fenced: true };
    entry.outbox = outbox.slice(0, 1);
    await troubleOf('recovering', () => api.dibs.claim(key(1)));
    const trouble = await troubleOf('recovery_conflict', () => api.dibs.recover(one));
    assert.match(trouble.message, /slot 6 is 6-ffffffffffff of mallory in the gate, .* of u6 in the log/);
    assert.equal(fleet.entry().event.won, 6);
    await troubleOf('recovering', () => api.dibs.claim(key(1)));
  });

  it('of an event that the ledger was never told of comes back by itself and the log', async (t) => {
    const fleet = openFleet(t);
    const away = { ledger: true };
    const api = await fleet.open('api', {
      ledger: (ledger) =>
        wrapLedger(ledger, {
          putEvent: (event) => (away.ledger ? unavailable() : ledger.putEvent(event)),
          issue: (batch) => (away.ledger ? unavailable() : ledger.issue(batch)),
        }),
      // It has lost a part of the event, which no store can show.
      gate: (gate) => wrapGate(gate, { unfence: async () => false }),
    });
    await troubleOf('unavailable', () => api.dibs.createEvent({ id: one, name: 'A drop', capacity: 9 }));
    await fleet.win(api, one, 1, 3);
    await relayed(fleet, 3);
    fenceModelEvent(fleet.events, one);
    await troubleOf('recovering', () => api.dibs.claim(key(1)));
    away.ledger = false;
    const plan = await api.dibs.recoveryPlan(one);
    assert.deepEqual([plan.needed, plan.findings], [true, []]);
    const event = await api.dibs.recover(one);
    assert.deepEqual([event.won, event.capacity], [3, 9]);
    await areKept(fleet, api, 3);
    await fleet.sound(api);
  });
});

describe('any history of losses', () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ what: fc.constant('win' as const), count: fc.integer({ min: 1, max: 9 }) }) },
    { weight: 3, arbitrary: fc.record({ what: fc.constant('pass' as const), count: fc.integer({ min: 1, max: 60 }) }) },
    {
      weight: 2,
      arbitrary: fc.record({
        what: fc.constantFrom('act', 'lose', 'fence', 'log', 'ledger', 'worker'),
        count: fc.constant(1),
      }),
    },
  );

  it('keeps each win that ledger or log has had, once and of one user', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 6, maxLength: 25 }), async (steps) => {
        const fleet = new Fleet();
        const first = await pair(fleet);
        const { api } = first;
        let { worker, away } = first;
        await fleet.drop(api, one);
        let users = 0;
        let workers = 0;
        /** The user of each slot that was in the log, or in the ledger. */
        const had = new Map<number, string>();
        const note = async (): Promise<void> => {
          for (const record of await fleet.logged())
            for (const win of record.type === 'wins' ? record.wins : []) {
              assert.equal(had.get(win.slot) ?? win.userId, win.userId, `slot ${win.slot}`);
              had.set(win.slot, win.userId);
            }
        };
        for (const { what, count } of steps) {
          if (what === 'win')
            for (let claim = 0; claim < count; claim += 1)
              await api.dibs.claim({ eventId: one, userId: `u${(users += 1)}`, key: 'k' });
          else if (what === 'pass') await fleet.pass(count * 10);
          else if (what === 'act') await api.dibs.changeEvent(one, { name: `At ${fleet.clock.now() + users}` });
          else if (what === 'log') away.log = !away.log;
          else if (what === 'ledger') away.ledger = !away.ledger;
          else if (what === 'fence') fenceModelEvent(fleet.events, one);
          else if (what === 'worker') {
            await worker.close();
            const next = await fleet.open(`worker-${(workers += 1)}`, { roles: ['issuing'] });
            [worker, away] = [next, { ledger: false, log: false }];
          } else {
            await note();
            fleet.events.delete(one);
            await troubleOf('recovering', () => api.dibs.claim(key(1)));
            await api.dibs.recover(one);
            // What had reached nobody is lost, and its slots are given anew.
            assert.equal(fleet.entry().event.won, Math.max(0, ...had.keys()));
          }
        }
        Object.assign(away, { ledger: false, log: false });
        await fleet.pass(2_100);
        await fleet.sound(worker);
        await note();
        for (const coupon of fleet.coupons()) assert.equal(had.get(coupon.slot), coupon.userId);
        assert.equal(fleet.coupons().length, fleet.entry().event.won);
        assert.deepEqual([...fleet.data.stopped], []);
        await fleet.close();
      }),
      { numRuns: 30 },
    );
  });
});
