import { isIP } from 'node:net';
import { DibsError } from '../../core/errors.ts';
import type { Ledger } from '../../core/ledger.ts';
import { parseSqlAddress } from '../sql/address.ts';
import { SqlLedger } from '../sql/ledger.ts';
import { loadPackage } from '../sql/package.ts';
import { faultOf } from './errors.ts';
import { migrate, migrations } from './migrate.ts';
import { MysqlSession } from './session.ts';

/** Where the ledger is and how it is used. */
export interface MysqlLedgerOptions {
  /** `mysql://user:password@host:3306/database`; docs/drivers.md lists the parameters. */
  readonly url: string;
  /** At most so many connections; 8 where absent. */
  readonly connectionsMax?: number;
  /** How long one call may take, but for two seconds more to commit; 7,000 where absent. */
  readonly timeoutMs?: number;
}

/**
 * Opens a ledger in MySQL or MariaDB. It connects when it is first used, and its schema is not touched; see `migrate`. Throws
 * `invalid_configuration`.
 */
export async function openMysqlLedger(options: MysqlLedgerOptions): Promise<Ledger> {
  const address = parseSqlAddress(options.url, ['mysql'], 3306);
  // The client library would take the certificate of `localhost` for that of any address.
  if (address.tls?.verify === 'full' && isIP(address.host) !== 0) {
    const text = `The URL of the ledger names the host by its address ${address.host}; to verify whose certificate it shows give the host's name, or sslmode=verify-ca.`;
    throw new DibsError('invalid_configuration', text);
  }
  const { createConnection } = await loadPackage('mysql2', () => import('mysql2'));
  const driver = {
    kind: 'mysql',
    place: address.place,
    open: (timeoutMs: number) => MysqlSession.open(createConnection, address, timeoutMs),
    faultOf,
    migrations: migrations.map(({ name }) => name),
    migrate,
  };
  return new SqlLedger(driver, { connectionsMax: options.connectionsMax ?? 8, timeoutMs: options.timeoutMs ?? 7_000 });
}
