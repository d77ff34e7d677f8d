import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSql } from '../lib/sql-file.ts';
import { type Ending, endAll } from './end-all.ts';
import { LockWatch } from './lock-watch.ts';
import { ownDatabase, prefixedSpace } from './redis-space.ts';
import type { ServiceAddresses } from './services.ts';
import type { SqlConnection } from './stores/database.ts';
import { type KafkaTopic, makeTopic } from './stores/kafka.ts';
import { databaseAt, type Place } from './stores/stores.ts';
import type { DatabaseName } from './terms.ts';

/** A place that one run has for itself, and that is gone with it. */
export interface OwnPlace {
  readonly place: Place;
  /** For what the engine keeps in files. */
  readonly folder: string;
  readonly name: string;
  /** Counts the waits for locks that only the database knows of. */
  readonly locks: LockWatch;
  remove(): Promise<void>;
}

/** What a run needs. */
interface Wanted {
  /** Keys of its own, or a whole database; null where it uses no Redis. */
  readonly redis: keyof typeof spaces | null;
  readonly partitions: number;
  /** False where the engine makes its own. */
  readonly tables: boolean;
}

const spaces = { keys: async (url: string, name: string) => prefixedSpace(url, name), database: ownDatabase };

const nothing = async (): Promise<void> => undefined;

/** Makes a database, a prefix of keys and a topic that nobody else has. */
export async function makePlace(
  database: DatabaseName,
  addresses: ServiceAddresses,
  { redis, partitions, tables }: Wanted,
): Promise<OwnPlace> {
  const name = `dibs_lab_${randomBytes(6).toString('hex')}`;
  const folder = await mkdtemp(join(tmpdir(), 'dibs-lab-'));
  const endings: Ending[] = [{ what: folder, end: () => rm(folder, { recursive: true, force: true }) }];
  const remove = (): Promise<void> => endAll(endings.splice(0).reverse());
  try {
    const { url, admin, drop } = await makeDatabase(database, addresses, folder, name);
    endings.push({ what: `the database ${name}`, end: drop });
    if (tables) await makeTables(database, url);
    const locks = new LockWatch(database, admin, name);
    // It looks by the connection that the database is dropped by.
    endings.push({ what: 'the watch on locks', end: () => locks.stop() });
    const space = redis === null || addresses.redis === null ? null : await spaces[redis](addresses.redis, name);
    if (space !== null) endings.push({ what: `what ${name} has in Redis`, end: space.clear });
    const topic = await topicOf(addresses.kafka, name, partitions);
    if (topic !== null) endings.push({ what: `the topic ${name}`, end: await makeTopic(topic) });
    return {
      place: { database, databaseUrl: url, redisUrl: space?.url ?? null, keyPrefix: space?.keyPrefix ?? '', topic },
      folder,
      name,
      locks,
      remove,
    };
  } catch (error) {
    await remove().catch(() => undefined);
    throw error;
  }
}

async function topicOf(kafka: string | null, name: string, partitions: number): Promise<KafkaTopic | null> {
  return kafka === null || partitions === 0 ? null : { url: kafka, topic: name, partitions };
}

interface MadeDatabase {
  readonly url: string;
  /** A connection of one who may look at all of the server; null where there is no server. */
  readonly admin: SqlConnection | null;
  readonly drop: () => Promise<void>;
}

async function makeDatabase(
  database: DatabaseName,
  addresses: ServiceAddresses,
  folder: string,
  name: string,
): Promise<MadeDatabase> {
  if (database === 'sqlite') return { url: join(folder, 'lab.db'), admin: null, drop: nothing };
  const given = new URL(addresses[database] ?? '');
  const admin = await databaseAt(database, given.href, () => undefined).connect();
  try {
    await admin.query(`CREATE DATABASE ${name}`);
  } catch (error) {
    await admin.close();
    throw error;
  }
  given.pathname = `/${name}`;
  return {
    url: given.href,
    admin,
    async drop() {
      try {
        await admin.query(`DROP DATABASE IF EXISTS ${name}${database === 'postgres' ? ' WITH (FORCE)' : ''}`);
      } finally {
        await admin.close();
      }
    },
  };
}

async function makeTables(database: DatabaseName, url: string): Promise<void> {
  const connection = await databaseAt(database, url, () => undefined).connect();
  try {
    const text = readSql(import.meta.url, `stores/schema/${database}.sql`).replaceAll(/^--.*$/gm, '');
    for (const statement of text.split(';')) if (statement.trim() !== '') await connection.query(statement);
  } finally {
    await connection.close();
  }
}
