/** From the log to the ledger: nothing is lost, nothing is issued twice, whatever the ledger does. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DibsError } from '../../src/core/errors.ts';
import type { IssueBatch } from '../../src/core/ledger.ts';
import { wrapLedger, wrapLog } from '../../src/testing/canaries/wrap.ts';
import { troubleOf } from '../../src/testing/refusal.ts';
import { latch, openRig, type Rig, turns, unavailable, until, withIssue } from './fixture.ts';

const slotsTo = (count: number): number[] => Array.from({ length: count }, (_, at) => at + 1);

/** All that was won is issued, once, and nothing failed. */
async function issuedOnce(rig: Rig, count: number): Promise<void> {
  const { issued, failed, unissued, won } = await rig.soundAudit();
  assert.deepEqual({ won, issued, failed, unissued }, { won: count, issued: count, failed: 0, unissued: 0 });
  assert.deepEqual(await rig.couponSlots(), slotsTo(count));
}

describe('a ledger in trouble', () => {
  it('that is away loses nothing: issuing waits, is told of once, and goes on', async (t) => {
    let asked = 0;
    const rig = await openRig(t, {
      ledger: withIssue((batch, ledger) => ((asked += 1) <= 6 ? unavailable() : ledger.issue(batch))),
    });
    await rig.drop({}, 20);
    await issuedOnce(rig, 20);
    assert.equal(rig.alarms.length, 1);
    assert.match(rig.alarms[0] ?? '', /^Issuing pauses/);
    assert.equal((await rig.dibs.figures()).issued, 20);
  });

  it('is asked less and less often, and never further apart than ten seconds', async (t) => {
    const at: number[] = [];
    const rig = await openRig(t, {
      random: () => 1 - Number.EPSILON,
      ledger: withIssue(() => {
        at.push(rig.clock.now());
        return unavailable();
      }),
    });
    await rig.drop();
    await until(
      'it was asked 12 times',
      () => at.length >= 12,
      () => rig.clock.step(50),
    );
    const waits = at.slice(1).map((time, index) => time - (at[index] ?? 0));
    assert.deepEqual(waits, [50, 100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 10_000]);
    assert.equal(rig.alarms.length, 1);
  });

  it('that goes away again is told of again', async (t) => {
    let isDown = true;
    const rig = await openRig(t, {
      ledger: withIssue((batch, ledger) => (isDown ? unavailable() : ledger.issue(batch))),
    });
    await rig.drop({}, 1);
    await rig.until('the first alarm', () => rig.alarms.length === 1);
    isDown = false;
    await rig.caughtUp();
    isDown = true;
    await rig.win('drop', 2, 2);
    await rig.until('the second alarm', () => rig.alarms.length === 2);
    isDown = false;
    await issuedOnce(rig, 2);
  });

  it('whose answers are lost after it has committed issues once', async (t) => {
    let lost = 0;
    const rig = await openRig(t, {
      roles: ['claims'],
    });
    await rig.drop({}, 1200);
    await rig.reopen({
      ledger: withIssue(async (batch, ledger) => {
        const outcome = await ledger.issue(batch);
        if (outcome.outcome !== 'issued' || lost === 3) return outcome;
        lost += 1;
        throw new DibsError('unknown_outcome');
      }),
    });
    await issuedOnce(rig, 1200);
    assert.equal(lost, 3);
  });

  it('that somebody else writes as well is gone on with from where it is', async (t) => {
    const batches: IssueBatch[] = [];
    const rig = await openRig(t, { roles: ['claims'] });
    await rig.drop({}, 1100);
    const outcomes: string[] = [];
    await rig.reopen({
      ledger: withIssue(async (batch, ledger) => {
        batches.push(batch);
        // Another issuer is faster each second time.
        if (batches.length % 2 === 1) assert.equal((await ledger.issue(batch)).outcome, 'issued');
        const outcome = await ledger.issue(batch);
        outcomes.push(outcome.outcome);
        return outcome;
      }),
    });
    await issuedOnce(rig, 1100);
    assert.ok(outcomes.includes('moved') && outcomes.includes('issued'), outcomes.join());
    assert.deepEqual(rig.alarms, []);
  });

  it('that refuses what it would keep as well loses nothing either', async (t) => {
    const rig = await openRig(t);
    rig.plant([2]);
    rig.operate(
      'ledger.db',
      "CREATE TRIGGER too BEFORE INSERT ON failed_issuances BEGIN SELECT RAISE(ABORT, 'planted too'); END",
    );
    await rig.drop({}, 3);
    await rig.until('an alarm', () => rig.alarms.length > 0);
    await turns(50);
    assert.equal(await rig.ledger.position('drop').then((position) => position === '3-0'), false);
    assert.deepEqual(await rig.couponSlots(), []);
    rig.operate('ledger.db', 'DROP TRIGGER too');
    const { issued, failed } = await rig.soundAudit();
    assert.deepEqual([issued, failed], [2, 1]);
  });
});

