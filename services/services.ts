/** Real Redis, MariaDB, PostgreSQL and Kafka, private and on free ports, for tests and for trying things out. */
import { startKafka } from './kafka.ts';
import { startMariadb } from './mariadb.ts';
import { startPostgres } from './postgres.ts';
import { startRedis, startRedisCluster } from './redis.ts';
import type { StartOptions } from './server.ts';
import type { Service, ServiceName } from './service.ts';

const starts: Readonly<Record<ServiceName, (options?: StartOptions) => Promise<Service>>> = {
  redis: startRedis,
  'redis-cluster': startRedisCluster,
  mariadb: startMariadb,
  postgres: startPostgres,
  kafka: startKafka,
};

/** All there are. */
export const serviceNames = Object.keys(starts) as readonly ServiceName[];

/** Starts a service by its name. */
export async function startService(name: ServiceName, options: StartOptions = {}): Promise<Service> {
  return await starts[name](options);
}

export { missing } from './missing.ts';
export type { StartOptions } from './server.ts';
export type { Service, ServiceName } from './service.ts';
export { startKafka, startMariadb, startPostgres, startRedis, startRedisCluster };
