/** The rate that the organiser's database can bear: never above it, and not far below it, by a clock that tests step. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Clock } from '../../src/core/clock.ts';
import { issueRateOf } from '../../src/core/issue-rate.ts';
import type { LogRecord } from '../../src/core/record.ts';
import type { WinLog } from '../../src/core/win-log.ts';
import { createCouponMaker } from '../../src/engine/coupon-code.ts';
import { EventRegistry } from '../../src/engine/event-registry.ts';
import { Issuer, pieceWinsMax } from '../../src/engine/issuer.ts';
import { wrapLedger, wrapLog } from '../../src/testing/canaries/wrap.ts';
import { openModelGate } from '../../src/testing/model-gate.ts';
import { emptyLedgerData, openModelLedger } from '../../src/testing/model-ledger.ts';
import { openRig, turn, withIssue } from './fixture.ts';

/** So many coupons were written at this moment. */
interface Written {
  readonly at: number;
  readonly coupons: number;
}

const pieceOf = (perSecond: number): number => Math.max(1, Math.min(pieceWinsMax, Math.floor(perSecond / 10)));
/** What a pause may save up: a tenth of a second's worth, and always one coupon. */
const savedOf = (perSecond: number): number => Math.max(1, perSecond / 10);

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
  const most = perSecond + savedOf(perSecond) + pieceOf(perSecond);
  assert.ok(busiest <= most, `${busiest} in one second of ${perSecond}`);
  const mean = meanOf(written);
  assert.ok(mean >= perSecond * (1 - slack) && mean <= perSecond * 1.001, `${mean} on the mean of ${perSecond}`);
}

/** A clock whose timers count what passes, as real ones do, whatever its time of day is set to meanwhile. */
class SetClock implements Clock {
  /** What has passed, in milliseconds. */
  passed = 0;
  #offset = 1_790_000_000_000;
  readonly #sleepers = new Set<{ readonly until: number; wake(): void }>();

  now(): number {
    return this.#offset + this.passed;
  }

