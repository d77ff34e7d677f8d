/** Failed issuances: tried again later and later, by hand at once, given up for a reason, and never lost. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { nextAttemptDelayMs } from '../../src/engine/issuer.ts';
import type { FailedIssuanceView } from '../../src/engine/views.ts';
import { wrapLedger } from '../../src/testing/canaries/wrap.ts';
import { troubleOf } from '../../src/testing/refusal.ts';
import { latch, openRig, type Rig, type RigOptions, turns, unavailable, until } from './fixture.ts';

const hour = 3_600_000;
// The randomness of every rig: three quarters of the whole wait.
const delayOf = (attempts: number): number => nextAttemptDelayMs(attempts, () => 0.5);

/** An event with wins of `u1` to `u<won>`, of which `slots` were refused by the ledger, which refuses them still. */
async function failed(t: TestContext, slots: readonly number[], won: number, options: RigOptions = {}): Promise<Rig> {
  const rig = await openRig(t, { roles: ['claims'] });
  await rig.drop({}, won);
  rig.plant(slots);
  await rig.reopen(options);
  await rig.caughtUp();
  return rig;
}

const listed = async (rig: Rig): Promise<readonly FailedIssuanceView[]> => (await rig.dibs.listFailedIssuances()).items;

async function only(rig: Rig): Promise<FailedIssuanceView> {
  const failures = await listed(rig);
  assert.equal(failures.length, 1);
  return failures[0] as FailedIssuanceView;
}

/** Lets all of the timed work happen that is due by `ms` from now. */
async function pass(rig: Rig, ms: number, steps = 1): Promise<void> {
  for (let step = 0; step < steps; step += 1) {
    rig.clock.step(ms / steps);
    await turns(8);
  }
}

describe('a failed issuance that cannot be acted on', () => {
  it('is none where there is no such id', async (t) => {
    const rig = await failed(t, [1], 1);
    for (const id of [0, -1, 2, 99, 1.5, Number.NaN, Number.MAX_SAFE_INTEGER, 2 ** 60]) {
      await troubleOf('failed_issuance_not_found', () => rig.dibs.reissue(id));
      await troubleOf('failed_issuance_not_found', () => rig.dibs.discard(id, 'a test account'));
    }
  });

  it('is not discarded without a reason that can be read later', async (t) => {
    const rig = await failed(t, [1], 1);
    const { id } = await only(rig);
    for (const reason of ['', '   ', '\n', 'a'.repeat(501), '\ud800', null, 7, undefined] as string[]) {
      const trouble = await troubleOf('invalid_request', () => rig.dibs.discard(id, reason));
      assert.equal(trouble.details.errors?.[0]?.path, '/reason');
    }
    assert.equal((await only(rig)).state, 'waiting');
  });

  it('is not discarded once it is reissued, nor reissued once it is discarded', async (t) => {
    const rig = await failed(t, [1, 2], 2);
    const [first, second] = (await listed(rig)).map((failure) => failure.id) as [number, number];
    await rig.dibs.discard(first, 'a test account');
    rig.unplant();
    await rig.dibs.reissue(second);
    await troubleOf('not_failed', () => rig.dibs.reissue(first));
    await troubleOf('not_failed', () => rig.dibs.discard(second, 'too late'));
    await pass(rig, 10 * hour, 10);
    const { issued, failed: waiting, discarded } = await rig.soundAudit();
    assert.deepEqual({ issued, waiting, discarded }, { issued: 1, waiting: 0, discarded: 1 });
  });

  it('is kept where its record cannot be read', async (t) => {
    const rig = await failed(t, [1], 2, { roles: ['claims', 'issuing'] });
    const { id } = await only(rig);
    rig.unplant();
    for (const record of ['{"v":1,"type":"wi', '\u0001', '{"v":2}', '[]', `{"v":1,"type":"event"}`]) {
      rig.operate('ledger.db', `UPDATE failed_issuances SET record = '${record}'`);
      const trouble = await troubleOf('reissue_refused', () => rig.dibs.reissue(id));
      assert.match(trouble.message, /cannot be read/);
      await pass(rig, hour);
      const { state, error, record: kept } = await only(rig);
      assert.deepEqual([state, kept], ['waiting', record]);
      assert.match(error, /cannot be read/);
    }
    assert.deepEqual(await rig.couponSlots(), [2]);
    assert.equal((await rig.dibs.discard(id, 'unreadable')).state, 'discarded');
  });
});

