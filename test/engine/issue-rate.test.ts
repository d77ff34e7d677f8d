/** The rate that the organiser's database can bear: never above it, and not far below it, by a clock that tests step. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { LogRecord } from '../../src/core/record.ts';
import type { WinLog } from '../../src/core/win-log.ts';
import { createCouponMaker } from '../../src/engine/coupon-code.ts';
import { EventRegistry } from '../../src/engine/event-registry.ts';
import { Issuer, pieceWinsMax } from '../../src/engine/issuer.ts';
import { wrapLedger } from '../../src/testing/canaries/wrap.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { openModelGate } from '../../src/testing/model-gate.ts';
import { emptyLedgerData, openModelLedger } from '../../src/testing/model-ledger.ts';
import { openRig, turn, withIssue } from './fixture.ts';

/** So many coupons were written at this moment. */
interface Written {
  readonly at: number;
  readonly coupons: number;
}

const pieceOf = (perSecond: number): number => Math.max(1, Math.min(pieceWinsMax, Math.floor(perSecond / 10)));

/** The most that any one second saw. */
function busiestSecond(written: readonly Written[]): number {
  let busiest = 0;
  let sum = 0;
  let from = 0;
  for (const { at, coupons } of written) {
    sum += coupons;
    for (; at - (written[from]?.at ?? 0) >= 1000; from += 1) sum -= written[from]?.coupons ?? 0;
    busiest = Math.max(busiest, sum);
  }
  return busiest;
}

const total = (written: readonly Written[]): number => written.reduce((sum, { coupons }) => sum + coupons, 0);

/** Coupons a second, the first piece apart: it was there at the start. */
function meanOf(written: readonly Written[]): number {
  const [first] = written;
  const last = written.at(-1);
  assert.ok(first !== undefined && last !== undefined && last.at > first.at);
  return ((total(written) - first.coupons) * 1000) / (last.at - first.at);
}

function keepsTo(perSecond: number, written: readonly Written[], slack = 0.1): void {
  const busiest = busiestSecond(written);
  assert.ok(busiest <= perSecond + pieceOf(perSecond), `${busiest} in one second of ${perSecond}`);
  const mean = meanOf(written);
  assert.ok(mean >= perSecond * (1 - slack) && mean <= perSecond * 1.001, `${mean} on the mean of ${perSecond}`);
}

/** A clock that says how long whoever sleeps on it wants to sleep. */
class WatchedClock extends ManualClock {
  wanted: number | null = null;

  override async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.wanted = ms;
    await super.sleep(ms, signal);
    this.wanted = null;
  }

  /** Steps to the end of the sleep, and `lateMs` beyond, as timers do. */
  async pass(lateMs: number): Promise<void> {
    while (this.wanted === null) await turn();
    this.step(Math.max(1, this.wanted) + lateMs);
    await turn();
  }
}

/** A log without an end: each event has ten million wins. */
function endlessLog(eventIds: readonly string[]): WinLog {
  const winAt = (slot: number) => ({ slot, userId: 'u', nth: 1, claimId: `${slot}-000000000000`, key: null, wonAt: 0 });
  return {
    kind: 'endless',
    start: '0-0',
    partitionOf: (eventId) => eventId,
    ends: async (after) => (after === null ? eventIds.map((partition) => ({ partition, end: '10000000-0' })) : []),
    async read(eventId, position, winsMax) {
      const from = Number(position.split('-')[0]);
      const wins = Array.from({ length: winsMax }, (_, at) => winAt(from + at + 1));
      const records: LogRecord[] = [{ v: 1, type: 'wins', eventId, epoch: 1, revision: 1, wins }];
      return { records, position: `${from + winsMax}-0` };
    },
    trim: async () => undefined,
    compare: (a, b) => Number(a.split('-')[0]) - Number(b.split('-')[0]),
    check: async () => undefined,
    close: async () => undefined,
  };
}

/** An issuer that has more to do than it may, and what it writes. */
async function issuerAt(perSecond: number, eventIds: readonly string[] = ['drop']) {
  const clock = new WatchedClock();
  const written: Written[] = [];
  const model = openModelLedger(clock, emptyLedgerData());
  await model.migrate();
  const ledger = wrapLedger(model, {
    position: async () => null,
    issue: async ({ coupons }) => {
      written.push({ at: clock.now(), coupons: coupons.length });
      return { outcome: 'issued', repeats: 0, issuedAt: clock.now() };
    },
  });
  const issuer = new Issuer({
    log: endlessLog(eventIds),
    ledger,
    registry: new EventRegistry(openModelGate(clock), ledger),
    clock,
    random: () => 0.5,
    couponOf: createCouponMaker('a-secret-of-the-tests'),
    rate: createTokenBucket(perSecond, pieceWinsMax, clock.now()),
    observer: {},
    alarm: (message) => assert.fail(message),
  });
  issuer.start();
  return { clock, issuer, written };
}

