/** Claims as users meet them: what was won stays won, and is told so in every state of event and ledger. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { RejectionReason } from '../../src/core/decision.ts';
import { DibsError } from '../../src/core/errors.ts';
import type { ClaimDecision, ClaimInput, ClaimView } from '../../src/engine/views.ts';
import { wrapGate, wrapLedger } from '../../src/testing/canaries/wrap.ts';
import { troubleOf } from '../../src/testing/refusal.ts';
import { openRig, type Rig, type RigOptions, unavailable } from './fixture.ts';

const minute = 60_000;

function wonOf(decision: ClaimDecision): ClaimView {
  return decision.outcome === 'won' ? decision.claim : assert.fail(`rejected as ${decision.reason}`);
}

const isReplay = (decision: ClaimDecision): boolean => decision.outcome === 'won' && decision.replayed;

function reasonOf(decision: ClaimDecision): RejectionReason {
  return decision.outcome === 'rejected' ? decision.reason : assert.fail(`won slot ${decision.claim.slot}`);
}

/** A ledger that a test can take away. */
function breakable(): { readonly options: RigOptions; isDown: boolean } {
  const state = { isDown: false };
  const down = <T>(act: () => Promise<T>): Promise<T> => (state.isDown ? unavailable() : act());
  const options: RigOptions = {
    ledger: (ledger) =>
      wrapLedger(ledger, {
        event: (eventId) => down(() => ledger.event(eventId)),
        issue: (batch) => down(() => ledger.issue(batch)),
        couponsBySlot: (eventId, slots) => down(() => ledger.couponsBySlot(eventId, slots)),
        failuresBySlot: (eventId, slots) => down(() => ledger.failuresBySlot(eventId, slots)),
        lastSlot: (eventId) => down(() => ledger.lastSlot(eventId)),
      }),
  };
  return Object.assign(state, { options });
}

/** The one discarded win of an event whose slot 1 the ledger refuses. */
async function discardFirst(rig: Rig): Promise<void> {
  rig.plant([1]);
  await rig.win('drop', 1, 1);
  await rig.caughtUp();
  const [failure] = (await rig.dibs.listFailedIssuances()).items;
  await rig.dibs.discard(failure?.id ?? 0, 'a test account');
}

describe('a claim that cannot be judged', () => {
  it('is refused for its form, with every fault', async (t) => {
    const rig = await openRig(t);
    await rig.drop({ limitPerUser: 2 });
    const odd = ['', ' ', 'a b', 'é', 'a\n', 'a'.repeat(129), '\u0000', null, 7, {}];
    for (const id of odd as string[]) {
      const both = await troubleOf('invalid_request', () =>
        rig.dibs.claim({ eventId: 'drop', userId: id, key: id === null ? '' : id }),
      );
      assert.deepEqual(
        both.details.errors?.map((fault) => fault.path),
        ['/userId', '/key'],
      );
      await troubleOf('invalid_request', () => rig.dibs.listClaims('drop', id));
    }
    assert.equal((await rig.dibs.getEvent('drop')).won, 0);
  });

  it('is of no event that there is', async (t) => {
    const rig = await openRig(t);
    await rig.drop();
    const claims = ['none', '', '../drop', 'DROP', 'drop ', '\u0000'].map((eventId) =>
      troubleOf('event_not_found', () => rig.dibs.claim({ eventId, userId: 'u1' })),
    );
    await Promise.all(claims);
    await troubleOf('event_not_found', () => rig.dibs.getClaim('none', '1-000000000000'));
  });

  it('lacks a key where only a key tells a retry from another claim', async (t) => {
    const rig = await openRig(t);
    await rig.drop({ limitPerUser: 2 });
    await troubleOf('idempotency_key_required', () => rig.dibs.claim({ eventId: 'drop', userId: 'u1' }));
    await troubleOf('idempotency_key_required', () => rig.dibs.claim({ eventId: 'drop', userId: 'u1', key: null }));
    await rig.dibs.closeEvent('drop');
    await troubleOf('idempotency_key_required', () => rig.dibs.claim({ eventId: 'drop', userId: 'u1' }));
    assert.equal((await rig.dibs.getEvent('drop')).won, 0);
  });
});

