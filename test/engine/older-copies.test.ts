/** Stores that were put back to an older copy, or lost: what is proven goes on, what contradicts waits for a person. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { checkWins } from '../../src/core/invariants.ts';
import { troubleOf } from '../../src/testing/refusal.ts';
import { openRig, type Rig } from './fixture.ts';

const key = (user: number) => ({ eventId: 'drop', userId: `u${user}`, key: `k${user}` });

async function reach(rig: Rig, from: number, to: number): Promise<void> {
  await rig.win('drop', from, to);
  await rig.caughtUp();
}

/** The gate's copy has slots 1 to 5, the ledger 1 to 8. */
async function olderGate(t: TestContext): Promise<Rig> {
  const rig = await openRig(t);
  await rig.drop({ capacity: 100 });
  await reach(rig, 1, 5);
  await rig.close();
  await rig.backUp('gate.db');
  await rig.open();
  await reach(rig, 6, 8);
  await rig.close();
  await rig.putBack('gate.db');
  return rig;
}

/** Every win of `u1` to `u<count>` is the same still, and the next is behind them. */
async function goesOn(rig: Rig, count: number): Promise<void> {
  for (let user = 1; user <= count; user += 1) {
    const decision = await rig.dibs.claim(key(user));
    assert.deepEqual(
      [decision.outcome === 'won' && decision.replayed, decision.outcome === 'won' && decision.claim.slot],
      [true, user],
    );
  }
  const [next] = await rig.win('drop', count + 1, count + 1);
  assert.equal(next?.slot, count + 1);
  const { won, issued } = await rig.soundAudit();
  assert.deepEqual([won, issued], [count + 1, count + 1]);
}

describe('a gate that is an older copy', () => {
  it('waits where the ledger has later wins, and is rebuilt from both', async (t) => {
    const rig = await olderGate(t);
    await rig.open();
    await troubleOf('recovering', () => rig.dibs.claim(key(6)));
    await troubleOf('recovering', () => rig.dibs.createEvent({ id: 'drop', name: 'A drop', capacity: 100 }));
    const plan = await rig.dibs.recoveryPlan('drop');
    assert.match(plan.cause, /5 wins, the ledger knows slot 8: the gate is an older copy/);
    assert.deepEqual(plan.gate, { won: 5, revision: 1 });
    assert.deepEqual(plan.after, { won: 8, remaining: 92, nextSlot: 9 });
    const codes = await rig.codes();
    await rig.dibs.recover('drop');
    assert.deepEqual(await rig.codes(), codes);
    await goesOn(rig, 8);
  });

  it('waits where the ledger has a later revision, though not a win is missing', async (t) => {
    const rig = await openRig(t);
    await rig.drop({ capacity: 100 });
    await reach(rig, 1, 5);
    await rig.close();
    await rig.backUp('gate.db');
    await rig.open();
    await rig.dibs.closeEvent('drop');
    await rig.caughtUp();
    await rig.close();
    await rig.putBack('gate.db');
    await rig.open();
    await troubleOf('recovering', () => rig.dibs.claim(key(6)));
    assert.match((await rig.dibs.recoveryPlan('drop')).cause, /revision 1, the ledger at 2/);
    const event = await rig.dibs.recover('drop');
    assert.deepEqual([event.state, event.won, event.revision], ['closed', 5, 3]);
    const late = await rig.dibs.claim(key(6));
    assert.equal(late.outcome === 'rejected' && late.reason, 'closed');
    await rig.soundAudit();
  });

  it('keeps the wins that it alone has', async (t) => {
    const rig = await openRig(t);
    await rig.drop({ capacity: 100 });
    await reach(rig, 1, 5);
    await rig.reopen({ roles: ['claims'] });
    await rig.win('drop', 6, 9);
    await rig.close();
    rig.operate('ledger.db', 'UPDATE events SET revision = 7');
    await rig.open({ roles: ['claims'] });
    const plan = await rig.dibs.recoveryPlan('drop');
    assert.deepEqual([plan.gate?.won, plan.ledger.won, plan.after.won], [9, 5, 9]);
    assert.equal((await rig.dibs.recover('drop')).revision, 8);
    await rig.reopen();
    await goesOn(rig, 9);
  });

  it('is served at once where it covers the ledger', async (t) => {
    const rig = await openRig(t);
    await rig.drop({ capacity: 100 });
    await reach(rig, 1, 5);
    await rig.close();
    await rig.backUp('gate.db');
    await rig.putBack('gate.db');
    await rig.open();
    await troubleOf('not_recovering', () => rig.dibs.recover('drop'));
    await goesOn(rig, 5);
  });

  for (const [name, sql, message] of [
    [
      'another claim',
      "UPDATE coupons SET claim_id = '2-ffffffffffff' WHERE slot = 2",
      /slot 2 is 2-[0-9a-f]{12} of u2/,
    ],
    ['another user', "UPDATE coupons SET user_id = 'mallory' WHERE slot = 5", /of mallory in the ledger/],
    ['nobody', 'DELETE FROM coupons WHERE slot = 4', /slot/],
  ] as const) {
    it(`and contradicts the ledger is left as it is: a slot of ${name}`, async (t) => {
      const rig = await olderGate(t);
      await rig.open();
      const before = await rig.gate.wins('drop', 0, 100);
      rig.operate('ledger.db', sql);
      const coupons = await rig.codes();
      const trouble = await troubleOf('recovery_conflict', () => rig.dibs.recover('drop'));
      assert.match(JSON.stringify(trouble.details['findings']), message);
      assert.deepEqual(await rig.gate.wins('drop', 0, 100), before);
      assert.deepEqual(await rig.codes(), coupons);
      await troubleOf('recovering', () => rig.dibs.claim(key(1)));
      assert.equal((await rig.dibs.getEvent('drop')).state, 'recovering');
    });
  }
});

