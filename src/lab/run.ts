import { sendCrowd } from './crowd.ts';
import type { Fleet, MemberProcess } from './fleet.ts';
import { judge, type ToldClaim } from './judge.ts';
import type { MemberReport } from './messages.ts';
import type { LabRun } from './outcome.ts';
import type { Session } from './session.ts';
import { onStage, type StagePlan, startServers } from './stage.ts';
import type { Circumstances, Scene, Strategy } from './strategy.ts';

/** One run of one strategy. */
export interface RunPlan extends Omit<StagePlan, 'isStepped' | 'onStep'> {
  readonly seed: number;
  /** The users of the claims, in the order of their arrival. */
  readonly arrivals: readonly string[];
  readonly signal: AbortSignal;
  readonly onAnswer: () => void;
}

/** Runs it, judges it, and leaves nothing. */
export async function runOnce(plan: RunPlan): Promise<Omit<LabRun, 'expected' | 'asExpected' | 'tries'>> {
  const { strategy, circumstances, capacity, arrivals, seed, onAnswer, signal } = plan;
  const { inFlight, fault, servers } = circumstances;
  return await onStage({ ...plan, isStepped: false }, async (stage) => {
    const { session, consumers, own } = stage;
    const fleet = await startServers(plan, stage, servers);
    // Whatever is under way then fails, and everything is taken down.
    const stop = (): void => void fleet.close();
    signal.addEventListener('abort', stop, { once: true });
    try {
      await own.locks.start();
      const startedAt = Date.now();
      const began = performance.now();
      let lost = 0;
      const looks: Promise<number>[] = [];
      const told = await sendCrowd(fleet, arrivals, {
        inFlight,
        fault,
        signal,
        onAnswer(wins) {
          if (wins >= capacity && looks.length === 0) looks.push(issuedBy(fleet, plan, session));
          onAnswer();
        },
        onLost: () => void (lost += 1),
      });
      const seconds = (performance.now() - began) / 1000;
      const [issuedAtOnce = null] = await Promise.all(looks);
      await Promise.all(consumers.map((consumer) => consumer.drain()));
      await strategy.reissue?.(session);
      const serverLockWaits = await own.locks.stop();
      const ending = await endingOf(fleet, consumers, plan, session);
      const { users, numbers, coupons, allotted, lastCouponAt, reports } = ending;
      return {
        ...circumstances,
        ...judge({ capacity, told, users, coupons, allotted }),
        strategy: strategy.name,
        claims: arrivals.length,
        capacity,
        seed,
        issuedAtOnce,
        seconds,
        ...pace(told, seconds),
        lastCouponSeconds: lastCouponAt === 0 ? null : Math.max(0, lastCouponAt - startedAt) / 1000,
        ...costs(reports, told.length, serverLockWaits),
        struck: fault === null ? null : lost + fleet.restarts + struckIn(reports),
        overtaken: overtakenIn(numbers),
      };
    } finally {
      signal.removeEventListener('abort', stop);
      await fleet.close();
    }
  });
}

const isEngine = (strategy: Strategy, { variant }: Circumstances): boolean =>
  strategy.needs(variant).includes('engine');

async function issuedBy(fleet: Fleet, { strategy, circumstances }: RunPlan, { sql }: Session): Promise<number> {
  if (!isEngine(strategy, circumstances)) return await sql.number('SELECT COUNT(*) FROM coupons');
  return (await (await fleet.member(0)).report()).issued ?? 0;
}

interface Reports {
  readonly servers: readonly MemberReport[];
  readonly consumers: readonly MemberReport[];
}

/** What the stores hold once nothing is on its way, and what the processes have counted. */
async function endingOf(
  fleet: Fleet,
  consumers: readonly MemberProcess[],
  { strategy, circumstances, capacity }: RunPlan,
  session: Session,
) {
  const members = await fleet.all();
  const issued = isEngine(strategy, circumstances) ? await members[0]?.coupons() : undefined;
  const rows = issued === undefined ? await session.sql.rows('SELECT user_id, number FROM coupons ORDER BY id') : [];
  const reports: Reports = {
    servers: await Promise.all(members.map((member) => member.report())),
    consumers: await Promise.all(consumers.map((consumer) => consumer.report())),
  };
  const scene: Scene = { ...circumstances, capacity, memory: new Int32Array(0) };
  const own = reports.servers.map(({ allotted }) => allotted).filter((allotted) => allotted !== null);
  // Whoever keeps its books in memory has lost them with a server that died.
  const remembered = own.length === 0 || circumstances.fault === 'crash-between' ? null : sum(own);
  return {
    reports,
    coupons: issued?.coupons ?? null,
    users: rows.map(([userId]) => String(userId)),
    numbers: rows.map(([, number]) => (number === null ? null : Number(number))),
    allotted: (await strategy.allotted?.(session, scene)) ?? remembered,
    lastCouponAt: Math.max(
      issued?.lastCouponAt ?? 0,
      ...[...reports.servers, ...reports.consumers].map(({ counts }) => counts.lastCouponAt),
    ),
  };
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

function pace(told: readonly ToldClaim[], seconds: number) {
  const sorted = told.map(({ askedAt, answeredAt }) => answeredAt - askedAt).toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
  return { claimsPerSecond: Math.round(told.length / seconds), p50Ms: at(0.5), p99Ms: at(0.99) };
}

function costs({ servers, consumers }: Reports, claims: number, serverLockWaits: number) {
  const of = (reports: readonly MemberReport[], field: 'statements' | 'aborted' | 'waits'): number =>
    sum(reports.map(({ counts }) => counts[field]));
  const batches = servers.map(({ batches }) => batches).filter((count) => count !== null);
  const all = [...servers, ...consumers];
  return {
    statementsPerClaim: batches.length > 0 ? null : of(all, 'statements') / claims,
    roundTripsPerClaim: (batches.length > 0 ? sum(batches) : of(servers, 'statements')) / claims,
    aborted: of(all, 'aborted'),
    lockWaits: of(all, 'waits') + serverLockWaits,
  };
}

const struckIn = ({ servers, consumers }: Reports): number =>
  sum([...servers, ...consumers].map(({ counts }) => counts.faults));

/** How many numbers stand before a smaller one. */
function overtakenIn(numbers: readonly (number | null)[]): number | null {
  if (numbers.length === 0 || numbers.some((number) => number === null)) return null;
  let least = Number.POSITIVE_INFINITY;
  let count = 0;
  for (const number of (numbers as readonly number[]).toReversed()) {
    if (number > least) count += 1;
    least = Math.min(least, number);
  }
  return count;
}
