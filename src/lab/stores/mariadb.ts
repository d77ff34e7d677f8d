import type { Connection, ResultSetHeader } from 'mysql2/promise';
import { type StoreFault, StoreTrouble, wordsOf } from '../trouble.ts';
import type { Database, SqlConnection, SqlOutcome, SqlValue } from './database.ts';

const faults: Readonly<Record<string, StoreFault>> = {
  ER_LOCK_DEADLOCK: 'deadlock',
  // Also what NOWAIT gives.
  ER_LOCK_WAIT_TIMEOUT: 'locked',
  ER_LOCK_NOWAIT: 'locked',
  ER_CHECKREAD: 'conflict',
  ER_DUP_ENTRY: 'taken',
};

const lockWaitSeconds = 30;
const connectMs = 5_000;

/** MariaDB or MySQL at a URL. */
export function mariadbDatabase(url: string): Database {
  return {
    name: 'mariadb',
    begin: { default: ['BEGIN'], serializable: ['SET TRANSACTION ISOLATION LEVEL SERIALIZABLE', 'BEGIN'] },
    async connect() {
      const { createConnection } = await import('mysql2/promise');
      try {
        // Of an UPDATE the rows that it has changed are wanted, not those that it has found.
        const connection = await createConnection({
          uri: url,
          flags: ['-FOUND_ROWS'],
          rowsAsArray: true,
          connectTimeout: connectMs,
        });
        connection.on('error', () => undefined);
        await connection.query(`SET SESSION innodb_lock_wait_timeout = ${lockWaitSeconds}`);
        return new MariadbConnection(connection);
      } catch (error) {
        throw new StoreTrouble('failed', `MariaDB at ${new URL(url).host}: ${wordsOf(error)}`, error);
      }
    },
  };
}

class MariadbConnection implements SqlConnection {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async query(text: string, values: readonly SqlValue[] = []): Promise<SqlOutcome> {
    try {
      const [outcome] = await this.#connection.query(text, [...values]);
      if (Array.isArray(outcome)) return { rows: outcome as unknown[][], changed: 0 };
      return { rows: [], changed: (outcome as ResultSetHeader).affectedRows };
    } catch (error) {
      throw troubleOf(error);
    }
  }

  async close(): Promise<void> {
    await this.#connection.end();
  }
}

function troubleOf(error: unknown): StoreTrouble {
  const { code = '' } = error as { readonly code?: string };
  return new StoreTrouble(faults[code] ?? 'failed', wordsOf(error), error);
}