describe('what contradicts', () => {
  /** `count` wins of `drop` and one of `other`, nothing issued yet, the engine closed. */
  async function unissued(rig: Rig, count: number): Promise<void> {
    await rig.drop({}, count);
    await rig.drop({ id: 'other' }, 1);
    await rig.close();
  }

  /** `drop` is stopped, says so everywhere, and `other` goes on. */
  async function stopped(rig: Rig, why: RegExp): Promise<void> {
    await rig.until('an alarm', () => rig.alarms.length > 0);
    assert.match(rig.alarms.join('\n'), why);
    const trouble = await troubleOf('recovering', () => rig.dibs.claim({ eventId: 'drop', userId: 'new' }));
    assert.match(trouble.message, why);
    await troubleOf('recovering', () => rig.dibs.claim({ eventId: 'drop', userId: 'u1' }));
    await troubleOf('recovering', () => rig.dibs.changeEvent('drop', { capacity: 20_000 }));
    assert.equal((await rig.dibs.getEvent('drop')).state, 'recovering');
    const { ok, findings } = await rig.dibs.audit('drop');
    assert.equal(ok, false);
    assert.equal(findings[0]?.rule, 'I2');
    assert.match(findings[0]?.message ?? '', why);
    await rig.win('other', 2, 3);
    assert.equal((await rig.soundAudit('other')).issued, 3);
    for (let passed = 0; passed < 10; passed += 1) {
      rig.clock.step(6000);
      await turns(5);
    }
    assert.equal(rig.alarms.length, 1, 'told of once');
  }

  it('stops its event alone: a coupon of another user where a win belongs', async (t) => {
    const rig = await openRig(t, { roles: ['claims'] });
    await unissued(rig, 10);
    rig.operate(
      'ledger.db',
      `INSERT INTO coupons VALUES ('drop', 5, 'mallory', 1, '5-ffffffffffff', NULL, 'CODE', 1, 1)`,
    );
    await rig.open();
    await stopped(rig, /slot 5/);
    assert.deepEqual(await rig.couponSlots(), [5], 'the piece is not issued in part');
    await troubleOf('recovery_conflict', () => rig.dibs.recover('drop'));
  });

  it('stops its event alone: a win of this user that stands at another slot', async (t) => {
    const rig = await openRig(t, { roles: ['claims'] });
    await unissued(rig, 10);
    rig.operate('ledger.db', `INSERT INTO coupons VALUES ('drop', 99, 'u3', 1, '99-ffffffffffff', NULL, 'CODE', 1, 1)`);
    // The gate does not cover slot 99, so that the event waits from the start.
    await rig.open();
    await troubleOf('recovering', () => rig.dibs.claim({ eventId: 'drop', userId: 'u1' }));
    await rig.caughtUp('other');
    await troubleOf('recovery_conflict', () => rig.dibs.recover('drop'));
  });

  for (const [what, slot] of [
    ['first win', 1],
    ['win in the middle of a piece', 4],
    ['last win of a piece', 500],
    ['first win of a piece', 501],
  ] as const) {
    it(`stops its event alone: a log that lacks the ${what}`, async (t) => {
      const rig = await openRig(t, { roles: ['claims'] });
      await unissued(rig, 600);
      rig.operate('gate.db', `DELETE FROM wins WHERE slot = ${slot} AND event_no = 1`);
      await rig.open();
      await stopped(rig, new RegExp(`slot ${slot + 1}\\b`));
      const issued = await rig.couponSlots();
      assert.deepEqual(issued, slotsTo(issued.length), 'a prefix, without the gap');
      assert.ok(issued.length < slot);
    });
  }
});

