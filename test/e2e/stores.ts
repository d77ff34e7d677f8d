/** Fresh places on real services, for one test each. */
import { type Service, type StartOptions, startRedis } from '../../services/services.ts';
import { freshDatabase, freshName, sharedService } from '../services/shared.ts';
import type { FleetStores } from './fleet.ts';

export type DatabaseName = 'mariadb' | 'postgres';
export type LogName = 'kafka' | 'embedded';

type Cleanup = { after(cleanup: () => Promise<void>): unknown };

/** A Redis of the test's own, which it may wipe and kill; a database and a topic on the servers of the run. */
export async function freshStores(
  t: Cleanup,
  database: DatabaseName,
  log: LogName,
  partitions = 4,
  redisOptions: StartOptions = {},
): Promise<FleetStores & { readonly redis: Service; readonly databaseUrl: string }> {
  const redis = await startRedis(redisOptions);
  t.after(() => redis.stop());
  const { url: databaseUrl } = await freshDatabase(database);
  const topic = async () => `${await sharedService('kafka')}/${freshName()}?partitions=${partitions}`;
  return {
    redis,
    databaseUrl,
    gate: redis.engineUrl,
    log: log === 'kafka' ? await topic() : 'embedded',
    ledger: databaseUrl,
  };
}