describe('a claim whose outcome is not known', () => {
  it('is the same win when it is asked for again, and is issued though nobody was told of it', async (t) => {
    let isLost = true;
    const rig = await openRig(t, {
      gate: (gate) =>
        wrapGate(gate, {
          admit: async (...rest) => {
            const decisions = await gate.admit(...rest);
            if (isLost) throw new DibsError('unknown_outcome');
            return decisions;
          },
        }),
    });
    await rig.drop({ capacity: 3, limitPerUser: 2 });
    const ask = (userId: string, key: string) => rig.dibs.claim({ eventId: 'drop', userId, key });
    for (const userId of ['u1', 'u2', 'u1']) {
      const trouble = await troubleOf('unknown_outcome', () => ask(userId, 'a'));
      assert.equal(trouble.retryable, true);
    }
    assert.equal((await rig.soundAudit()).issued, 2);
    isLost = false;
    for (const [userId, slot] of [
      ['u1', 1],
      ['u2', 2],
    ] as const) {
      const again = await ask(userId, 'a');
      assert.deepEqual([isReplay(again), wonOf(again).slot, wonOf(again).status], [true, slot, 'issued']);
    }
    const next = await ask('u1', 'b');
    assert.deepEqual([isReplay(next), wonOf(next).slot, wonOf(next).nth], [false, 3, 2]);
  });
});

describe('a claim that is rejected', () => {
  it('has one reason, by precedence, and leaves nothing behind', async (t) => {
    const rig = await openRig(t);
    const { dibs, clock } = rig;
    const opensAt = new Date(clock.now() + minute);
    await rig.drop({ capacity: 2, limitPerUser: 2, opensAt });
    let keys = 0;
    const ask = (userId: string) => dibs.claim({ eventId: 'drop', userId, key: `once-${(keys += 1)}` });
    await dibs.pauseEvent('drop');
    assert.deepEqual(await ask('u1'), { outcome: 'rejected', reason: 'not_open', opensAt, claims: [] });
    clock.step(minute);
    assert.deepEqual(await ask('u1'), { outcome: 'rejected', reason: 'paused', opensAt: null, claims: [] });
    await dibs.resumeEvent('drop');
    const first = wonOf(await dibs.claim({ eventId: 'drop', userId: 'u1', key: 'a' }));
    const second = wonOf(await dibs.claim({ eventId: 'drop', userId: 'u1', key: 'b' }));
    await rig.caughtUp();
    const limited = await ask('u1');
    assert.equal(reasonOf(limited), 'limit_reached');
    assert.deepEqual(
      limited.outcome === 'rejected' && limited.claims.map(({ id, status }) => [id, status]),
      [first, second].map(({ id }) => [id, 'issued']),
    );
    assert.equal(reasonOf(await ask('u2')), 'sold_out');
    await dibs.pauseEvent('drop');
    assert.equal(reasonOf(await ask('u1')), 'paused');
    await dibs.closeEvent('drop');
    assert.equal(reasonOf(await ask('u1')), 'closed');
    assert.equal(reasonOf(await ask('u2')), 'closed');
    assert.equal((await dibs.getEvent('drop')).won, 2);
    assert.deepEqual((await dibs.figures()).events[0]?.claims, {
      won: 2,
      not_open: 1,
      paused: 2,
      limit_reached: 1,
      sold_out: 1,
      closed: 2,
    });
  });

  it('is judged anew each time', async (t) => {
    const rig = await openRig(t);
    await rig.drop({ capacity: 1 }, 1);
    const late: ClaimInput = { eventId: 'drop', userId: 'late', key: 'click' };
    assert.equal(reasonOf(await rig.dibs.claim(late)), 'sold_out');
    await rig.dibs.changeEvent('drop', { capacity: 2 });
    const decision = await rig.dibs.claim(late);
    assert.deepEqual([isReplay(decision), wonOf(decision).slot], [false, 2]);
  });
});

