import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { sendCrowd } from './crowd.ts';
import type { EnginePlan } from './engine.ts';
import { crashes } from './faults.ts';
import { Fleet, MemberProcess, Refused } from './fleet.ts';
import { judge, type ToldClaim } from './judge.ts';
import type { MemberPlan, MemberReport } from './messages.ts';
import type { LabRun } from './outcome.ts';
import { makePlace, type OwnPlace } from './place.ts';
import { openSession, type Session } from './session.ts';
import type { ServiceAddresses } from './services.ts';
import { counting, noCounts } from './steps.ts';
import { Stores } from './stores/stores.ts';
import type { Circumstances, Scene, Strategy } from './strategy.ts';
import { StoreTrouble } from './trouble.ts';

/** One run of one strategy. */
export interface RunPlan {
  readonly strategy: Strategy;
  readonly circumstances: Circumstances;
  readonly capacity: number;
  readonly seed: number;
  /** The users of the claims, in the order of their arrival. */
  readonly arrivals: readonly string[];
  /** The module that each process of the run is started with. */
  readonly module: string;
  readonly addresses: ServiceAddresses;
  readonly signal: AbortSignal;
  readonly onAnswer: () => void;
}

/** The stores of a run, its processes, and a session of the lab's own. */
export interface Stage {
  readonly own: OwnPlace;
  readonly session: Session;
  readonly consumers: readonly MemberProcess[];
  planOf(index: number, life: number): MemberPlan;
}

/** It could not even begin: a service does not answer, or refuses what is asked of it. */
export class CannotRun extends Error {
  override readonly name = 'CannotRun';
}

async function orCannotRun<T>(beginning: Promise<T>): Promise<T> {
  try {
    return await beginning;
  } catch (error) {
    if (error instanceof StoreTrouble || error instanceof Refused) throw new CannotRun(error.message, { cause: error });
    throw error;
  }
}

type Staged = Pick<RunPlan, 'strategy' | 'circumstances' | 'capacity' | 'module' | 'addresses'> & {
  readonly isStepped: boolean;
  readonly onStep?: Parameters<typeof MemberProcess.start>[2];
};

/** Makes the place of a run and starts its consumers, has `act` do the rest, and leaves nothing. */
export async function onStage<T>(plan: Staged, act: (stage: Stage) => Promise<T>): Promise<T> {
  const { strategy, circumstances, capacity, module, addresses, isStepped } = plan;
  const { database, variant, servers, inFlight, fault } = circumstances;
  const partitions = strategy.partitions?.(variant) ?? 0;
  const needs = strategy.needs(variant);
  const tables = !needs.includes('engine');
  const own = await orCannotRun(makePlace(database, addresses, { redis: needs.includes('redis'), partitions, tables }));
  const { place, folder, name } = own;
  const counts = noCounts();
  const stores = new Stores(place, () => undefined);
  const session = openSession(stores, null, counting(counts), counts);
  const scene: Scene = { capacity, database, variant, memory: new Int32Array(0) };
  const secret = randomBytes(32).toString('base64url');
  const engineOf = (isFirst: boolean): EnginePlan => ({
    gate: needs.includes('redis') ? 'redis' : 'sqlite',
    redisUrl: place.redisUrl,
    database,
    databaseUrl: database === 'sqlite' ? null : place.databaseUrl,
    folder: join(folder, 'engine'),
    eventId: name,
    capacity,
    secret,
    isFirst,
  });
  const base = {
    strategy: strategy.name,
    scene: { capacity, database, variant },
    place,
    fault,
    claimsAtOnce: Math.ceil(inFlight / servers / (strategy.threads ?? 1)),
    isStepped,
  };
  const consumers: MemberProcess[] = [];
  try {
    await strategy.setup?.(session, scene);
    for (let partition = 0; partition < partitions; partition += 1) {
      const consumer = { ...base, engine: null, partition, crash: null };
      consumers.push(await orCannotRun(MemberProcess.start(module, consumer, plan.onStep)));
    }
    return await act({
      own,
      session,
      consumers,
      planOf: (index, life) => ({
        ...base,
        partition: null,
        engine: needs.includes('engine') ? engineOf(index === 0 && life === 1) : null,
        crash: crashOf(plan, index, life),
      }),
    });
  } finally {
    await session.close();
    await Promise.all(consumers.map((consumer) => consumer.close()));
    await stores.close();
    await own.remove();
  }
}

/** Starts the servers of a run. */
export async function startServers(
  { module, onStep }: Pick<Staged, 'module' | 'onStep'>,
  stage: Stage,
  servers: number,
): Promise<Fleet> {
  return await orCannotRun(
    Fleet.start(servers, (index, life) => MemberProcess.start(module, stage.planOf(index, life), onStep)),
  );
}

/** The first server is killed, as often as there are crashes, each time when a fifth of its share is given away. */
function crashOf({ strategy, circumstances, capacity }: Staged, index: number, life: number): MemberPlan['crash'] {
  const { crashBehind } = strategy;
  if (circumstances.fault !== 'crash-between' || crashBehind === undefined || index > 0 || life > crashes) return null;
  return { behind: crashBehind, at: Math.ceil(capacity / 5 / circumstances.servers) };
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
      const looks: Promise<number>[] = [];
      const told = await sendCrowd(fleet, arrivals, {
        inFlight,
        fault,
        signal,
        onAnswer(wins) {
          if (wins >= capacity && looks.length === 0) looks.push(issuedBy(fleet, plan, session));
          onAnswer();
        },
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