/** How late a timer may be without a loss that the bucket cannot make up for. */
const lateMaxOf = (perSecond: number): number => (perSecond < 20 ? 2 : Math.floor(Math.min(10, 100_000 / perSecond)));

describe('the rate of issuing', () => {
  it('holds for any rate, with timers that are late', async () => {
    const rate = fc.oneof(
      fc.integer({ min: 1, max: 20_000 }),
      fc.integer({ min: 1, max: 1000 }).map((perMinute) => perMinute / 60),
      fc.integer({ min: 1, max: 100_000 }).map((perHour) => perHour / 3600),
    );
    const late = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(rate, late, async (perSecond, late) => {
        const { clock, issuer, written } = await issuerAt(perSecond);
        for (let passed = 0; written.length < 40; passed += 1)
          await clock.pass(Math.round((late[passed % late.length] ?? 0) * lateMaxOf(perSecond)));
        await issuer.stop();
        keepsTo(perSecond, written);
      }),
      { numRuns: 60 },
    );
  });

  it('is one for all events together', async () => {
    const eventIds = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    for (const perSecond of [3, 100, 5000]) {
      const { clock, issuer, written } = await issuerAt(perSecond, eventIds);
      while (written.length < 70) await clock.pass(1);
      await issuer.stop();
      keepsTo(perSecond, written);
    }
  });

  it('is not left out of by a clock that is set', async () => {
    const { clock, issuer, written } = await issuerAt(1000);
    while (written.length < 10) await clock.pass(0);
    const before = total(written);
    clock.step(3_600_000);
    await turn();
    await turn();
    assert.ok(total(written) - before <= pieceOf(1000), 'an hour that has passed is no hour of coupons');
    await issuer.stop();
  });

  for (const [name, perSecond, count, seconds] of [
    ['100/m', 100 / 60, 20, 12],
    ['5000/s', 5000, 4000, 1],
  ] as const) {
    it(`is kept to in a real ledger: ${name}`, async (t) => {
      const written: Written[] = [];
      const rig = await openRig(t, { roles: ['claims'] });
      await rig.drop({}, count);
      await rig.reopen({
        issueRatePerSecond: perSecond,
        ledger: withIssue(async (batch, ledger) => {
          const outcome = await ledger.issue(batch);
          if (batch.coupons.length > 0) written.push({ at: rig.clock.now(), coupons: batch.coupons.length });
          return outcome;
        }),
      });
      const start = rig.clock.now();
      await rig.soundAudit();
      assert.equal(total(written), count);
      keepsTo(perSecond, written);
      assert.ok(rig.clock.now() - start <= seconds * 1100);
    });
  }

  it('lets replays and acts through that no coupon waits for', async (t) => {
    const rig = await openRig(t, { issueRatePerSecond: 1 });
    await rig.drop({ limitPerUser: 1 }, 5);
    for (let count = 0; count < 50; count += 1) await rig.win('drop', 1, 5);
    await rig.dibs.changeEvent('drop', { name: 'Renamed' });
    await rig.caughtUp();
    assert.equal((await rig.ledger.event('drop'))?.spec.name, 'Renamed');
    assert.equal((await rig.soundAudit()).issued, 5);
  });

  it('is shared with what is reissued', async (t) => {
    const written: Written[] = [];
    const rig = await openRig(t, { roles: ['claims'] });
    await rig.drop({}, 60);
    rig.plant(Array.from({ length: 30 }, (_, at) => at + 1));
    await rig.reopen();
    await rig.caughtUp();
    rig.unplant();
    await rig.close();
    await rig.open({
      issueRatePerSecond: 10,
      ledger: (ledger) =>
        wrapLedger(ledger, {
          issue: async (batch) => {
            if (batch.coupons.length > 0) written.push({ at: rig.clock.now(), coupons: batch.coupons.length });
            return ledger.issue(batch);
          },
          reissue: async (id, coupon) => {
            written.push({ at: rig.clock.now(), coupons: 1 });
            return ledger.reissue(id, coupon, rate);
          },
        }),
    });
    await rig.win('drop', 61, 90);
    rig.clock.step(1000);
    await rig.until('all are issued', async () => (await rig.ledger.totals('drop')).issued === 90);
    assert.equal(total(written), 60);
    // Each of the two may look before the other has taken.
    const busiest = busiestSecond(written);
    assert.ok(busiest <= 10 + 2 * pieceOf(10), `${busiest} in one second`);
    const mean = meanOf(written);
    assert.ok(mean >= 9 && mean <= 10.5, `${mean} on the mean`);
  });
});
