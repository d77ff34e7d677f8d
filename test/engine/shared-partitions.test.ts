/** Workers that share the partitions of one log: whoever holds which, and for how long, each win is issued once. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import type { IssueBatch, IssueOutcome, Ledger } from '../../src/core/ledger.ts';
import { wrapLedger, wrapLog } from '../../src/testing/canaries/wrap.ts';
import { apart, Fleet, one, openFleet, type Process, type ProcessOptions, slotsFrom, three, two } from './fleet.ts';
import { latch, turns } from './fixture.ts';

type Issue = (batch: IssueBatch, ledger: Ledger) => Promise<IssueOutcome>;

/** A worker that holds what the test says, and what it asked of the ledger. */
interface Worker extends Process {
  readonly outcomes: string[];
  holds: boolean;
}

async function openWorker(fleet: Fleet, name: string, holds: boolean, issue?: Issue): Promise<Worker> {
  const state = { outcomes: [] as string[], holds };
  const options: ProcessOptions = {
    roles: ['issuing'],
    log: (log) => wrapLog(log, { holds: () => state.holds }),
    ledger: (ledger) =>
      wrapLedger(ledger, {
        async issue(batch) {
          const outcome = await (issue?.(batch, ledger) ?? ledger.issue(batch));
          state.outcomes.push(outcome.outcome);
          return outcome;
        },
      }),
  };
  return Object.assign(state, await fleet.open(name, options));
}

async function api(fleet: Fleet): Promise<Process> {
  return fleet.open('api', { roles: ['claims'] });
}

/** Each win of the event has one coupon, and its own. */
function areIssued(fleet: Fleet, eventId: string, count: number): void {
  assert.deepEqual(fleet.slots(eventId), slotsFrom(1, count), eventId);
  assert.deepEqual(
    fleet.coupons(eventId).map(({ claimId }) => claimId),
    fleet.entry(eventId).wins.map(({ claimId }) => claimId),
  );
  assert.deepEqual(fleet.failures(eventId), []);
}