describe('a ledger that is gone', () => {
  it('is written again, the same codes for the same wins, and the events with their revisions', async (t) => {
    const rig = await openRig(t);
    await rig.drop({ capacity: 5 });
    await reach(rig, 1, 5);
    await rig.dibs.changeEvent('drop', { capacity: 2000, name: 'Renamed' });
    await rig.dibs.pauseEvent('drop');
    await rig.dibs.resumeEvent('drop');
    await reach(rig, 6, 1200);
    const codes = await rig.codes();
    const event = await rig.ledger.event('drop');
    await rig.close();
    await rig.lose('ledger.db');
    await rig.open();
    await rig.win('drop', 1, 3);
    await rig.caughtUp();
    assert.deepEqual(await rig.codes(), codes);
    assert.deepEqual(
      { ...(await rig.ledger.event('drop')), createdAt: 0, updatedAt: 0 },
      { ...event, createdAt: 0, updatedAt: 0 },
    );
    await goesOn(rig, 1200);
  });

  it('after the gate had been rebuilt from it is written again all the same', async (t) => {
    const rig = await olderGate(t);
    await rig.open();
    await rig.dibs.recover('drop');
    await reach(rig, 9, 10);
    const codes = await rig.codes();
    await rig.close();
    await rig.lose('ledger.db');
    await rig.open();
    await rig.caughtUp();
    assert.deepEqual(await rig.codes(), codes);
    await goesOn(rig, 10);
  });

  it('after the gate had been rebuilt from it is missed by an audit in nothing: all is on its way', async (t) => {
    const rig = await openRig(t);
    await rig.drop({ capacity: 100 });
    await reach(rig, 1, 5);
    await rig.dibs.pauseEvent('drop');
    await rig.dibs.resumeEvent('drop');
    await rig.caughtUp();
    await rig.close();
    await rig.lose('gate.db');
    await rig.open();
    await rig.dibs.recover('drop');
    await rig.close();
    await rig.lose('ledger.db');
    await rig.open({ roles: ['claims'] });
    const { findings, won, issued, unissued } = await rig.dibs.audit('drop');
    assert.deepEqual([findings, won, issued, unissued], [[], 5, 0, 5]);
  });

  it('is written by another secret with other codes: that is why the secret is kept', async (t) => {
    const rig = await openRig(t);
    await rig.drop();
    await reach(rig, 1, 3);
    const codes = await rig.codes();
    await rig.close();
    await rig.lose('ledger.db');
    await rig.open({ codeSecret: 'another-secret-of-the-tests' });
    await rig.caughtUp();
    const others = await rig.codes();
    assert.equal(new Set([...codes, ...others].map(([, code]) => code)).size, 6);
    await rig.soundAudit();
  });
});

