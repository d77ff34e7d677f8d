import type { Client } from 'pg';
import { type StoreFault, StoreTrouble, wordsOf } from '../trouble.ts';
import type { Database, SqlConnection, SqlOutcome, SqlValue } from './database.ts';

const faults: Readonly<Record<string, StoreFault>> = {
  '40P01': 'deadlock',
  '40001': 'conflict',
  '55P03': 'locked',
  '23505': 'taken',
};

const lockWaitMs = 30_000;
const connectMs = 5_000;

/** PostgreSQL at a URL. */
export function postgresDatabase(url: string): Database {
  return {
    name: 'postgres',
    begin: { default: ['BEGIN'], serializable: ['BEGIN ISOLATION LEVEL SERIALIZABLE'] },
    async connect() {
      const { default: pg } = await import('pg');
      const timeouts = { connectionTimeoutMillis: connectMs, lock_timeout: lockWaitMs };
      const client = new pg.Client({ connectionString: url, ...timeouts });
      client.on('error', () => undefined);
      try {
        await client.connect();
        return new PostgresConnection(client);
      } catch (error) {
        throw new StoreTrouble('failed', `PostgreSQL at ${new URL(url).host}: ${wordsOf(error)}`, error);
      }
    },
  };
}

class PostgresConnection implements SqlConnection {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  async query(text: string, values: readonly SqlValue[] = []): Promise<SqlOutcome> {
    try {
      const query = { text: numbered(text), values: [...values], rowMode: 'array' as const };
      const { rows, rowCount } = await this.#client.query<unknown[]>(query);
      return { rows, changed: rowCount ?? 0 };
    } catch (error) {
      throw troubleOf(error);
    }
  }

  async close(): Promise<void> {
    await this.#client.end();
  }
}

/** Question marks as PostgreSQL has them: `$1`, `$2` and on. */
function numbered(text: string): string {
  let next = 1;
  return text.replaceAll('?', () => `$${next++}`);
}

function troubleOf(error: unknown): StoreTrouble {
  const { code = '' } = error as { readonly code?: string };
  return new StoreTrouble(faults[code] ?? 'failed', wordsOf(error), error);
}
