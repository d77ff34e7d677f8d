import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { EnginePlan } from './engine.ts';
import { crashes } from './faults.ts';
import { Fleet, MemberProcess, type OnStep, Refused } from './fleet.ts';
import type { MemberPlan } from './messages.ts';
import { makePlace, type OwnPlace } from './place.ts';
import type { ServiceAddresses } from './services.ts';
import { openSession, type Session } from './session.ts';
import { counting, noCounts } from './steps.ts';
import { Stores } from './stores/stores.ts';
import type { Circumstances, Scene, Strategy } from './strategy.ts';
import { StoreTrouble } from './trouble.ts';

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

/** What a run is made of, before anybody claims. */
export interface StagePlan {
  readonly strategy: Strategy;
  readonly circumstances: Circumstances;
  readonly capacity: number;
  /** The module that each process of the run is started with. */
  readonly module: string;
  readonly addresses: ServiceAddresses;
  /** True: each step of a claim is told to `onStep`, and waits. */
  readonly isStepped: boolean;
  readonly onStep?: OnStep;
}

/** Makes the place of a run and starts its consumers, has `act` do the rest, and leaves nothing. */
export async function onStage<T>(plan: StagePlan, act: (stage: Stage) => Promise<T>): Promise<T> {
  const { strategy, circumstances, capacity, module, addresses, isStepped } = plan;
  const { database, variant, servers, inFlight, fault } = circumstances;
  const partitions = strategy.partitions?.(variant) ?? 0;
  const needs = strategy.needs(variant);
  const withEngine = needs.includes('engine');
  const redis = !needs.includes('redis') ? null : withEngine ? 'database' : 'keys';
  const own = await orCannotRun(makePlace(database, addresses, { redis, partitions, tables: !withEngine }));
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
        engine: withEngine ? engineOf(index === 0 && life === 1) : null,
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
  { module, onStep }: Pick<StagePlan, 'module' | 'onStep'>,
  stage: Stage,
  servers: number,
): Promise<Fleet> {
  return await orCannotRun(
    Fleet.start(servers, (index, life) => MemberProcess.start(module, stage.planOf(index, life), onStep)),
  );
}

/** The first server is killed, as often as there are crashes, each time when half of its share is given away. */
function crashOf({ strategy, circumstances, capacity }: StagePlan, index: number, life: number): MemberPlan['crash'] {
  const { crashBehind } = strategy;
  if (circumstances.fault !== 'crash-between' || crashBehind === undefined || index > 0 || life > crashes) return null;
  // One user has but one place to be given.
  const at = circumstances.users === 'one' ? 1 : Math.ceil(capacity / 2 / circumstances.servers);
  return { behind: crashBehind, at };
}
