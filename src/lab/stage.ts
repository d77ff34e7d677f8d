import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { EnginePlan } from './engine.ts';
import { endAll } from './end-all.ts';
import { crashes } from './faults.ts';
import { Fleet } from './fleet.ts';
import { type MemberEars, MemberProcess, Refused } from './member-process.ts';
import type { MemberPlan } from './messages.ts';
import { makePlace, type OwnPlace } from './place.ts';
import type { ServiceAddresses } from './services.ts';
import { openSession, type Session } from './session.ts';
import { type Counts, counting, noCounts } from './steps.ts';
import { Stores } from './stores/stores.ts';
import type { Scene, Strategy } from './strategy.ts';
import type { Circumstances } from './terms.ts';
import { BrokenOff, StoreTrouble } from './trouble.ts';

/** The stores of a run, its processes, and a session of the lab's own. */
export interface Stage {
  readonly own: OwnPlace;
  readonly session: Session;
  /** What the session has come to. */
  readonly counts: Counts;
  readonly consumers: readonly MemberProcess[];
  /** Aborted when the lab is, and when a store fails: all processes are then dead already. */
  readonly signal: AbortSignal;
  startServers(servers: number): Promise<Fleet>;
}

/** It could not even begin: a service does not answer, or refuses what is asked of it. */
export class CannotRun extends Error {
  override readonly name = 'CannotRun';
  /** False: what answers is only not what is needed, as a Redis that may lose what it has acknowledged is not to the engine. */
  readonly isTrouble: boolean;

  constructor(cause: StoreTrouble | Refused) {
    super(cause.message, { cause });
    this.isTrouble = !(cause instanceof Refused && cause.isUnfit);
  }
}