describe('workers that share the partitions', () => {
  it('issue each win once, whoever holds what, comes, goes or dies', async () => {
    const step = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({
          what: fc.constant('win' as const),
          event: fc.constantFrom(one, two, three, apart),
          count: fc.integer({ min: 1, max: 40 }),
        }),
      },
      {
        weight: 4,
        arbitrary: fc.record({
          what: fc.constant('hold' as const),
          worker: fc.nat({ max: 9 }),
          holds: fc.boolean(),
        }),
      },
      { weight: 3, arbitrary: fc.record({ what: fc.constant('pass' as const), ms: fc.integer({ min: 5, max: 400 }) }) },
      { weight: 1, arbitrary: fc.record({ what: fc.constant('act' as const), event: fc.constantFrom(one, two) }) },
      { weight: 1, arbitrary: fc.record({ what: fc.constantFrom('come', 'go', 'die'), worker: fc.nat({ max: 9 }) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), async (steps) => {
        const fleet = new Fleet();
        const claims = await api(fleet);
        const won = new Map<string, number>();
        for (const id of [one, two, three, apart]) await fleet.drop(claims, id);
        const workers = [await openWorker(fleet, 'w0', true), await openWorker(fleet, 'w1', false)];
        const alarms: string[] = [];
        let opened = 2;
        for (const step of steps) {
          if (step.what === 'win') {
            const before = won.get(step.event) ?? 0;
            await fleet.win(claims, step.event, before + 1, before + step.count);
            won.set(step.event, before + step.count);
          } else if (step.what === 'hold') {
            const worker = workers[step.worker % Math.max(1, workers.length)];
            if (worker !== undefined) worker.holds = step.holds;
          } else if (step.what === 'pass') await fleet.pass(step.ms);
          else if (step.what === 'act') await claims.dibs.changeEvent(step.event, { name: `At ${fleet.clock.now()}` });
          else if (step.what === 'come') workers.push(await openWorker(fleet, `w${(opened += 1)}`, true));
          else {
            const [worker] = workers.splice(step.worker % Math.max(1, workers.length), 1);
            if (step.what === 'die') await worker?.kill();
            else await worker?.close();
            alarms.push(...(step.what === 'die' ? [] : (worker?.alarms ?? [])));
          }
        }
        const last = await openWorker(fleet, 'last', true);
        await fleet.pass(6_000);
        await fleet.sound(last);
        for (const id of [one, two, three, apart]) areIssued(fleet, id, won.get(id) ?? 0);
        for (const worker of [...workers, last]) alarms.push(...worker.alarms);
        assert.deepEqual(alarms, []);
        await fleet.close();
      }),
      { numRuns: 25 },
    );
  });

  it('let go of what they hold no longer, woken or not', async (t) => {
    const fleet = openFleet(t);
    const claims = await api(fleet);
    const first = await openWorker(fleet, 'first', true);
    await fleet.drop(claims, one, 10);
    await fleet.sound(first);
    const before = first.outcomes.length;
    first.holds = false;
    // It relays and is woken by that, and is not to issue all the same.
    await fleet.win(claims, one, 11, 20);
    await fleet.pass(300);
    assert.deepEqual([first.outcomes.slice(before), fleet.slots().length], [[], 10]);
    const second = await openWorker(fleet, 'second', true);
    await fleet.win(claims, one, 21, 30);
    await fleet.sound(second);
    assert.deepEqual(first.outcomes.slice(before), []);
    // What it knew of the partition is as old as its leaving; what it says is what the ledger says now.
    const [figures] = (await first.dibs.figures()).events;
    assert.deepEqual([figures?.won, figures?.unissued], [30, 0]);
    // And when it has it again, it goes on where the other has been.
    second.holds = false;
    await fleet.pass(200);
    first.holds = true;
    await fleet.win(claims, one, 31, 40);
    await fleet.sound(first);
    assert.deepEqual(new Set([...first.outcomes, ...second.outcomes]), new Set(['issued']));
    areIssued(fleet, one, 40);
  });

  it('that both think a partition theirs get in each other’s way, and each goes on when the other is gone', async (t) => {
    const fleet = openFleet(t);
    const claims = await api(fleet);
    const workers = [await openWorker(fleet, 'first', true), await openWorker(fleet, 'second', true)];
    await fleet.drop(claims, one);
    for (let round = 0; round < 20; round += 1) {
      await fleet.win(claims, one, round * 10 + 1, round * 10 + 10);
      await fleet.pass(150);
    }
    await fleet.sound(claims);
    assert.ok(
      workers.some(({ outcomes }) => outcomes.includes('moved')),
      'they have met',
    );
    await workers[0]?.kill();
    await fleet.win(claims, one, 201, 230);
    await fleet.pass(6_000);
    await fleet.sound(claims);
    areIssued(fleet, one, 230);
  });

  /** The first's answer, or its question, is held up while the second takes the partition over. */
  for (const [name, when] of [
    ['before it is asked', 'before'],
    ['before it answers', 'after'],
  ] as const) {
    it(`write once what was in hand when the partition went over, the ledger being slow ${name}`, async (t) => {
      const fleet = openFleet(t);
      const claims = await api(fleet);
      const { opened, open } = latch();
      let isHeld = false;
      const first = await openWorker(fleet, 'first', true, async (batch, ledger) => {
        if (batch.coupons.length === 0 || isHeld) return ledger.issue(batch);
        isHeld = true;
        if (when === 'before') await opened;
        const outcome = await ledger.issue(batch);
        if (when === 'after') await opened;
        return outcome;
      });
      const second = await openWorker(fleet, 'second', false);
      await fleet.drop(claims, one, 20);
      await fleet.until('the first has something in hand', () => isHeld);
      first.holds = false;
      second.holds = true;
      await fleet.win(claims, one, 21, 35);
      await fleet.sound(second);
      open();
      await turns(50);
      await fleet.win(claims, one, 36, 40);
      await fleet.sound(second);
      areIssued(fleet, one, 40);
      assert.equal(first.outcomes.includes('moved'), when === 'before');
    });
  }

  it('whose commit was made and whose answer was lost repeat nothing', async (t) => {
    const fleet = openFleet(t);
    const claims = await api(fleet);
    let first: Worker | null = null;
    first = await openWorker(fleet, 'first', true, async (batch, ledger) => {
      const outcome = await fleet.ledger.issue(batch);
      if (batch.coupons.length > 0) await first?.kill();
      return ledger.issue(batch).then(() => outcome);
    });
    await fleet.drop(claims, one, 20);
    await fleet.until('it has written', () => fleet.slots().length === 20);
    const second = await openWorker(fleet, 'second', true);
    await fleet.pass(6_000);
    await fleet.win(claims, one, 21, 30);
    await fleet.sound(second);
    areIssued(fleet, one, 30);
    assert.equal((await second.dibs.figures()).issued, 10, 'none of those that were written');
  });

  it('find out at once what another has stopped, though it comes between', async (t) => {
    const fleet = openFleet(t);
    const { opened, open } = latch();
    let inHand = 0;
    const second = await openWorker(fleet, 'second', false, async (batch, ledger) => {
      inHand += batch.coupons.length;
      await opened;
      return ledger.issue(batch);
    });
    // Their sweeps lie apart, and the first's comes before the second could look anew by one of its own.
    await fleet.pass(50);
    const first = await openWorker(fleet, 'first', true);
    const claims = await api(fleet);
    await fleet.drop(claims, one, 4);
    await fleet.sound(claims);
    const win = { slot: 6, userId: 'mallory', nth: 1, claimId: '6-ffffffffffff', key: null, wonAt: 1 };
    fleet.data.coupons.push({ ...win, eventId: one, code: 'C', issuedAt: 1 });
    first.holds = false;
    second.holds = true;
    await fleet.win(claims, one, 5, 7);
    await fleet.until('the second has them in hand', () => inHand === 3);
    first.holds = true;
    await fleet.until('the first has stopped the event', () => fleet.data.stopped.has(one));
    // Another win is in the log, and no time passes in which the second could be told.
    await fleet.gate.admit(one, [{ userId: 'u8', key: 'k8' }]);
    await fleet.log.append?.(await fleet.gate.outbox(one, '7-0', 10));
    open();
    await turns(50);
    assert.deepEqual(second.outcomes, ['moved', 'issued']);
    assert.deepEqual([fleet.slots(), fleet.failures().length], [[1, 2, 3, 4, 6], 4]);
  });
});

