/**
 * What the cases of the whole are run against: one server with files of its own, or a fleet of many around real stores. A case
 * says what must hold and is written once; where it is run, a site does what the case asks of its processes and stores.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before } from 'node:test';
import { createClient } from 'redis';
import type { Service, StartOptions } from '../../services/services.ts';
import { KeyNames } from '../../src/gates/redis/keys.ts';
import { readKeys } from '../../src/lib/keys.ts';
import { partitionIndexOf } from '../../src/logs/kafka/place.ts';
import { Fleet } from './fleet.ts';
import { databaseAccess, fileAccess, type LedgerAccess } from './ledger-access.ts';
import { type Ended, frontOf, type Front, scene, type TestServer } from './server.ts';
import { type DatabaseName, freshStores, type LogName } from './stores.ts';

/** Where the hooks of a test, or of a suite, are told what to do in the end. */
export interface Cleanup {
  after(cleanup: () => Promise<void>): unknown;
}

export interface Site {
  /** Whoever decides claims, by turns where there are several. */
  readonly front: Front;
  /** Each of them by itself. */
  servers(): readonly Front[];
  readonly ledger: LedgerAccess;
  readonly tokenSecret: string;
  /** Starts whatever does not run. */
  start(): Promise<void>;
  /**
   * Ends every process of the engine: as a power cut does, or as a service manager. Where it does not matter how, as it goes
   * the quickest: the partitions of workers that were killed wait for 10 s until these are missed.
   */
  end(how?: 'kill' | 'stop'): Promise<void>;
  /** As a service manager ends one of those that decide claims; the others, where there are any, go on. */
  stopOne(): Promise<Ended>;
  /** Puts another process in the place of one, as a deploy does that goes round: ended by SIGTERM, and by SIGKILL by turns. */
  replaceOne(round: number): Promise<void>;
  /** How many users have won as the gate has it, past the engine. */
  winnersInGate(eventId: string): Promise<number>;
  /** An event that shares the partition of the log with another, where several do. */
  besides(eventId: string): string;
}

/** Opens a site for one test, or gives one that several share, each with events of its own. */
export type OpenSite = (t: Cleanup) => Promise<Site>;

/** One `dibs serve` with a data folder of its own. */
export async function oneServer(t: Cleanup): Promise<Site> {
  const { start, data } = await scene(t);
  let server: TestServer | null = await start();
  const running = (): TestServer => server ?? assert.fail('the server does not run');
  const startIt = async () => {
    server ??= await start();
  };
  const endBy = async (how: 'kill' | 'stop'): Promise<Ended> => {
    const ended = await running()[how]();
    server = null;
    return ended;
  };
  return {
    front: frontOf(() => [running()]),
    servers: () => [running()],
    ledger: fileAccess(data),
    tokenSecret: (await readKeys(data))?.tokenSecret ?? '',
    start: startIt,
    end: async (how = 'kill') => void (await endBy(how)),
    stopOne: () => endBy('stop'),
    async replaceOne(round) {
      await endBy(round % 2 === 0 ? 'kill' : 'stop');
      await startIt();
    },
    async winnersInGate(eventId) {
      // Its file is the server's alone while it runs.
      await endBy('stop');
      const db = new DatabaseSync(join(data, 'gate.db'), { readOnly: true });
      const { winners } =
        db
          .prepare(
            'SELECT COUNT(DISTINCT user_id) AS winners FROM wins JOIN events USING (event_no) WHERE events.event_id = ?',
          )
          .get(eventId) ?? {};
      db.close();
      await startIt();
      return Number(winners);
    },
    besides: (eventId) => `${eventId}-neighbour`,
  };
}

/** Of the topic of a fleet. */
export const partitions = 2;

export interface FleetSite extends Site {
  readonly fleet: Fleet;
  /** The test's own, which may be killed and wiped. */
  readonly redis: Service;
  readonly apis: readonly TestServer[];
  readonly workers: readonly TestServer[];
  /** As a service manager does; the apis go on. */
  endWorkers(): Promise<void>;
}

/** What a fleet of a test is made of. */
export interface FleetShape {
  readonly database: DatabaseName;
  readonly log: LogName;
  readonly apis?: number;
  readonly workers?: number;
  /** A database that is not the one of the run: a test that kills it has its own. */
  readonly databaseUrl?: string;
  readonly redis?: StartOptions;
}

/** `dibs api` and `dibs worker` around a Redis of their own, and a topic and a database of the run. */
export async function fleetSite(t: Cleanup, shape: FleetShape): Promise<FleetSite> {
  const { database, log, apis: apisWanted = 2, workers: workersWanted = 2 } = shape;
  const fresh = await freshStores(t, database, log, partitions, shape.redis);
  const stores = shape.databaseUrl === undefined ? fresh : { ...fresh, ledger: shape.databaseUrl };
  const fleet = await Fleet.of(t, stores);
  const apis: TestServer[] = [];
  const workers: TestServer[] = [];
  const start = async (): Promise<void> => {
    const missing = await fleet.start(apisWanted - apis.length, workersWanted - workers.length);
    apis.push(...missing.apis);
    workers.push(...missing.workers);
  };
  await start();
  const { redis } = stores;
  return {
    fleet,
    redis,
    apis,
    workers,
    front: frontOf(() => apis),
    servers: () => apis,
    ledger: databaseAccess(database, stores.ledger),
    tokenSecret: fleet.env['DIBS_TOKEN_SECRET'] ?? '',
    start,
    async end(how = 'stop') {
      await Promise.all([...apis.splice(0), ...workers.splice(0)].map((server) => server[how]()));
    },
    async endWorkers() {
      await Promise.all(workers.splice(0).map((worker) => worker.stop()));
    },
    stopOne: async () => (await apis.shift()?.stop()) ?? assert.fail('there is no api'),
    async replaceOne(round) {
      // A worker every third time, which takes leave: the partitions of one that is killed wait until it is missed.
      if (round % 3 === 0) await workers.shift()?.stop();
      else await apis.shift()?.[round % 2 === 0 ? 'kill' : 'stop']();
      await start();
    },
    async winnersInGate(eventId) {
      const client = createClient({ url: redis.url });
      await client.connect();
      const winners = await client.hLen(new KeyNames('dibs').of(eventId).users);
      await client.close();
      return winners;
    },
    besides(eventId) {
      const indexOf = (id: string): number => (log === 'embedded' ? 0 : partitionIndexOf(id, partitions));
      for (let n = 1; ; n += 1) if (indexOf(`${eventId}-${n}`) === indexOf(eventId)) return `${eventId}-${n}`;
    },
  };
}

/** Opens a site before the first test of the suite in which it is called, for all of them. */
export function shared<T extends Site>(open: (t: Cleanup) => Promise<T>): () => Promise<T> {
  const cleanups: (() => Promise<void>)[] = [];
  let site: T | null = null;
  before(async () => {
    site = await open({ after: (cleanup) => cleanups.push(cleanup) });
  });
  after(async () => {
    // The last first: processes before the stores that they work on.
    for (const cleanup of cleanups.reverse()) await cleanup();
  });
  return async () => site ?? assert.fail('there is no site');
}