describe('the timed batch', () => {
  it('tries again later and later, at least every hour, and counts', async (t) => {
    const at: number[] = [];
    const rig = await failed(t, [1], 1, {
      ledger: (ledger) =>
        wrapLedger(ledger, {
          reissue: async (id, coupon, rate) => {
            at.push(rig.clock.now());
            return ledger.reissue(id, coupon, rate);
          },
        }),
    });
    let due = (await only(rig)).nextAttemptAt?.getTime() ?? 0;
    let attempts = 1;
    for (; attempts <= 16; attempts += 1) {
      const before = at.length;
      // Nothing before it is due, and within a second of it the next attempt.
      await pass(rig, due - 1 - rig.clock.now());
      assert.equal(at.length, before, `attempt ${attempts + 1} came before its time`);
      await pass(rig, 1001);
      assert.equal(at.length, before + 1);
      const failure = await only(rig);
      assert.equal(failure.attempts, attempts + 1);
      const next = failure.nextAttemptAt?.getTime() ?? 0;
      assert.equal(next - (at.at(-1) ?? 0), delayOf(attempts + 1));
      due = next;
    }
    assert.equal(delayOf(attempts), hour * 0.75, 'an hour is the most');
    assert.ok(delayOf(2) > delayOf(1) && delayOf(3) > delayOf(2));
    rig.unplant();
    await pass(rig, hour);
    assert.deepEqual([(await only(rig)).state, (await only(rig)).nextAttemptAt], ['reissued', null]);
    assert.equal((await rig.soundAudit()).issued, 1);
  });

  it('issues all that is due, more than fit one batch, and those refused still do not hold up the others', async (t) => {
    const slots = Array.from({ length: 250 }, (_, at) => at + 1);
    const rig = await failed(t, slots, 260);
    rig.unplant();
    rig.plant([7, 120]);
    rig.clock.step(2000);
    await rig.until('248 are reissued', async () => (await rig.ledger.totals('drop')).issued === 258);
    const { issued, failed: waiting } = await rig.soundAudit();
    assert.deepEqual([issued, waiting], [258, 2]);
    assert.deepEqual(
      (await rig.dibs.listFailedIssuances({ state: 'waiting' })).items.map((failure) => failure.slot),
      [7, 120],
    );
    assert.equal((await rig.dibs.figures()).issued, 258);
    assert.deepEqual((await rig.dibs.figures()).failedIssuances, { waiting: 2, reissued: 248, discarded: 0 });
  });

  it('goes on after the ledger was away', async (t) => {
    let isDown = true;
    const rig = await failed(t, [1], 1, {
      ledger: (ledger) =>
        wrapLedger(ledger, {
          reissue: (id, coupon, rate) => (isDown ? unavailable() : ledger.reissue(id, coupon, rate)),
        }),
    });
    rig.unplant();
    await pass(rig, 5000, 5);
    assert.ok(rig.alarms.some((alarm) => alarm.startsWith('Reissuing pauses')));
    assert.equal((await only(rig)).attempts, 1, 'no attempt that the ledger has judged');
    isDown = false;
    await pass(rig, 5000, 5);
    assert.equal((await only(rig)).state, 'reissued');
  });

  it('writes no coupon for what an operator discards at the same time', async (t) => {
    const { opened, open } = latch();
    let asked = 0;
    const rig = await failed(t, [1], 1, {
      ledger: (ledger) =>
        wrapLedger(ledger, {
          reissue: async (id, coupon, rate) => {
            asked += 1;
            await opened;
            return ledger.reissue(id, coupon, rate);
          },
        }),
    });
    rig.unplant();
    rig.clock.step(5000);
    await until('it is being reissued', () => asked === 1);
    await rig.dibs.discard((await only(rig)).id, 'a test account');
    open();
    await turns(20);
    const { issued, discarded } = await rig.soundAudit();
    assert.deepEqual([issued, discarded], [0, 1]);
    assert.equal((await only(rig)).reason, 'a test account');
  });

  it('leaves what contradicts, and says so', async (t) => {
    const rig = await failed(t, [1], 2);
    rig.unplant();
    rig.operate('ledger.db', `INSERT INTO coupons VALUES ('drop', 1, 'mallory', 1, '1-ffffffffffff', NULL, 'C', 1, 1)`);
    await pass(rig, 2000, 2);
    const { state, attempts, error } = await only(rig);
    assert.deepEqual([state, attempts], ['waiting', 2]);
    assert.match(error, /contradicts/);
    const trouble = await troubleOf('reissue_refused', async () => rig.dibs.reissue((await only(rig)).id));
    assert.match(trouble.message, /contradicts/);
  });

  it('does not run where this process issues nothing, and can be done by hand there', async (t) => {
    const rig = await failed(t, [1], 1);
    await rig.reopen({ roles: ['claims'] });
    rig.unplant();
    await pass(rig, hour, 3);
    assert.equal((await only(rig)).state, 'waiting');
    assert.equal((await rig.dibs.reissue((await only(rig)).id)).state, 'reissued');
  });

  it('ends with the engine, whatever waits', async (t) => {
    const rig = await failed(t, [1, 2, 3], 3);
    rig.unplant();
    await rig.reopen({ issueRatePerSecond: 1 / 3600 });
    await pass(rig, 2000, 2);
    assert.deepEqual(
      (await listed(rig)).map((failure) => failure.state),
      ['reissued', 'waiting', 'waiting'],
    );
    await rig.close();
  });
});

