/** A gate that is gone: what the ledger knows is rebuilt, nothing of it is sold again, and the event goes on. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { EventView } from '../../src/engine/views.ts';
import { wrapLedger } from '../../src/testing/canaries/wrap.ts';
import { troubleOf } from '../../src/testing/refusal.ts';
import { latch, openRig, type Rig, type RigOptions, unavailable } from './fixture.ts';

const minute = 60_000;

/** The gate's disk was replaced; the ledger's was not. */
async function loseGate(rig: Rig, options: RigOptions = {}): Promise<void> {
  await rig.close();
  await rig.lose('gate.db');
  await rig.open(options);
}

/** Recovers `drop`; what it is then is what it was, but for the revision, and it reaches the ledger. */
async function recovered(rig: Rig, before: EventView): Promise<EventView> {
  assert.equal((await rig.dibs.getEvent('drop')).state, 'recovering');
  const plan = await rig.dibs.recoveryPlan('drop');
  assert.deepEqual([plan.needed, plan.findings], [true, []]);
  const after = await rig.dibs.recover('drop');
  assert.deepEqual({ ...after, revision: 0 }, { ...before, revision: 0, serverTime: after.serverTime });
  assert.ok(after.revision > before.revision, `${after.revision} after ${before.revision}`);
  assert.deepEqual([after.won, after.remaining, after.won + 1], Object.values(plan.after));
  const kept = await rig.ledger.event('drop');
  assert.equal(kept?.revision, after.revision);
  const recoveredAt = rig.clock.now();
  await rig.caughtUp();
  assert.ok(rig.clock.now() - recoveredAt < 1000, 'its record does not wait for a sweep');
  await rig.soundAudit();
  await troubleOf('not_recovering', () => rig.dibs.recover('drop'));
  assert.equal((await rig.dibs.recoveryPlan('drop')).needed, false);
  return after;
}

async function slotOf(rig: Rig, userId: string, key: string): Promise<[slot: number, replayed: boolean] | string> {
  const decision = await rig.dibs.claim({ eventId: 'drop', userId, key });
  return decision.outcome === 'won' ? [decision.claim.slot, decision.replayed] : decision.reason;
}

/** An event with `won` wins that have reached the ledger. */
async function issued(t: TestContext, won: number): Promise<Rig> {
  const rig = await openRig(t);
  await rig.drop({ capacity: 100 }, won);
  await rig.caughtUp();
  return rig;
}

describe('while an event waits for recovery', () => {
  it('nothing is decided, changed or made anew, and what was issued can be read', async (t) => {
    const rig = await issued(t, 5);
    await rig.drop({ id: 'never-claimed' });
    await rig.caughtUp('never-claimed');
    await loseGate(rig);
    const { dibs } = rig;
    const acts: (() => Promise<unknown>)[] = [
      () => dibs.claim({ eventId: 'drop', userId: 'u1' }),
      () => dibs.claim({ eventId: 'drop', userId: 'new' }),
      () => dibs.createEvent({ id: 'drop', name: 'A drop', capacity: 100 }),
      () => dibs.changeEvent('drop', { capacity: 200 }),
      () => dibs.pauseEvent('drop'),
      () => dibs.resumeEvent('drop'),
      () => dibs.closeEvent('drop'),
      () => dibs.getClaim('drop', '1-000000000000'),
      () => dibs.listClaims('drop', 'u1'),
      () => dibs.audit('drop'),
    ];
    for (const act of acts) {
      const trouble = await troubleOf('recovering', act);
      assert.equal(trouble.retryable, true);
    }
    const { state, won, remaining, revision } = await dibs.getEvent('drop');
    assert.deepEqual({ state, won, remaining, revision }, { state: 'recovering', won: 5, remaining: 95, revision: 1 });
    assert.equal((await dibs.listCoupons('drop')).items.length, 5);
    assert.equal((await dibs.getEvent('never-claimed')).state, 'recovering');
    assert.deepEqual(await rig.gate.list(null, 10), []);
  });

  it('the plan says what there is, what would be, and what no store has', async (t) => {
    const rig = await issued(t, 5);
    await rig.reopen({ roles: ['claims'] });
    await rig.win('drop', 6, 9);
    await loseGate(rig);
    const plan = await rig.dibs.recoveryPlan('drop');
    assert.match(plan.cause, /lost/);
    assert.match(plan.lost, /behind slot 5\b/);
    assert.deepEqual(
      { ...plan, cause: '', lost: '' },
      {
        eventId: 'drop',
        needed: true,
        cause: '',
        gate: null,
        outbox: { wins: 0, lastSlot: 0 },
        log: null,
        ledger: { won: 5, revision: 1, issued: 5, failed: 0, discarded: 0 },
        after: { won: 5, remaining: 95, nextSlot: 6 },
        lost: '',
        findings: [],
      },
    );
    assert.deepEqual(await rig.dibs.recoveryPlan('drop'), plan, 'looking changes nothing');
    assert.deepEqual(await rig.gate.events(['drop']), [null]);
  });

  it('another event goes on', async (t) => {
    const rig = await issued(t, 5);
    await loseGate(rig);
    await rig.drop({ id: 'other' }, 3);
    assert.equal((await rig.soundAudit('other')).issued, 3);
    await rig.dibs.recover('drop');
    assert.equal((await rig.soundAudit('other')).issued, 3);
  });
});