describe('a claim that has won', () => {
  it('says so, and stays the same for every repeat in every state of the event', async (t) => {
    const rig = await openRig(t);
    const { dibs } = rig;
    await rig.drop({ limitPerUser: 2 });
    const claim: ClaimInput = { eventId: 'drop', userId: 'u1', key: 'click-1' };
    const decision = await dibs.claim(claim);
    const { id, ...rest } = wonOf(decision);
    assert.equal(isReplay(decision), false);
    assert.match(id, /^1-[0-9a-f]{12}$/);
    assert.deepEqual(rest, {
      eventId: 'drop',
      userId: 'u1',
      slot: 1,
      nth: 1,
      status: 'won',
      wonAt: new Date(rig.clock.now()),
      code: null,
      issuedAt: null,
    });
    await rig.caughtUp();
    const issued = wonOf(await dibs.claim(claim));
    assert.match(issued.code ?? '', /^[A-Z2-7]{16}$/);
    assert.deepEqual({ ...issued, status: 'won', code: null, issuedAt: null }, { id, ...rest });
    for (const act of ['pauseEvent', 'resumeEvent', 'closeEvent'] as const) {
      await dibs[act]('drop');
      const again = await dibs.claim(claim);
      assert.equal(isReplay(again), true, act);
      assert.deepEqual(wonOf(again), issued, act);
    }
    await rig.reopen();
    assert.deepEqual(wonOf(await rig.dibs.claim(claim)), issued);
    assert.deepEqual(await rig.dibs.getClaim('drop', id), issued);
  });

  it('is replayed whatever the key where a user may win once', async (t) => {
    const rig = await openRig(t);
    await rig.drop({ capacity: 1 });
    const first = wonOf(await rig.dibs.claim({ eventId: 'drop', userId: 'u1', key: 'a' }));
    for (const key of ['a', 'b', null]) {
      const again = await rig.dibs.claim({ eventId: 'drop', userId: 'u1', key });
      assert.deepEqual([isReplay(again), wonOf(again).id], [true, first.id]);
    }
  });

  it('at once by the same user under one key is one win', async (t) => {
    const rig = await openRig(t);
    await rig.drop({ limitPerUser: 3 });
    const asked = Array.from({ length: 20 }, (_, at) =>
      rig.dibs.claim({ eventId: 'drop', userId: 'u1', key: `k${at % 2}` }),
    );
    const decisions = await Promise.all(asked);
    assert.equal(decisions.filter((one) => !isReplay(one)).length, 2);
    assert.deepEqual(new Set(decisions.map((one) => wonOf(one).slot)), new Set([1, 2]));
  });

  it('is discarded where an operator has said so, and its slot is not given again', async (t) => {
    const rig = await openRig(t);
    await rig.drop({ capacity: 2 });
    await discardFirst(rig);
    const claim = wonOf(await rig.dibs.claim({ eventId: 'drop', userId: 'u1' }));
    assert.deepEqual([claim.status, claim.slot, claim.code, claim.issuedAt], ['discarded', 1, null, null]);
    assert.deepEqual((await rig.dibs.listClaims('drop', 'u1')).items, [claim]);
    assert.equal((await rig.win('drop', 2, 2))[0]?.slot, 2);
    assert.equal(reasonOf(await rig.dibs.claim({ eventId: 'drop', userId: 'u3' })), 'sold_out');
  });

  it('is told so while the ledger is away', async (t) => {
    const ledger = breakable();
    const rig = await openRig(t, ledger.options);
    const [first] = await rig.drop({ limitPerUser: 1 }, 1);
    await rig.caughtUp();
    ledger.isDown = true;
    const again = await rig.dibs.claim({ eventId: 'drop', userId: 'u1' });
    assert.equal(isReplay(again), true);
    assert.deepEqual(wonOf(again), first, 'as the gate knows it: won');
    assert.equal((await rig.win('drop', 2, 2))[0]?.slot, 2, 'claims are decided without the ledger');
    await troubleOf('unavailable', () => rig.dibs.listClaims('drop', 'u1'));
    await troubleOf('unavailable', () => rig.dibs.getClaim('drop', first?.id ?? ''));
    ledger.isDown = false;
    await rig.soundAudit();
  });

  it('is listed with a limit that is reached while the ledger is away', async (t) => {
    const ledger = breakable();
    const rig = await openRig(t, ledger.options);
    await rig.drop({ limitPerUser: 2 });
    const own = ['a', 'b'].map((key) => rig.dibs.claim({ eventId: 'drop', userId: 'u1', key }));
    const wins = (await Promise.all(own)).map(wonOf);
    ledger.isDown = true;
    const limited = await rig.dibs.claim({ eventId: 'drop', userId: 'u1', key: 'c' });
    assert.deepEqual(limited, { outcome: 'rejected', reason: 'limit_reached', opensAt: null, claims: wins });
  });
});