/** The worker's figure of each partition that has something. */
async function lagsOf(worker: Process): Promise<Record<string, number>> {
  const { logLags } = await worker.dibs.figures();
  return Object.fromEntries(logLags.map(({ partition, records }) => [partition, records]));
}

describe('the lag of the log', () => {
  async function lagging(t: TestContext) {
    const fleet = openFleet(t);
    const claims = await api(fleet);
    const away = { isAway: true };
    const worker = await openWorker(fleet, 'worker', true, async (batch, ledger) => {
      if (away.isAway) throw new Error('away');
      return ledger.issue(batch);
    });
    await fleet.drop(claims, one, 5);
    await fleet.drop(claims, apart, 5);
    await fleet.until('the relay has sent them', async () => (await fleet.logged(apart)).length >= 2);
    await fleet.pass(200);
    return { fleet, claims, worker, away };
  }

  it('counts what each partition has that the ledger has not, and comes down to nothing', async (t) => {
    const { fleet, claims, worker, away } = await lagging(t);
    const partitions = [fleet.log.partitionOf(one), fleet.log.partitionOf(apart)] as const;
    const before = await lagsOf(worker);
    assert.deepEqual([before[partitions[0]], before[partitions[1]]], [2, 2]);
    await fleet.win(claims, one, 6, 6);
    await fleet.pass(200);
    const later = await lagsOf(worker);
    assert.deepEqual([later[partitions[0]], later[partitions[1]]], [3, 2]);
    away.isAway = false;
    await fleet.sound(worker);
    assert.deepEqual(new Set(Object.values(await lagsOf(worker))), new Set([0]));
  });

  it('is told by who issues the partition, and by no other', async (t) => {
    const { fleet, claims, worker } = await lagging(t);
    assert.deepEqual(await lagsOf(claims), {});
    const idle = await openWorker(fleet, 'idle', false);
    await fleet.pass(200);
    assert.deepEqual(await lagsOf(idle), {});
    worker.holds = false;
    await fleet.pass(200);
    assert.deepEqual(await lagsOf(worker), {});
  });
});