describe('issuing', () => {
  it('carries every revision of an event to the ledger', async (t) => {
    const rig = await openRig(t);
    await rig.drop({ capacity: 5 }, 2);
    const { dibs } = rig;
    const closesAt = new Date(rig.clock.now() + 3_600_000);
    for (const act of [
      () => dibs.changeEvent('drop', { name: 'Renamed', capacity: 50 }),
      () => dibs.pauseEvent('drop'),
      () => dibs.changeEvent('drop', { closesAt }),
      () => dibs.resumeEvent('drop'),
      () => dibs.closeEvent('drop'),
    ]) {
      // The issuer has come to rest, and only an act of its event wakes it before the next sweep.
      for (let passed = 0; passed < 5; passed += 1) {
        rig.clock.step(50);
        await turns(5);
      }
      await act();
      const acted = rig.clock.now();
      await rig.caughtUp();
      assert.ok(rig.clock.now() - acted < 1000, 'no act waits for a sweep');
      const [event] = await rig.gate.events(['drop']);
      const kept = await rig.ledger.event('drop');
      assert.deepEqual([kept?.spec, kept?.phase, kept?.revision], [event?.spec, event?.phase, event?.revision]);
    }
    assert.equal((await rig.ledger.event('drop'))?.revision, 6);
    assert.equal((await rig.soundAudit()).issued, 2);
  });

  it('carries acts and wins that are mixed, in pieces of any size', async (t) => {
    const rig = await openRig(t, { roles: ['claims'] });
    await rig.drop({ capacity: 5 });
    for (let round = 0; round < 100; round += 1) {
      await rig.win('drop', round + 1, round + 1);
      await rig.dibs.changeEvent('drop', { capacity: round + 6 });
    }
    await rig.reopen();
    await issuedOnce(rig, 100);
    assert.deepEqual((await rig.ledger.event('drop'))?.revision, 101);
  });

  it('writes 500 coupons at a time, in slot order', async (t) => {
    const rig = await openRig(t, { roles: ['claims'] });
    await rig.drop({}, 1700);
    await rig.reopen();
    await issuedOnce(rig, 1700);
    assert.deepEqual(rig.issued, [500, 500, 500, 200]);
  });

  it('lets a small event pass while a large one is under way', async (t) => {
    const order: string[] = [];
    const rig = await openRig(t, { roles: ['claims'] });
    await rig.drop({ id: 'a-large-one' }, 3000);
    await rig.drop({ id: 'small' }, 1);
    await rig.reopen({
      ledger: withIssue((batch, ledger) => {
        order.push(batch.partition);
        return ledger.issue(batch);
      }),
    });
    await rig.caughtUp('a-large-one');
    assert.ok(order.indexOf('small') <= 1, order.join());
    order.length = 0;
    const wins = rig.win('a-large-one', 3001, 5000);
    await rig.until('the large one is under way', () => order.length === 1);
    await rig.win('small', 2, 2);
    await wins;
    await rig.caughtUp('small');
    await rig.caughtUp('a-large-one');
    assert.ok(order.indexOf('small') < order.lastIndexOf('a-large-one'), order.join());
  });

  it('does not wait, piece for piece, for an event whose records cannot be read', async (t) => {
    const rig = await openRig(t, { roles: ['claims'] });
    await rig.drop({ id: 'bad' }, 1);
    await rig.drop();
    await rig.reopen({
      log: (log) =>
        wrapLog(log, {
          read: (partition, ...rest) => (partition === 'bad' ? unavailable() : log.read(partition, ...rest)),
        }),
    });
    await rig.caughtUp();
    for (let passed = 0; passed < 60; passed += 1) {
      rig.clock.step(1000);
      await turns(3);
    }
    const start = rig.clock.now();
    await rig.win('drop', 1, 2600);
    await issuedOnce(rig, 2600);
    assert.ok(rig.clock.now() - start < 12_000, 'one of its waits at the most, and that is 10 s');
    assert.equal(rig.alarms.length, 1);
  });

  it('from the start again, where the position is gone, writes nothing twice and counts nothing twice', async (t) => {
    const rig = await openRig(t);
    await rig.drop({}, 60);
    await rig.caughtUp();
    const codes = await rig.codes();
    await rig.close();
    rig.operate('ledger.db', 'DELETE FROM log_positions');
    rig.issued.length = 0;
    // At this rate 60 coupons would take a minute: what stands already takes none of it.
    const start = rig.clock.now();
    await rig.open({ issueRatePerSecond: 1 });
    await rig.caughtUp();
    assert.deepEqual(await rig.codes(), codes);
    assert.equal((await rig.dibs.figures()).issued, 0);
    assert.deepEqual(rig.issued, []);
    assert.ok(rig.clock.now() - start < 10_000);
    await issuedOnce(rig, 60);
  });

  it('begins at the position of the ledger, however often it starts', async (t) => {
    const rig = await openRig(t);
    await rig.drop({}, 5);
    await rig.caughtUp();
    const repeats: number[] = [];
    for (let from = 6; from <= 20; from += 5) {
      await rig.reopen({
        ledger: withIssue(async (batch, ledger) => {
          const outcome = await ledger.issue(batch);
          if (outcome.outcome === 'issued') repeats.push(outcome.repeats);
          return outcome;
        }),
      });
      await rig.win('drop', from, from + 4);
      await rig.caughtUp();
    }
    await issuedOnce(rig, 20);
    assert.deepEqual(new Set(repeats), new Set([0]));
  });
});