describe('reading claims', () => {
  it('finds none by an id that is malformed, of another event, or of no win', async (t) => {
    const rig = await openRig(t);
    const [mine] = await rig.drop({}, 1);
    await rig.drop({ id: 'other' }, 1);
    const id = mine?.id ?? '';
    const tag = id.slice(2);
    for (const odd of [
      '',
      '1',
      '1-',
      `01-${tag}`,
      `2-${tag}`,
      `1-${tag.slice(1)}`,
      '1-000000000000',
      `0-${tag}`,
      `${id} `,
      `99999999-${tag}`,
      '-',
    ])
      await troubleOf('claim_not_found', () => rig.dibs.getClaim('drop', odd));
    await troubleOf('claim_not_found', () => rig.dibs.getClaim('other', id));
    await fc.assert(
      fc.asyncProperty(fc.string(), async (odd) => {
        if (odd !== id) await troubleOf('claim_not_found', () => rig.dibs.getClaim('drop', odd));
      }),
    );
    await rig.caughtUp();
    await troubleOf('claim_not_found', () => rig.dibs.getClaim('drop', '1-000000000000'));
    assert.equal((await rig.dibs.getClaim('drop', id)).userId, 'u1');
  });

  it('finds those that the gate has let go, once the ledger has them', async (t) => {
    const rig = await openRig(t, {
      gate: (gate) =>
        wrapGate(gate, { wins: (eventId, after, limit) => gate.wins(eventId, Math.max(after, 2), limit) }),
    });
    const wins = await rig.drop({}, 4);
    await rig.caughtUp();
    for (const { id, slot } of wins) {
      const { status, slot: found } = await rig.dibs.getClaim('drop', id);
      assert.deepEqual([status, found], ['issued', slot]);
    }
  });

  it("does not show another's, nor that there is one", async (t) => {
    const rig = await openRig(t);
    const [mine] = await rig.drop({}, 1);
    const id = mine?.id ?? '';
    assert.deepEqual(await rig.dibs.getClaim('drop', id, 'u1'), mine);
    const others = await troubleOf('claim_not_found', () => rig.dibs.getClaim('drop', id, 'U1'));
    const none = await troubleOf('claim_not_found', () => rig.dibs.getClaim('drop', '9-000000000000', 'U1'));
    assert.equal(others.message.replace(id, ''), none.message.replace('9-000000000000', ''));
    assert.deepEqual(await rig.dibs.listClaims('drop', 'U1'), { items: [], nextCursor: null });
  });

  it('lists all of a user in order of nth, each as far as it has come', async (t) => {
    const rig = await openRig(t);
    await rig.drop({ limitPerUser: 3 });
    const claim = async (userId: string, key: string) => wonOf(await rig.dibs.claim({ eventId: 'drop', userId, key }));
    const own = [await claim('u1', 'a')];
    await claim('u2', 'a');
    own.push(await claim('u1', 'b'));
    await rig.caughtUp();
    await rig.reopen({ roles: ['claims'] });
    own.push(await claim('u1', 'c'));
    const { items, nextCursor } = await rig.dibs.listClaims('drop', 'u1');
    assert.equal(nextCursor, null);
    assert.deepEqual(
      items.map(({ id, slot, nth, status, code }) => [id, slot, nth, status, code !== null]),
      own.map(({ id }, at) => [id, [1, 3, 4][at], at + 1, at < 2 ? 'issued' : 'won', at < 2]),
    );
  });
});
