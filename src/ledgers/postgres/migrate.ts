import { DibsError } from '../../core/errors.ts';
import { readMigrations } from '../../lib/sql-file.ts';
import { missingMigrations } from '../sql/migrations.ts';
import { messageOf } from '../sql/transactions.ts';
import { sqlStateOf } from './errors.ts';
import type { PostgresSession } from './session.ts';

/** The steps of the schema, in order. */
export const migrations = readMigrations(import.meta.url, 'migrations');

// Any number, the same in all versions; the lock is of this database alone.
const lock = 3_420_761_948;
const table = `CREATE TABLE IF NOT EXISTS dibs_migrations (
  number INTEGER PRIMARY KEY, name TEXT COLLATE "C" NOT NULL, applied_at BIGINT NOT NULL
)`;
const note = `INSERT INTO dibs_migrations (number, name, applied_at)
VALUES ($1, $2, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint)`;

/**
 * Runs the migrations that are missing, all of them in one transaction and under a lock, so that of two at once one waits for
 * the other. Gives their names.
 */
export async function migrate(session: PostgresSession): Promise<string[]> {
  await session.begin();
  // A migration may work on large tables, and wait for those who use them.
  await session.execute("SELECT set_config('lock_timeout', '60s', true), set_config('statement_timeout', '0', true)");
  await session.execute(`SELECT pg_advisory_xact_lock(${lock})`);
  await define(session, 'dibs_migrations', table);
  const applied = (await session.read('applied-migrations', [])).map(({ name }) => name);
  const names = missingMigrations(
    applied,
    migrations.map(({ name }) => name),
  );
  for (const { number, name, sql } of migrations.slice(applied.length)) {
    await define(session, name, sql);
    await session.execute(note, [number, name]);
  }
  await session.commit();
  return names;
}

async function define(session: PostgresSession, name: string, sql: string): Promise<void> {
  try {
    await session.execute(sql);
  } catch (error) {
    const state = sqlStateOf(error);
    // 42: a table of that name is there already, or the user may make none.
    if (state === null || !state.startsWith('42')) throw error;
    const text = `${name} cannot be run: ${messageOf(error)}. Give the ledger a database and a user of its own.`;
    throw new DibsError('store_unfit', text, { cause: error });
  }
}