describe('a ledger that is an older copy', () => {
  it('is caught up, nothing twice', async (t) => {
    const rig = await openRig(t);
    await rig.drop({ capacity: 100 });
    await reach(rig, 1, 5);
    await rig.close();
    await rig.backUp('ledger.db');
    await rig.open();
    await reach(rig, 6, 8);
    await rig.dibs.changeEvent('drop', { name: 'Renamed' });
    await rig.caughtUp();
    const codes = await rig.codes();
    await rig.close();
    await rig.putBack('ledger.db');
    await rig.open();
    await rig.caughtUp();
    assert.deepEqual(await rig.codes(), codes);
    assert.equal((await rig.ledger.event('drop'))?.spec.name, 'Renamed');
    await goesOn(rig, 8);
  });
});

describe('any history', () => {
  /** What happens to an event, one after the other. */
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ what: fc.constant('win' as const), count: fc.integer({ min: 1, max: 9 }) }) },
    { weight: 2, arbitrary: fc.constant({ what: 'issue' as const }) },
    { weight: 1, arbitrary: fc.constant({ what: 'pause' as const }) },
    { weight: 1, arbitrary: fc.constant({ what: 'raise' as const }) },
    { weight: 1, arbitrary: fc.constant({ what: 'copy' as const }) },
    { weight: 2, arbitrary: fc.constant({ what: 'lose gate' as const }) },
    { weight: 1, arbitrary: fc.constant({ what: 'put gate back' as const }) },
    { weight: 1, arbitrary: fc.constant({ what: 'lose ledger' as const }) },
    { weight: 1, arbitrary: fc.constant({ what: 'restart' as const }) },
  );

  it('of losses and rebuilds keeps all that a ledger has had', async (t) => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 14 }), async (steps) => {
        const history = await openHistory(t);
        for (const { what, ...rest } of steps) await history[what]('count' in rest ? rest.count : 1);
        await history.end();
      }),
      { numRuns: 25 },
    );
  });

  async function openHistory(t: TestContext) {
    const rig = await openRig(t);
    await rig.drop({ capacity: 10 });
    let users = 0;
    let capacity = 10;
    let isCopied = false;
    /** The slot of each user whose coupon the ledger has had. */
    const issued = new Map<string, number>();
    const note = async (): Promise<void> => {
      await rig.caughtUp();
      for (const coupon of await rig.ledger.coupons('drop', 0, 10_000)) issued.set(coupon.userId, coupon.slot);
    };
    const asClaims = { roles: ['claims' as const] };
    await note();
    await rig.reopen(asClaims);
    const recoverIfNeeded = async (): Promise<void> => {
      if ((await rig.dibs.getEvent('drop')).state === 'recovering') await rig.dibs.recover('drop');
    };
    const issue = async (): Promise<void> => {
      await rig.reopen();
      await note();
      await rig.reopen(asClaims);
    };
    return {
      async win(count: number) {
        for (let claimed = 0; claimed < count; claimed += 1)
          await rig.dibs.claim({ eventId: 'drop', userId: `u${(users += 1)}`, key: 'k' });
      },
      issue,
      async pause() {
        await rig.dibs.pauseEvent('drop');
        await rig.dibs.resumeEvent('drop');
      },
      async raise() {
        capacity += 10;
        await rig.dibs.changeEvent('drop', { capacity });
      },
      async copy() {
        await issue();
        await rig.close();
        await rig.backUp('gate.db');
        isCopied = true;
        await rig.open(asClaims);
      },
      async 'lose gate'() {
        await rig.close();
        await rig.lose('gate.db');
        await rig.open(asClaims);
        await recoverIfNeeded();
      },
      async 'put gate back'() {
        if (!isCopied) return;
        await issue();
        await rig.close();
        await rig.putBack('gate.db');
        await rig.open(asClaims);
        await recoverIfNeeded();
      },
      async 'lose ledger'() {
        await rig.close();
        await rig.lose('ledger.db');
        await rig.open(asClaims);
        await issue();
      },
      async restart() {
        await rig.reopen(asClaims);
      },
      async end() {
        await issue();
        await rig.soundAudit();
        const event = await rig.dibs.getEvent('drop');
        const coupons = await rig.ledger.coupons('drop', 0, 10_000);
        assert.deepEqual(checkWins(event, coupons), []);
        for (const [userId, slot] of issued) assert.equal(coupons[slot - 1]?.userId, userId, `slot ${slot}`);
        await rig.close();
      },
    };
  }
});