  /** Sets the time of day; nothing passes. */
  set(byMs: number): void {
    this.#offset += byMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (ms <= 0 || signal?.aborted === true) return Promise.resolve();
    return new Promise((resolve) => {
      const sleeper = { until: this.passed + ms, wake: () => this.#sleepers.delete(sleeper) && resolve() };
      this.#sleepers.add(sleeper);
      signal?.addEventListener('abort', sleeper.wake);
    });
  }

  /** Waits until `count` sleep, then lets pass what the first of them wants, and `lateMs` beyond, as timers do. */
  async pass(lateMs: number, count = 1): Promise<void> {
    while (this.#sleepers.size < count) await turn();
    const first = Math.min(...Array.from(this.#sleepers, ({ until }) => until));
    this.passed = Math.max(this.passed, first) + lateMs;
    for (const sleeper of Array.from(this.#sleepers)) if (sleeper.until <= this.passed) sleeper.wake();
    await turn();
  }
}

/** A log without an end: each event has ten million wins. */
function endlessLog(eventIds: readonly string[]): WinLog {
  const slotOf = (position: string) => Number(position.split('-')[0]);
  const winAt = (slot: number) => ({
    slot,
    userId: `u${slot}`,
    nth: 1,
    claimId: `${slot}-000000000000`,
    key: null,
    wonAt: 0,
  });
  return {
    kind: 'endless',
    start: '0-0',
    append: null,
    partitionOf: (eventId) => eventId,
    join: async () => undefined,
    holds: () => true,
    ends: async (after) => (after === null ? eventIds.map((partition) => ({ partition, end: '10000000-0' })) : []),
    async read(eventId, position, winsMax) {
      const from = slotOf(position);
      const wins = Array.from({ length: winsMax }, (_, at) => winAt(from + at + 1));
      const records: LogRecord[] = [{ v: 1, type: 'wins', eventId, epoch: 1, revision: 1, wins }];
      return { records, position: `${from + winsMax}-0` };
    },
    distance: (from, to) => slotOf(to) - slotOf(from),
    slotAt: slotOf,
    check: async () => undefined,
    close: async () => undefined,
  };
}

/** Issuers of one ledger that have more to do than they may, and what they write. */
async function issuersAt(perSecond: number, eventIds: readonly string[] = ['drop'], held = [eventIds]) {
  const clock = new SetClock();
  const written: Written[] = [];
  const data = emptyLedgerData();
  const model = openModelLedger(clock, data);
  await model.migrate();
  const ledger = wrapLedger(model, {
    lastSlot: async (eventId) => lastSlots.get(eventId) ?? 0,
    issue: async (batch) => {
      const outcome = await model.issue(batch);
      // What a model has written it goes through for each coupon: a test of rates must not grow slow by it.
      data.coupons = [];
      if (outcome.outcome !== 'issued') return outcome;
      lastSlots.set(batch.partition, batch.coupons.at(-1)?.slot ?? 0);
      written.push({ at: clock.passed, coupons: batch.coupons.length });
      return outcome;
    },
  });
  const lastSlots = new Map<string, number>();
  const log = endlessLog(eventIds);
  const gate = openModelGate(clock);
  const issuers = held.map(
    (partitions) =>
      new Issuer({
        gate,
        log: wrapLog(log, { holds: (partition) => partitions.includes(partition) }),
        ledger,
        registry: new EventRegistry({ gate, log, ledger }),
        clock,
        random: () => 0.5,
        couponOf: createCouponMaker('a-secret-of-the-tests'),
        rate: issueRateOf(perSecond, pieceWinsMax),
        observer: {},
        sweepIntervalMs: 5_000,
        alarm: (message) => assert.fail(message),
      }),
  );
  for (const issuer of issuers) issuer.start();
  return {
    clock,
    written,
    data,
    async pass(lateMs: number): Promise<void> {
      await clock.pass(lateMs, issuers.length);
    },
    async stop(): Promise<void> {
      await Promise.all(issuers.map((issuer) => issuer.stop()));
    },
  };
}

// A timer may be late by as much as a pause may save up, without a loss.
const lateMsMax = 50;

describe('the rate of issuing', () => {
  const rate = fc.oneof(
    fc.integer({ min: 1, max: 20_000 }),
    fc.integer({ min: 1, max: 1000 }).map((perMinute) => perMinute / 60),
    fc.integer({ min: 1, max: 100_000 }).map((perHour) => perHour / 3600),
  );
  const lates = fc.array(fc.integer({ min: 0, max: lateMsMax }), { minLength: 1, maxLength: 20 });

  it('holds for any rate, with timers that are late', async () => {
    await fc.assert(
      fc.asyncProperty(rate, lates, async (perSecond, lates) => {
        const { written, pass, stop } = await issuersAt(perSecond);
        for (let passed = 0; written.length < 40; passed += 1) await pass(lates[passed % lates.length] ?? 0);
        await stop();
        keepsTo(perSecond, written);
      }),
      { numRuns: 40 },
    );
  });

  it('is one for all events together', async () => {
    const eventIds = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    for (const perSecond of [3, 100, 5000]) {
      const { data, written, pass, stop } = await issuersAt(perSecond, eventIds);
      while (written.length < 70) await pass(1);
      await stop();
      keepsTo(perSecond, written);
      assert.deepEqual([...data.positions.keys()].toSorted(), eventIds, 'each event has its turn');
    }
  });

  for (const [name, held] of [
    ['that share the events', [['a', 'b'], ['c']]],
    ['that both think an event theirs', [['a'], ['a']]],
  ] as [string, string[][]][]) {
    it(`is one for all workers together, ${name}`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.constantFrom(2, 17, 100, 5000), lates, async (perSecond, lates) => {
          const { data, written, pass, stop } = await issuersAt(perSecond, [...new Set(held.flat())], held);
          for (let passed = 0; written.length < 60; passed += 1) await pass(lates[passed % lates.length] ?? 0);
          await stop();
          keepsTo(perSecond, written);
          assert.deepEqual([...data.positions.keys()].toSorted(), [...new Set(held.flat())]);
        }),
        { numRuns: 20 },
      );
    });
  }

  it('saves up a tenth of a second at most when the clock is set forward, and goes on when it is set back', async () => {
    const { clock, written, pass, stop } = await issuersAt(1000);
    const settle = async (pieces: number): Promise<void> => {
      for (const until = written.length + pieces; written.length < until; ) await pass(0);
    };
    await settle(20);
    for (const byMs of [3_600_000, -600_000, -3_600_000, 86_400_000]) {
      const before = total(written);
      const from = clock.passed;
      clock.set(byMs);
      await settle(20);
      const came = total(written) - before;
      const due = clock.passed - from;
      assert.ok(came <= due + savedOf(1000) + pieceOf(1000), `${came} in ${due} ms after a step of ${byMs} ms`);
      assert.ok(came >= due * 0.9, `${came} in ${due} ms after a step of ${byMs} ms`);
    }
    await stop();
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
          if (outcome.outcome === 'issued' && batch.coupons.length > 0)
            written.push({ at: rig.clock.now(), coupons: batch.coupons.length });
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
    const note = (coupons: number): void => void written.push({ at: rig.clock.now(), coupons });
    await rig.open({
      issueRatePerSecond: 10,
      ledger: (ledger) =>
        wrapLedger(ledger, {
          issue: async (batch) => {
            const outcome = await ledger.issue(batch);
            if (outcome.outcome === 'issued' && batch.coupons.length > 0) note(batch.coupons.length);
            return outcome;
          },
          reissue: async (id, coupon, rate) => {
            const outcome = await ledger.reissue(id, coupon, rate);
            if (outcome.outcome === 'issued') note(1);
            return outcome;
          },
        }),
    });
    await rig.win('drop', 61, 90);
    rig.clock.step(1000);
    await rig.until('all are issued', async () => (await rig.ledger.totals('drop')).issued === 90);
    assert.equal(total(written), 60);
    keepsTo(10, written);
  });
});
