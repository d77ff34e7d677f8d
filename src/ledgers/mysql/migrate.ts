import { DibsError } from '../../core/errors.ts';
import { type Migration, readMigrations } from '../../lib/sql-file.ts';
import { missingMigrations } from '../sql/migrations.ts';
import { messageOf } from '../sql/transactions.ts';
import { serverErrorOf } from './errors.ts';
import type { MysqlSession } from './session.ts';

/** The steps of the schema, in order. */
export const migrations = readMigrations(import.meta.url, 'migrations');

// A migration may work on large tables, and wait for those who use them. In seconds.
const patience = 'SET SESSION lock_wait_timeout = 60 /*M!100101 , max_statement_time = 0 */';
// Names of locks are the whole server's, and of at most 64 characters.
const lockName = "CONCAT('dibs:', SHA1(DATABASE()))";
const lock = `SELECT GET_LOCK(${lockName}, 60) AS locked`;
const unlock = `SELECT RELEASE_LOCK(${lockName}) AS released`;
// `statements`: how many of the migration were begun. `applied_at`: null until all of them are done.
const table = `CREATE TABLE IF NOT EXISTS dibs_migrations (
  number INT NOT NULL PRIMARY KEY, name VARBINARY(128) NOT NULL, statements INT NOT NULL, applied_at BIGINT
) ENGINE = InnoDB`;
const begun = 'SELECT name, statements FROM dibs_migrations ORDER BY number';
const noteFirst = 'INSERT INTO dibs_migrations (number, name, statements) VALUES (?, ?, 0)';
const noteBegun = 'UPDATE dibs_migrations SET statements = ? WHERE number = ?';
const noteApplied =
  'UPDATE dibs_migrations SET applied_at = CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED) WHERE number = ?';

// What a statement is answered by that has been done before: a table, column or key is there already, or is gone.
const doneBefore = [1050, 1051, 1060, 1061, 1091];

interface Begun {
  readonly name: string;
  readonly statements: number;
}

/**
 * Runs the migrations that are missing, under a lock of the server, so that of two at once one waits for the other. Gives
 * their names. A statement that changes the schema commits by itself, so each is noted before it is run: after a crash the
 * next run goes on with the one that was under way, whether it was done or not.
 */
export async function migrate(session: MysqlSession): Promise<string[]> {
  await session.execute(patience);
  const [locked] = await session.select<{ readonly locked: number }>(lock);
  if (locked?.locked !== 1) throw new DibsError('unavailable', 'Another migration has been running for a minute.');
  await run(session, 'dibs_migrations', table);
  const rows = await session.select<Begun>(begun);
  const applied = (await session.read('applied-migrations', [])).map(({ name }) => name);
  const known = migrations.map(({ name }) => name);
  // What a later version has begun is foreign as well.
  missingMigrations(
    rows.map(({ name }) => name),
    known,
  );
  const names = missingMigrations(applied, known);
  for (const migration of migrations.slice(applied.length)) {
    await apply(session, migration, rows.find(({ name }) => name === migration.name) ?? null);
  }
  await session.execute(unlock);
  return names;
}

/** The statements of a migration, each ended by a semicolon at the end of a line. */
export const statementsOf = (sql: string): string[] =>
  sql
    .replaceAll(/^--.*\n/gm, '')
    .split(/;\s*$/m)
    .map((text) => text.trim())
    .filter((text) => text !== '');

async function apply(session: MysqlSession, { number, name, sql }: Migration, before: Begun | null): Promise<void> {
  if (before === null) await session.execute(noteFirst, [number, name]);
  const underWay = (before?.statements ?? 0) - 1;
  for (const [index, statement] of statementsOf(sql).entries()) {
    if (index < underWay) continue;
    await session.execute(noteBegun, [index + 1, number]);
    try {
      await run(session, name, statement);
    } catch (error) {
      const cause = serverErrorOf(error instanceof DibsError ? error.cause : error);
      if (cause === null) throw error;
      if (index === underWay && doneBefore.includes(cause.errno)) continue;
      // Known not to be done: a table of somebody else's must not be taken for one of ours by the next run.
      await session.execute(noteBegun, [index, number]);
      throw error;
    }
  }
  await session.execute(noteApplied, [number]);
}

// By class of SQLSTATE: a table of that name is there already, or the user may make none.
const notAllowed = '42';

async function run(session: MysqlSession, name: string, statement: string): Promise<void> {
  try {
    await session.execute(statement);
  } catch (error) {
    if (serverErrorOf(error)?.sqlState.startsWith(notAllowed) !== true) throw error;
    const text = `${name} cannot be run: ${messageOf(error)}. Give the ledger a database and a user of its own.`;
    throw new DibsError('store_unfit', text, { cause: error });
  }
}