describe('stopping', () => {
  it('in the middle of a piece ends with the piece, and what is left is issued at the next start', async (t) => {
    const { opened, open } = latch();
    let asked = 0;
    const rig = await openRig(t, { roles: ['claims'] });
    await rig.drop({}, 1300);
    await rig.reopen({
      ledger: withIssue(async (batch, ledger) => {
        asked += 1;
        if (asked === 2) await opened;
        return ledger.issue(batch);
      }),
    });
    await rig.until('the second piece is under way', () => asked === 2);
    const closing = rig.close();
    await turns(20);
    open();
    await closing;
    assert.equal(asked, 2, 'no third piece was begun');
    const [place] = rig.operate(
      'ledger.db',
      'SELECT position, (SELECT COUNT(*) FROM coupons) AS coupons FROM log_positions',
    );
    assert.deepEqual({ ...place }, { position: '1000-0', coupons: 1000 });
    await rig.open();
    await issuedOnce(rig, 1300);
  });

  it('in the middle of a piece of one event begins with no other', async (t) => {
    const { opened, open } = latch();
    const partitions: string[] = [];
    const rig = await openRig(t, { roles: ['claims'] });
    for (const id of ['a', 'b', 'c']) await rig.drop({ id }, 5);
    await rig.reopen({
      ledger: withIssue(async (batch, ledger) => {
        partitions.push(batch.partition);
        await opened;
        return ledger.issue(batch);
      }),
    });
    await until('one is under way', () => partitions.length === 1);
    const closing = rig.close();
    open();
    await closing;
    assert.equal(partitions.length, 1);
    await rig.open();
    for (const id of ['a', 'b', 'c']) assert.equal((await rig.soundAudit(id)).issued, 5);
  });

  it('while the ledger is away does not wait for it', async (t) => {
    const rig = await openRig(t, { ledger: withIssue(unavailable) });
    await rig.drop({}, 3);
    await until('an alarm', () => rig.alarms.length === 1);
    await rig.close();
    await rig.open();
    await issuedOnce(rig, 3);
  });

  it('closes nothing under a piece that is under way', async (t) => {
    const { opened, open } = latch();
    const calls: string[] = [];
    const rig = await openRig(t, {
      ledger: (ledger) =>
        wrapLedger(ledger, {
          issue: async (batch) => {
            calls.push('issue');
            await opened;
            const outcome = await ledger.issue(batch);
            calls.push('issued');
            return outcome;
          },
          close: async () => {
            calls.push('close');
            await ledger.close();
          },
        }),
    });
    await rig.drop({}, 1);
    await until('a piece is under way', () => calls.length === 1);
    const closing = rig.close();
    await turns(20);
    assert.deepEqual(calls, ['issue']);
    open();
    await closing;
    assert.deepEqual(calls, ['issue', 'issued', 'close']);
  });
});