describe('recovery is refused', () => {
  it('of what is served, and of what there is not', async (t) => {
    const rig = await issued(t, 5);
    await troubleOf('not_recovering', () => rig.dibs.recover('drop'));
    await troubleOf('event_not_found', () => rig.dibs.recover('none'));
    assert.deepEqual((await rig.dibs.recoveryPlan('drop')).gate, { won: 5, revision: 1 });
    assert.equal((await rig.soundAudit()).won, 5);
  });

  for (const [name, sql, rule] of [
    ['a coupon that is gone', 'DELETE FROM coupons WHERE slot = 3', 'I8'],
    ['coupons that are gone from the end', 'DELETE FROM coupons WHERE slot > 3', 'I6'],
    ['all coupons gone', 'DELETE FROM coupons', 'I6'],
    ['a coupon beyond the capacity', 'UPDATE coupons SET slot = 101 WHERE slot = 5', 'I8'],
    ['a user with more wins than a user may', "UPDATE coupons SET user_id = 'u1', nth = 2 WHERE slot = 5", 'I8'],
    ['a number that does not follow', 'UPDATE coupons SET nth = 2 WHERE slot = 5', 'I8'],
    ['a failed issuance that cannot be read', "UPDATE failed_issuances SET record = '{'", 'I6'],
  ] as const) {
    it(`by a ledger that contradicts itself: ${name}`, async (t) => {
      const rig = await openRig(t, { roles: ['claims'] });
      await rig.drop({ capacity: 100 }, 5);
      rig.plant([4]);
      await rig.reopen();
      await rig.caughtUp();
      await loseGate(rig);
      rig.operate('ledger.db', sql);
      const trouble = await troubleOf('recovery_conflict', () => rig.dibs.recover('drop'));
      const { findings } = await rig.dibs.recoveryPlan('drop');
      assert.deepEqual(trouble.details['findings'], findings);
      assert.ok(
        findings.some((finding) => finding.rule === rule),
        JSON.stringify(findings),
      );
      assert.deepEqual(await rig.gate.events(['drop']), [null], 'nothing was rebuilt');
      await troubleOf('recovering', () => rig.dibs.claim({ eventId: 'drop', userId: 'u1' }));
    });
  }
});