describe('by hand', () => {
  it('a failed one is issued at once, with the code that its win has always had', async (t) => {
    const rig = await failed(t, [2], 3);
    await troubleOf('reissue_refused', async () => rig.dibs.reissue((await only(rig)).id));
    const { attempts, nextAttemptAt } = await only(rig);
    assert.equal(attempts, 2);
    assert.equal(nextAttemptAt?.getTime(), rig.clock.now() + delayOf(2));
    rig.unplant();
    const reissued = await rig.dibs.reissue((await only(rig)).id);
    assert.deepEqual([reissued.state, reissued.nextAttemptAt, reissued.slot], ['reissued', null, 2]);
    assert.deepEqual(await rig.dibs.reissue(reissued.id), reissued, 'a repeat finds it done');
    const codes = await rig.codes();
    // As a ledger that never refused would have it.
    await rig.close();
    await rig.lose('ledger.db');
    await rig.open();
    await rig.caughtUp();
    assert.deepEqual(await rig.codes(), codes);
  });

  it('twice at once is harmless, by the timer as well', async (t) => {
    const rig = await failed(t, [1], 1);
    rig.unplant();
    const { id } = await only(rig);
    rig.clock.step(5000);
    const views = await Promise.all(Array.from({ length: 8 }, () => rig.dibs.reissue(id)));
    assert.deepEqual(new Set(views.map((view) => view.state)), new Set(['reissued']));
    await pass(rig, 5000, 5);
    assert.deepEqual(await rig.couponSlots(), [1]);
    assert.equal((await rig.soundAudit()).issued, 1);
  });

  it('a failed one is given up for a reason of up to 500 characters, trimmed, once', async (t) => {
    const rig = await failed(t, [1, 2, 3], 3);
    const ids = (await listed(rig)).map((failure) => failure.id);
    const reasons = ['x', '중복 계정', '🎟'.repeat(500)];
    for (const [at, reason] of reasons.entries()) {
      const view = await rig.dibs.discard(ids[at] ?? 0, ` ${reason}\n`);
      assert.deepEqual([view.state, view.reason, view.nextAttemptAt], ['discarded', reason, null]);
      const again = await rig.dibs.discard(ids[at] ?? 0, 'another reason');
      assert.equal(again.reason, reason, 'the first reason stands');
    }
    const { discarded, issued } = await rig.soundAudit();
    assert.deepEqual([discarded, issued], [3, 0]);
  });

  it('failed ones are listed by state, whole and in order', async (t) => {
    const rig = await failed(t, [2, 4, 6], 6);
    const [first, second] = (await listed(rig)).map((failure) => failure.id) as [number, number];
    await rig.dibs.discard(first, 'a test account');
    rig.unplant();
    await rig.dibs.reissue(second);
    const slotsIn = async (state: 'waiting' | 'reissued' | 'discarded') =>
      (await rig.dibs.listFailedIssuances({ state })).items.map((failure) => failure.slot);
    assert.deepEqual(
      [await slotsIn('discarded'), await slotsIn('reissued'), await slotsIn('waiting')],
      [[2], [4], [6]],
    );
    const page = await rig.dibs.listFailedIssuances({ limit: 2 });
    assert.deepEqual(
      page.items.map((failure) => failure.slot),
      [2, 4],
    );
    const rest = await rig.dibs.listFailedIssuances({ limit: 2, cursor: page.nextCursor ?? '' });
    assert.deepEqual([rest.items.map((failure) => failure.slot), rest.nextCursor], [[6], null]);
  });
});
