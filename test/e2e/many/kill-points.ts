/**
 * Processes of a fleet killed at named points, by a trap in the process itself: an api around the script and the answer, a worker
 * around what it sends to Kafka and what it writes to the database. The others go on, the clients send the same again.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { checkHistory, type History } from '../../../src/core/history.ts';
import type { HistoryEntry } from '../../../src/load/history.ts';
import { eventIn } from '../../logs/kafka/rig.ts';
import { describeService } from '../../services/shared.ts';
import { Fleet } from '../fleet.ts';
import { begun, dropsOf, kept, type Point, sprung } from '../kill-scene.ts';
import { fleetTrapped, frontOf, type TestServer } from '../server.ts';
import { shared, fleetSite } from '../site.ts';
import { type DatabaseName, freshStores } from '../stores.ts';
import { slotsOf, upTo } from '../tallies.ts';

const apiPoints: readonly Point[] = [
  { name: 'a batch of claims about to go to Redis', trap: { place: 'script', at: 'commit', holds: '^admit' } },
  {
    name: 'a later batch about to go to Redis',
    trap: { place: 'script', at: 'commit', holds: '^admit', skip: 3 },
  },
  { name: 'wins given by Redis, nobody told', trap: { place: 'script', at: 'committed', holds: '^admit with a win' } },
  {
    name: 'later wins given by Redis, nobody told',
    trap: { place: 'script', at: 'committed', holds: '^admit with a win', skip: 3 },
  },
  { name: 'an answer made, not sent', trap: { place: 'answer', at: 'commit', holds: 'claims 201', skip: 3 } },
  {
    name: 'an answer sent, those behind it not',
    trap: { place: 'answer', at: 'committed', holds: 'claims 201', skip: 3 },
  },
];

/** Registers them. What an api does has nothing to do with the database, so that one of them is enough. */
export function registerApiPoints(database: DatabaseName): void {
  describeService(['redis', 'kafka', database], 'an api killed while claims come in', () => {
    const open = shared((t) => fleetSite(t, { database, log: 'kafka', apis: 1 }));
    for (const [at, { name, trap }] of apiPoints.entries()) {
      test(`${name}: every told win stands, every place is won once`, async () => {
        const { fleet, apis, front } = await open();
        const drops = dropsOf(`point-${at}-`);
        const history = await begun(front, drops);
        const dying = await fleet.api({ preloads: [fleetTrapped] });
        await dying.arm(trap);
        // Two of three come to the one that dies: a claim and its repeat are to meet at either. What is told nothing is not sent again.
        const told = await frontOf(() => [...apis, dying, dying]).claimAll(drops.crowd, 16, 0);
        await sprung(dying);
        const untold = told.history.filter(({ outcome }) => outcome === 'unknown');
        assert.ok(untold.length > 0, 'nobody was waiting for it');
        const again = await front.claimAll(drops.crowd, 16);
        history.push(...told.history, ...again.history);
        await kept(front, history, [drops.one, drops.three]);
        assert.deepEqual(
          again.history.filter(({ outcome }) => outcome === 'unknown'),
          [],
        );
      });
    }
  });
}

const workerPoints: readonly Point[] = [
  { name: 'records about to be sent', trap: { place: 'send', at: 'commit', holds: '"type":"wins"' } },
  { name: 'records sent, which nobody knows', trap: { place: 'send', at: 'committed', holds: '"type":"wins"' } },
  { name: 'coupons written, none committed', trap: { place: 'database', at: 'statement', holds: 'INTO coupons' } },
  { name: 'coupons and position not committed', trap: { place: 'database', at: 'commit', holds: 'INTO coupons' } },
  {
    name: 'coupons committed, the issuer not told',
    trap: { place: 'database', at: 'committed', holds: 'INTO coupons' },
  },
];

const partitions = 8;
const capacity = 100_000;

/**
 * Registers them. All workers at once, each at a point of its own: one after the other, each of them would be waited for until
 * Kafka misses it, 10 s long; and so whoever takes over from one dies itself in the midst of that.
 */
export function registerWorkerPoints(database: DatabaseName): void {
  describeService(['redis', 'kafka', database], `five workers, each killed at a point of its own, ${database}`, () => {
    test('what they had in hand is sent, issued and told once by those who come after', async (t) => {
      const fleet = await Fleet.of(t, await freshStores(t, database, 'kafka', partitions));
      const { apis } = await fleet.start(2, 0);
      const front = frontOf(() => apis);
      // One event for each partition, so that every worker has something to issue.
      const specs: History['spec'][] = [];
      for (let at = 0; at < partitions; at += 1)
        specs.push(await front.create({ id: eventIn(at, partitions), capacity }));
      const workers = await Promise.all(workerPoints.map(() => fleet.worker({ preloads: [fleetTrapped] })));
      await Promise.all(workers.map((worker, at) => worker.arm((workerPoints[at] as Point).trap)));
      const history: HistoryEntry[] = [];
      // What one of them had falls to another after a while: as long as there is something new, each comes to its point.
      for (let round = 1; workers.some(runs); round += 1) {
        const plan = specs.map(({ id }) => ({ eventId: id, userId: `user-${round}`, key: null }));
        history.push(...(await front.claimAll(plan, 16)).history);
        await pause(50);
      }
      for (const [at, worker] of workers.entries()) await sprung(worker, workerPoints[at]?.name);
      await fleet.start(0, 2);
      for (const spec of specs) {
        const own = history.filter(({ eventId }) => eventId === spec.id);
        const { ok, findings, issued } = await front.settled(spec.id);
        assert.deepEqual({ ok, findings, issued }, { ok: true, findings: [], issued: own.length });
        const coupons = await front.coupons(spec.id);
        assert.deepEqual(slotsOf(coupons), upTo(own.length));
        assert.deepEqual(checkHistory({ spec, history: own, coupons, isWhole: true }), []);
      }
    });
  });
}

const runs = ({ child }: TestServer): boolean => child.exitCode === null && child.signalCode === null;
