import type { Ledger } from '../../core/ledger.ts';
import { parseSqlAddress } from '../sql/address.ts';
import { SqlLedger } from '../sql/ledger.ts';
import { loadPackage } from '../sql/package.ts';
import { faultOf } from './errors.ts';
import { migrate, migrations } from './migrate.ts';
import { PostgresSession } from './session.ts';

/** Where the ledger is and how it is used. */
export interface PostgresLedgerOptions {
  /** `postgres://user:password@host:5432/database`; docs/drivers.md lists the parameters. */
  readonly url: string;
  /** At most so many connections; 8 where absent. */
  readonly connectionsMax?: number;
  /** How long one call may take, but for two seconds more to commit; 7,000 where absent. */
  readonly timeoutMs?: number;
}

/**
 * Opens a ledger in PostgreSQL. It connects when it is first used, and its schema is not touched; see `migrate`. Throws
 * `invalid_configuration`.
 */
export async function openPostgresLedger(options: PostgresLedgerOptions): Promise<Ledger> {
  const address = parseSqlAddress(options.url, ['postgres', 'postgresql'], 5432);
  const { default: pg } = await loadPackage('pg', () => import('pg'));
  const driver = {
    kind: 'postgres',
    place: address.place,
    open: (timeoutMs: number) => PostgresSession.open(pg.Client, address, timeoutMs),
    faultOf,
    migrations: migrations.map(({ name }) => name),
    migrate,
  };
  return new SqlLedger(driver, { connectionsMax: options.connectionsMax ?? 8, timeoutMs: options.timeoutMs ?? 7_000 });
}
