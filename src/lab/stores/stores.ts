import { StoreTrouble } from '../trouble.ts';
import type { DatabaseName } from '../terms.ts';
import { type Database, type Lease, Pool } from './database.ts';
import { type KafkaSender, type KafkaTopic, openSender } from './kafka.ts';
import { mariadbDatabase } from './mariadb.ts';
import { postgresDatabase } from './postgres.ts';
import { openRedis, type RedisStore } from './redis.ts';
import { sqliteDatabase } from './sqlite.ts';

/** Where a run has its own tables, keys and topic. */
export interface Place {
  readonly database: DatabaseName;
  /** A URL; of SQLite the path of its file. */
  readonly databaseUrl: string;
  readonly redisUrl: string | null;
  /** What all keys begin with. */
  readonly keyPrefix: string;
  readonly topic: KafkaTopic | null;
}

/** Opens the database of a place; `waited` is told of the waits for locks that the process itself sees. */
export function databaseAt(name: DatabaseName, url: string, waited: () => void): Database {
  switch (name) {
    case 'sqlite':
      return sqliteDatabase(url, waited);
    case 'mariadb':
      return mariadbDatabase(url);
    case 'postgres':
      return postgresDatabase(url);
  }
}

/** The stores of one process, each opened when it is first used. */
export class Stores {
  readonly #place: Place;
  readonly #pool: Pool;
  #redis: Promise<RedisStore> | null = null;
  #kafka: Promise<KafkaSender> | null = null;

  constructor(place: Place, waited: () => void) {
    this.#place = place;
    this.#pool = new Pool(databaseAt(place.database, place.databaseUrl, waited));
  }

  keyOf(key: string): string {
    return this.#place.keyPrefix + key;
  }

  async database(): Promise<Lease> {
    return await this.#pool.lease();
  }

  async redis(): Promise<RedisStore> {
    this.#redis ??= this.#openRedis();
    return await this.#redis;
  }

  async kafka(): Promise<KafkaSender> {
    this.#kafka ??= this.#openKafka();
    return await this.#kafka;
  }

  /** Opens what would be opened later, so that no claim has to wait for it. */
  async warm(connections: number): Promise<void> {
    const { redisUrl, topic } = this.#place;
    const leases = Promise.all(Array.from({ length: connections }, () => this.#pool.lease()));
    await Promise.all([
      leases.then((all) => Promise.all(all.map((lease) => lease.release()))),
      redisUrl === null ? null : this.redis(),
      topic === null ? null : this.kafka(),
    ]);
  }

  async close(): Promise<void> {
    const [redis, kafka] = await Promise.allSettled([this.#redis, this.#kafka]);
    const opened = [redis, kafka].flatMap((one) =>
      one.status === 'fulfilled' && one.value !== null ? [one.value] : [],
    );
    await Promise.all([this.#pool.close(), ...opened.map((store) => store.close())]);
  }

  async #openRedis(): Promise<RedisStore> {
    if (this.#place.redisUrl === null) throw new StoreTrouble('failed', 'this run has no Redis');
    return await openRedis(this.#place.redisUrl);
  }

  async #openKafka(): Promise<KafkaSender> {
    if (this.#place.topic === null) throw new StoreTrouble('failed', 'this run has no Kafka');
    return await openSender(this.#place.topic);
  }
}