describe('recovery of an event whose gate is lost', () => {
  it('that nobody has claimed begins at slot 1', async (t) => {
    const rig = await openRig(t);
    await rig.drop({ capacity: 3 });
    await rig.caughtUp();
    const before = await rig.dibs.getEvent('drop');
    await loseGate(rig);
    await recovered(rig, before);
    assert.deepEqual(await slotOf(rig, 'u1', 'a'), [1, false]);
    assert.equal((await rig.soundAudit()).issued, 1);
  });

  it('before its first record was read goes on as well', async (t) => {
    const rig = await openRig(t, { roles: ['claims'] });
    await rig.drop({ capacity: 3 });
    const before = await rig.dibs.getEvent('drop');
    await loseGate(rig);
    await recovered(rig, before);
    assert.deepEqual(await slotOf(rig, 'u1', 'a'), [1, false]);
    assert.equal((await rig.soundAudit()).issued, 1);
  });

  it('goes on behind the last slot that the ledger has', async (t) => {
    const rig = await issued(t, 5);
    const before = await rig.dibs.getEvent('drop');
    const codes = await rig.codes();
    await rig.reopen({ roles: ['claims'] });
    await rig.win('drop', 6, 9);
    await loseGate(rig);
    await recovered(rig, before);
    assert.deepEqual(await rig.codes(), codes);
    assert.deepEqual(await slotOf(rig, 'u6', 'k6'), [6, false], 'what no store has is claimed anew');
    await rig.win('drop', 7, 20);
    assert.equal((await rig.soundAudit()).issued, 20);
  });

  it('keeps what each user has, to the key, and refuses what is beyond it', async (t) => {
    const rig = await openRig(t);
    await rig.drop({ capacity: 100, limitPerUser: 2 });
    for (const [userId, key] of [
      ['alice', 'a'],
      ['ALICE', 'a'],
      ['bob', 'a'],
      ['alice', 'b'],
    ] as const)
      await slotOf(rig, userId, key);
    await rig.caughtUp();
    const before = await rig.dibs.getEvent('drop');
    const own = (await rig.dibs.listClaims('drop', 'alice')).items;
    await loseGate(rig);
    await recovered(rig, before);
    assert.deepEqual(await slotOf(rig, 'alice', 'a'), [1, true]);
    assert.deepEqual(await slotOf(rig, 'alice', 'b'), [4, true]);
    assert.deepEqual(await slotOf(rig, 'ALICE', 'a'), [2, true]);
    assert.equal(await slotOf(rig, 'alice', 'c'), 'limit_reached');
    assert.deepEqual(await slotOf(rig, 'bob', 'b'), [5, false]);
    assert.deepEqual((await rig.dibs.listClaims('drop', 'alice')).items, own, 'the same claims, with their codes');
    assert.equal((await rig.soundAudit()).issued, 5);
  });

  it('keeps the slots of failed and discarded ones', async (t) => {
    const rig = await openRig(t, { roles: ['claims'] });
    await rig.drop({ capacity: 10 }, 6);
    rig.plant([1, 3, 6]);
    await rig.reopen();
    await rig.caughtUp();
    const [first] = (await rig.dibs.listFailedIssuances()).items;
    await rig.dibs.discard(first?.id ?? 0, 'a test account');
    const before = await rig.dibs.getEvent('drop');
    await loseGate(rig);
    assert.deepEqual((await rig.dibs.recoveryPlan('drop')).ledger, {
      won: 6,
      revision: 1,
      issued: 3,
      failed: 2,
      discarded: 1,
    });
    await recovered(rig, before);
    for (let user = 1; user <= 6; user += 1) assert.deepEqual(await slotOf(rig, `u${user}`, 'x'), [user, true]);
    assert.deepEqual(await slotOf(rig, 'new', 'x'), [7, false]);
    rig.unplant();
    rig.clock.step(60 * minute);
    await rig.until('the failed ones are reissued', async () => (await rig.dibs.audit('drop')).failed === 0);
    const { issued, discarded } = await rig.soundAudit();
    assert.deepEqual([issued, discarded], [6, 1]);
  });

  it('goes on with its acts behind all those that followed its last win', async (t) => {
    const rig = await issued(t, 5);
    for (let count = 0; count < 3; count += 1) {
      await rig.dibs.pauseEvent('drop');
      await rig.dibs.resumeEvent('drop');
    }
    await rig.caughtUp();
    await loseGate(rig);
    await rig.dibs.recover('drop');
    await rig.dibs.pauseEvent('drop');
    await rig.caughtUp();
    assert.equal((await rig.ledger.event('drop'))?.phase, 'paused');
    await rig.soundAudit();
  });

  it('that was sold out stays sold out', async (t) => {
    const rig = await openRig(t);
    await rig.drop({ capacity: 3 }, 3);
    await rig.caughtUp();
    const before = await rig.dibs.getEvent('drop');
    await loseGate(rig);
    assert.match((await rig.dibs.recoveryPlan('drop')).lost, /^Nothing/);
    await recovered(rig, before);
    assert.equal(await slotOf(rig, 'late', 'x'), 'sold_out');
    await rig.dibs.changeEvent('drop', { capacity: 4 });
    assert.deepEqual(await slotOf(rig, 'late', 'x'), [4, false]);
    assert.equal((await rig.soundAudit()).issued, 4);
  });

  for (const [name, act, state] of [
    ['paused', (rig: Rig) => rig.dibs.pauseEvent('drop'), 'paused'],
    ['closed', (rig: Rig) => rig.dibs.closeEvent('drop'), 'closed'],
    ['raised', (rig: Rig) => rig.dibs.changeEvent('drop', { capacity: 5000, name: 'Renamed' }), 'open'],
  ] as const) {
    it(`that was ${name} is so still`, async (t) => {
      const rig = await issued(t, 5);
      await act(rig);
      await rig.caughtUp();
      const before = await rig.dibs.getEvent('drop');
      assert.equal(before.state, state);
      await loseGate(rig);
      await recovered(rig, before);
      assert.deepEqual(await slotOf(rig, 'u1', 'x'), [1, true]);
      assert.deepEqual(await slotOf(rig, 'new', 'x'), state === 'open' ? [6, false] : state);
      if (state === 'closed') await troubleOf('closed', () => rig.dibs.resumeEvent('drop'));
      if (state === 'paused') {
        await rig.dibs.resumeEvent('drop');
        assert.deepEqual(await slotOf(rig, 'new', 'x'), [6, false]);
      }
      await rig.soundAudit();
    });
  }

  it('that time has closed is closed for ever, though the clock is set back', async (t) => {
    const rig = await openRig(t);
    await rig.drop({ capacity: 10, closesAt: new Date(rig.clock.now() + minute) }, 2);
    await rig.caughtUp();
    rig.clock.step(minute);
    await rig.until('the ledger has it closed', async () => (await rig.ledger.event('drop'))?.phase === 'closed');
    await rig.close();
    await rig.lose('gate.db');
    rig.clock.step(-10 * minute);
    await rig.open();
    assert.equal((await rig.dibs.recover('drop')).state, 'closed');
    assert.equal(await slotOf(rig, 'late', 'x'), 'closed');
  });

  it('goes on at the time of its last win, though the clock is set back', async (t) => {
    const rig = await openRig(t);
    const opensAt = new Date(rig.clock.now() + minute);
    await rig.drop({ capacity: 10, opensAt });
    rig.clock.step(2 * minute);
    const [first] = await rig.win('drop', 1, 1);
    await rig.caughtUp();
    await rig.close();
    await rig.lose('gate.db');
    rig.clock.step(-10 * minute);
    await rig.open();
    assert.equal((await rig.dibs.recover('drop')).state, 'open');
    const [second] = await rig.win('drop', 2, 2);
    assert.deepEqual(second?.wonAt, first?.wonAt);
  });

  it('that wins again and is lost again is recovered again', async (t) => {
    const rig = await issued(t, 2);
    for (let round = 1; round <= 4; round += 1) {
      await rig.win('drop', round * 2 + 1, round * 2 + 2);
      if (round % 2 === 0) await rig.dibs.changeEvent('drop', { name: `Name ${round}` });
      await rig.caughtUp();
      const before = await rig.dibs.getEvent('drop');
      await loseGate(rig);
      await recovered(rig, before);
    }
    assert.equal((await rig.soundAudit()).issued, 10);
  });

  it('twice at once wipes out nothing that was won in between', async (t) => {
    const { opened, open } = latch();
    let reads = 0;
    const rig = await issued(t, 5);
    await loseGate(rig, {
      ledger: (ledger) =>
        wrapLedger(ledger, {
          coupons: async (...rest) => {
            // The second of the two is slow to read.
            if ((reads += 1) === 2) await opened;
            return ledger.coupons(...rest);
          },
        }),
    });
    const first = rig.dibs.recover('drop');
    const second = troubleOf('not_recovering', () => rig.dibs.recover('drop'));
    await first;
    assert.deepEqual(await slotOf(rig, 'new', 'x'), [6, false]);
    open();
    await second;
    assert.deepEqual(await slotOf(rig, 'new', 'x'), [6, true]);
    assert.equal((await rig.soundAudit()).issued, 6);
  });

  it('that was cut short between the two stores is done: who looks next finds it served', async (t) => {
    let isDown = true;
    const rig = await issued(t, 5);
    const before = await rig.dibs.getEvent('drop');
    await loseGate(rig, {
      ledger: (ledger) =>
        wrapLedger(ledger, { putEvent: (event) => (isDown ? unavailable() : ledger.putEvent(event)) }),
    });
    await troubleOf('unavailable', () => rig.dibs.recover('drop'));
    await troubleOf('recovering', () => rig.dibs.claim({ eventId: 'drop', userId: 'new' }));
    isDown = false;
    await troubleOf('not_recovering', () => rig.dibs.recover('drop'));
    const after = await rig.dibs.getEvent('drop');
    assert.deepEqual(after, { ...before, revision: before.revision + 1, serverTime: after.serverTime });
    assert.deepEqual(await slotOf(rig, 'new', 'x'), [6, false]);
    await rig.caughtUp();
    assert.equal((await rig.ledger.event('drop'))?.revision, after.revision);
    assert.equal((await rig.soundAudit()).issued, 6);
  });

  it('is for good: the next start finds nothing to do', async (t) => {
    const rig = await issued(t, 5);
    const before = await rig.dibs.getEvent('drop');
    await loseGate(rig);
    const after = await recovered(rig, before);
    await rig.reopen();
    assert.deepEqual(await rig.dibs.getEvent('drop'), {
      ...after,
      serverTime: (await rig.dibs.getEvent('drop')).serverTime,
    });
    await rig.win('drop', 6, 7);
    assert.equal((await rig.soundAudit()).issued, 7);
  });
});
