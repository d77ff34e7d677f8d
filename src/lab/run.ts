import { sendCrowd } from './crowd.ts';
import { costsOf, overtakenIn, paceOf, type Reports, struckIn, sum } from './figures.ts';
import type { Fleet } from './fleet.ts';
import { judge, type ToldClaim } from './judge.ts';
import { type PlantedFault, plantLedgerFault } from './ledger-fault.ts';
import type { LabRun } from './outcome.ts';
import { onStage, type Stage, type StagePlan } from './stage.ts';
import type { Scene, Strategy } from './strategy.ts';
import type { Circumstances } from './terms.ts';

/** One run of one strategy. */
export interface RunPlan extends Omit<StagePlan, 'onStep'> {
  readonly seed: number;
  /** The users of the claims, in the order of their arrival. */
  readonly arrivals: readonly string[];
  readonly onAnswer: () => void;
}

/** What a crowd was told, and when. */
interface Told {
  readonly told: readonly ToldClaim[];
  readonly seconds: number;
  /** Answers that got lost. */
  readonly lost: number;
  /** Coupons that were there when as many wins had been told as there are places. */
  readonly issuedAtOnce: number | null;
}

/** Runs it, judges it, and leaves nothing. */
export async function runOnce(plan: RunPlan): Promise<Omit<LabRun, 'expected' | 'asExpected' | 'tries'>> {
  const { strategy, circumstances, capacity, arrivals, seed } = plan;
  const { fault, servers, database } = circumstances;
  return await onStage({ ...plan, onStep: null }, async (stage) => {
    const fleet = await stage.startServers(servers);
    try {
      const planted = isEngine(plan) ? await plantLedgerFault(stage.session.sql, circumstances) : null;
      await stage.own.locks.start();
      const startedAt = Date.now();
      const { told, seconds, lost, issuedAtOnce } = await tellCrowd(plan, stage, fleet);
      await Promise.all(stage.consumers.map((consumer) => consumer.ask('drain')));
      const reissuing = await reissue(plan, stage, { fleet, planted });
      const serverLockWaits = await stage.own.locks.count();
      const ending = await endingOf(plan, stage, { fleet, reissuing });
      const { users, numbers, coupons, allotted, lastCouponAt, reports } = ending;
      const struck =
        planted === null ? struckIn(reports) : (coupons ?? []).filter(({ slot }) => planted.strikes(slot)).length;
      return {
        ...circumstances,
        ...judge({ capacity, told, users, coupons, allotted }),
        strategy: strategy.name,
        claims: arrivals.length,
        capacity,
        seed,
        issuedAtOnce,
        seconds,
        ...paceOf(told, seconds),
        lastCouponSeconds: lastCouponAt === 0 ? null : Math.max(0, lastCouponAt - startedAt) / 1000,
        ...costsOf(reports, {
          claims: told.length,
          serverLockWaits,
          areWaitsSampled: database === 'postgres',
          hasLostCounts: fleet.restarts > 0,
        }),
        struck: fault === null ? null : lost + fleet.restarts + struck,
        overtaken: overtakenIn(numbers),
      };
    } finally {
      await fleet.close();
    }
  });
}

async function tellCrowd(plan: RunPlan, stage: Stage, fleet: Fleet): Promise<Told> {
  const { circumstances, capacity, arrivals, onAnswer } = plan;
  const { inFlight, fault } = circumstances;
  const began = performance.now();
  let lost = 0;
  // One, once so many have won; none where they never do.
  const looks: Promise<number>[] = [];
  const told = await sendCrowd(fleet, arrivals, {
    inFlight,
    fault,
    signal: stage.signal,
    onAnswer(wins) {
      if (wins >= capacity && looks.length === 0) {
        const look = issuedBy(plan, stage, fleet);
        // Whoever waits for it is told; by then the crowd may have failed.
        look.catch(() => undefined);
        looks.push(look);
      }
      onAnswer();
    },
    onLost: () => void (lost += 1),
  });
  const seconds = (performance.now() - began) / 1000;
  const [issuedAtOnce = null] = await Promise.all(looks);
  return { told, seconds, lost, issuedAtOnce };
}

const isEngine = ({ strategy, circumstances }: { strategy: Strategy; circumstances: Circumstances }): boolean =>
  strategy.needs(circumstances.variant).includes('engine');

async function issuedBy(plan: RunPlan, { session }: Stage, fleet: Fleet): Promise<number> {
  if (!isEngine(plan)) return await session.sql.number('SELECT COUNT(*) FROM coupons');
  // It may be killed at this very moment.
  return (await fleet.ask('report')).issued ?? 0;
}

/** What the batch did that reissues, once nothing is on its way. */
interface Reissuing {
  readonly statements: number;
  readonly lastCouponAt: number;
}

async function reissue(
  plan: RunPlan,
  { session, counts }: Stage,
  { fleet, planted }: { readonly fleet: Fleet; readonly planted: PlantedFault | null },
): Promise<Reissuing> {
  const { statements } = counts;
  await plan.strategy.reissue?.(session);
  const done = { statements: counts.statements - statements, lastCouponAt: counts.lastCouponAt };
  if (planted !== null) {
    // All that it can it has issued, or has seen refused, before the cause is gone.
    await fleet.ask('coupons');
    await planted.lift();
    await fleet.ask('reissue');
  }
  return done;
}

/** What the stores hold once nothing is on its way, and what the processes have counted. */
async function endingOf(
  { strategy, circumstances, capacity }: RunPlan,
  { session, consumers }: Stage,
  { fleet, reissuing }: { readonly fleet: Fleet; readonly reissuing: Reissuing },
) {
  const members = await fleet.all();
  const issued = isEngine({ strategy, circumstances }) ? await fleet.ask('coupons') : undefined;
  const rows = issued === undefined ? await session.sql.rows('SELECT user_id, number FROM coupons ORDER BY id') : [];
  const reports: Reports = {
    servers: await Promise.all(members.map((member) => member.ask('report'))),
    consumers: await Promise.all(consumers.map((consumer) => consumer.ask('report'))),
    reissuing,
  };
  const scene: Scene = { ...circumstances, capacity, memory: new Int32Array(0) };
  const own = reports.servers.map(({ allotted }) => allotted).filter((allotted) => allotted !== null);
  // Whoever keeps its books in memory has lost them with a server that died.
  const hasLostCounts = fleet.restarts > 0;
  const remembered = own.length === 0 || hasLostCounts ? null : sum(own);
  // When a server that died inserted its last coupon it has told nobody; a consumer and the engine's ledger still know.
  const inserting = consumers.length > 0 ? reports.consumers : hasLostCounts ? [] : reports.servers;
  return {
    reports,
    coupons: issued?.coupons ?? null,
    users: rows.map(([userId]) => String(userId)),
    numbers: rows.map(([, number]) => (number === null ? null : Number(number))),
    allotted: (await strategy.allotted?.(session, scene)) ?? remembered,
    lastCouponAt: Math.max(
      issued?.lastCouponAt ?? 0,
      reissuing.lastCouponAt,
      ...inserting.map(({ counts }) => counts.lastCouponAt),
    ),
  };
}