async function orCannotRun<T>(beginning: Promise<T>): Promise<T> {
  try {
    return await beginning;
  } catch (error) {
    if (error instanceof StoreTrouble || error instanceof Refused) throw new CannotRun(error);
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
  readonly signal: AbortSignal;
  /** Not null: each step of a claim is told to it, and waits. */
  readonly onStep: MemberEars['onStep'] | null;
}

/** Makes the place of a run and starts its consumers, has `act` do the rest, and leaves nothing. */
export async function onStage<T>(plan: StagePlan, act: (stage: Stage) => Promise<T>): Promise<T> {
  const { strategy, circumstances, addresses } = plan;
  const { database, variant } = circumstances;
  const needs = strategy.needs(variant);
  const withEngine = needs.includes('engine');
  const redis = !needs.includes('redis') ? null : withEngine ? 'database' : 'keys';
  const partitions = strategy.partitions?.(variant) ?? 0;
  plan.signal.throwIfAborted();
  const own = await orCannotRun(makePlace(database, addresses, { redis, partitions, tables: !withEngine }));
  const processes = new Processes(plan);
  const counts = noCounts();
  const stores = new Stores(own.place, () => undefined);
  const session = openSession(stores, null, counting(counts), counts);
  const close = (): Promise<void> =>
    endAll([
      { what: 'the processes of the run', end: () => processes.close() },
      { what: "the lab's own session", end: () => session.close() },
      { what: "the lab's own connections", end: () => stores.close() },
      { what: 'the place of the run', end: () => own.remove() },
    ]);
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(processes.signal.reason);
  processes.signal.addEventListener('abort', abort, { once: true });
  let outcome: T;
  try {
    const acting = setStage(plan, own, { processes, session, counts }).then(act);
    // What the lab itself waits for may hang, and then is not waited for.
    outcome = await Promise.race([acting, aborted.promise]);
  } catch (error) {
    await close().catch(() => undefined);
    // What processes that were killed for it say comes from that.
    throw processes.brokenBy ?? error;
  }
  processes.signal.removeEventListener('abort', abort);
  await close();
  return outcome;
}

async function setStage(
  plan: StagePlan,
  own: OwnPlace,
  { processes, session, counts }: { processes: Processes } & Pick<Stage, 'session' | 'counts'>,
): Promise<Stage> {
  const { strategy, circumstances, capacity, onStep } = plan;
  const { database, variant, servers, inFlight, fault } = circumstances;
  const scene: Scene = { capacity, database, variant, memory: new Int32Array(0) };
  const base = {
    strategy: strategy.name,
    scene: { capacity, database, variant },
    place: own.place,
    folder: own.folder,
    fault,
    claimsAtOnce: Math.ceil(inFlight / servers / (strategy.threads ?? 1)),
    isStepped: onStep !== null,
  };
  const engineOf = enginesOf(plan, own);
  await orCannotRun(strategy.setup?.(session, scene) ?? Promise.resolve());
  const consumers: MemberProcess[] = [];
  for (let partition = 0; partition < (strategy.partitions?.(variant) ?? 0); partition += 1) {
    consumers.push(await orCannotRun(processes.start({ ...base, engine: null, partition, crash: null })));
  }
  const startServer = async (index: number, life: number): Promise<MemberProcess> => {
    const crash = crashOf(plan, index, life);
    if (life > 1 && crashOf(plan, index, life - 1) === null)
      throw new BrokenOff('a server of the run has ended, and nobody has killed it');
    return await processes.start({ ...base, partition: null, engine: engineOf(index === 0 && life === 1), crash });
  };
  return {
    own,
    session,
    counts,
    consumers,
    signal: processes.signal,
    startServers: (count) => orCannotRun(Fleet.start(count, startServer)),
  };
}

/** What the engine of a process is opened over; null without one. */
function enginesOf(
  { strategy, circumstances, capacity }: StagePlan,
  { place, folder, name }: OwnPlace,
): (isFirst: boolean) => EnginePlan | null {
  const needs = strategy.needs(circumstances.variant);
  if (!needs.includes('engine')) return () => null;
  const secret = randomBytes(32).toString('base64url');
  const { database, databaseUrl, redisUrl } = place;
  return (isFirst) => ({
    gate: needs.includes('redis') ? 'redis' : 'sqlite',
    redisUrl,
    database,
    databaseUrl,
    folder: join(folder, 'engine'),
    eventId: name,
    capacity,
    secret,
    isFirst,
  });
}

/**
 * The first server is killed, as often as there are crashes, each time when half of its share is given away. One user has but
 * one place to be given, by whichever server: then it is any of several, once each, at the first such step.
 */
function crashOf({ strategy, circumstances, capacity }: StagePlan, index: number, life: number): MemberPlan['crash'] {
  const { fault, users, servers } = circumstances;
  if (fault !== 'crash-between') return null;
  const behind = strategy.crashBehind;
  if (users === 'one') return life <= (servers === 1 ? crashes : 1) ? { behind, at: 1 } : null;
  return index === 0 && life <= crashes ? { behind, at: Math.ceil(capacity / 2 / servers) } : null;
}

/** All processes of a run, so that none of them is left, whatever becomes of it. */
class Processes {
  readonly #plan: StagePlan;
  readonly #all = new Set<MemberProcess>();
  readonly #broken = new AbortController();
  readonly signal: AbortSignal;
  readonly #kill = (): void => {
    for (const one of this.#all) one.kill();
  };

  constructor(plan: StagePlan) {
    this.#plan = plan;
    this.signal = AbortSignal.any([plan.signal, this.#broken.signal]);
    // Whatever is under way then fails at once, however long it would have taken.
    this.signal.addEventListener('abort', this.#kill, { once: true });
  }

  /** What a store has failed by; null where none has. */
  get brokenBy(): BrokenOff | null {
    return this.#broken.signal.aborted ? (this.#broken.signal.reason as BrokenOff) : null;
  }

  async start(plan: MemberPlan): Promise<MemberProcess> {
    this.signal.throwIfAborted();
    const member = new MemberProcess(this.#plan.module, {
      onStep: this.#plan.onStep ?? (() => undefined),
      onBroken: (reason) => this.#broken.abort(new BrokenOff(reason)),
    });
    this.#all.add(member);
    void member.ended.then(() => this.#all.delete(member));
    try {
      await member.open(plan);
      return member;
    } catch (error) {
      member.kill();
      throw error;
    }
  }

  async close(): Promise<void> {
    this.signal.removeEventListener('abort', this.#kill);
    await Promise.all([...this.#all].map((one) => one.close()));
  }
}
