import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { DibsError } from '../core/errors.ts';
import type { Migration } from './sql-file.ts';

/** SQLite's own result codes, the low byte: https://www.sqlite.org/rescode.html */
const resultCodes = {
  busy: 5,
  locked: 6,
  readonly: 8,
  ioerr: 10,
  corrupt: 11,
  full: 13,
  cantopen: 14,
  constraint: 19,
  notadb: 26,
} as const;
const constraintPrimaryKey = 1555;
const constraintUnique = 2067;

/** 3.51.3 mended a race between a checkpoint and a WAL reset that could lose committed pages. */
const versionMin = [3, 51, 3] as const;

/** How a database of ours is opened. */
export interface SqliteOptions {
  readonly path: string;
  /** True where one process alone may have it: the lock is taken at once and kept. */
  readonly exclusive: boolean;
  /** How long to wait for another connection's lock. */
  readonly busyTimeoutMs: number;
}

/** The result code of an error of SQLite, low byte; null for any other error. */
function resultCode(error: unknown): number | null {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return null;
  return error.errcode & 0xff;
}

/** Whether the database refused a row for that row's own sake: a constraint, or a trigger that raises. */
export function isRowRefusal(error: unknown): boolean {
  return resultCode(error) === resultCodes.constraint;
}

/** Whether a row's primary or unique key is taken by another row. */
export function isKeyTaken(error: unknown): boolean {
  return (
    error instanceof Error &&
    'errcode' in error &&
    (error.errcode === constraintPrimaryKey || error.errcode === constraintUnique)
  );
}

/** Whether the store itself failed in a way after which what its files hold is not known until it is opened anew. */
export function isStoreFailure(error: unknown): boolean {
  const code = resultCode(error);
  return code === resultCodes.ioerr || code === resultCodes.corrupt || code === resultCodes.notadb;
}

/** What an error of SQLite means to a caller: nothing was done, and whether a later try may do better. */
export function sqliteTrouble(error: unknown, path: string): DibsError {
  if (error instanceof DibsError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const code = resultCode(error);
  if (code === resultCodes.full) return new DibsError('unavailable', `The disk of ${path} is full.`, { cause: error });
  return new DibsError('unavailable', `${path} does not answer: ${message}`, { cause: error });
}

const isAtLeast = (version: string): boolean => {
  const parts = version.split('.').map(Number);
  for (const [index, least] of versionMin.entries()) {
    const part = parts[index] ?? 0;
    if (part !== least) return part > least;
  }
  return true;
};

/**
 * Opens a database in WAL mode at `synchronous=FULL`: a commit is on the disk before it returns. Throws `store_locked` when
 * another process holds it, `store_unfit` when SQLite is too old or the file is none of its own, `unavailable` otherwise.
 */
export function openSqlite(options: SqliteOptions): DatabaseSync {
  let db: DatabaseSync;
  try {
    db = new DatabaseSync(options.path, { timeout: options.busyTimeoutMs, enableForeignKeyConstraints: true });
  } catch (error) {
    throw openTrouble(error, options.path);
  }
  try {
    const version = String(readPragma(db, 'SELECT sqlite_version()'));
    if (!isAtLeast(version))
      throw new DibsError('store_unfit', `SQLite ${version} is older than ${versionMin.join('.')}.`);
    // Exclusive comes first: a WAL opened under it needs no shared memory, and the lock is never let go in between.
    if (options.exclusive) db.exec('PRAGMA locking_mode = EXCLUSIVE');
    // A checkpoint every 4,000 pages, 16 MB, instead of 1,000: pages that change often are written back once instead of four
    // times, 7.2 µs of CPU a coupon instead of 8.1.
    db.exec(
      'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000; PRAGMA trusted_schema = OFF',
    );
    db.exec('BEGIN IMMEDIATE; COMMIT');
    return db;
  } catch (error) {
    db.close();
    throw openTrouble(error, options.path);
  }
}

function openTrouble(error: unknown, path: string): DibsError {
  if (error instanceof DibsError) return error;
  const code = resultCode(error);
  if (code === resultCodes.busy || code === resultCodes.locked) {
    return new DibsError('store_locked', `Another process, or this one a second time, holds ${path}.`, {
      cause: error,
    });
  }
  if (code === resultCodes.notadb || code === resultCodes.corrupt) {
    return new DibsError('store_unfit', `${path} is damaged or no SQLite database.`, { cause: error });
  }
  if (code === resultCodes.cantopen || code === resultCodes.readonly) {
    return new DibsError('store_unfit', `${path} cannot be opened for writing.`, { cause: error });
  }
  return sqliteTrouble(error, path);
}

/** The first column of the first row of a statement without parameters. */
export function readPragma(db: DatabaseSync, sql: string): unknown {
  const row = db.prepare(sql).get();
  return row === undefined ? undefined : Object.values(row)[0];
}

/** Throws `store_unfit` unless commits are durable: to be called after a write, as only then the settings are in force. */
export function assertDurable(db: DatabaseSync, options: SqliteOptions): void {
  const journal = readPragma(db, 'PRAGMA journal_mode');
  const synchronous = readPragma(db, 'PRAGMA synchronous');
  const locking = readPragma(db, 'PRAGMA locking_mode');
  if (journal === 'wal' && synchronous === 2 && (!options.exclusive || locking === 'exclusive')) return;
  throw new DibsError(
    'store_unfit',
    `${options.path} is at journal_mode ${String(journal)}, synchronous ${String(synchronous)}, locking_mode ${String(locking)}: a commit would not be durable.`,
  );
}

/** Runs `act` in a transaction that takes the write lock at once; rolls back and throws what `act` threw. */
export function transact<T>(db: DatabaseSync, act: () => T): T {
  db.exec('BEGIN IMMEDIATE');
  try {
    const result = act();
    db.exec('COMMIT');
    return result;
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

/** A prepared statement whose rows have the shape `Row`; the cast is beside the SQL it belongs to. */
export interface Query<Row> {
  get(...values: SQLInputValue[]): Row | undefined;
  all(...values: SQLInputValue[]): Row[];
  iterate(...values: SQLInputValue[]): Iterable<Row>;
}

/** Prepares a statement that gives rows of the shape `Row`. */
export function query<Row>(db: DatabaseSync, sql: string): Query<Row> {
  const statement = db.prepare(sql);
  return statement as unknown as Query<Row>;
}

const migrationTable =
  'CREATE TABLE IF NOT EXISTS dibs_migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT';

const appliedMigrations = (db: DatabaseSync): string[] => {
  const exists = db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'dibs_migrations'").get();
  if (exists === undefined) return [];
  return query<{ name: string }>(db, 'SELECT name FROM dibs_migrations ORDER BY number')
    .all()
    .map((row) => row.name);
};

/**
 * Brings a database to the last of `migrations` and gives the names of those it ran. All in one `BEGIN IMMEDIATE`, so that
 * of two starts at once one waits for the other. Throws `store_not_migrated` on a schema of a later or another version.
 */
export function migrateSqlite(db: DatabaseSync, migrations: readonly Migration[], now: number): string[] {
  return transact(db, () => {
    db.exec(migrationTable);
    const applied = appliedMigrations(db);
    refuseForeign(applied, migrations);
    const missing = migrations.slice(applied.length);
    const note = db.prepare('INSERT INTO dibs_migrations (number, name, applied_at) VALUES (?, ?, ?)');
    for (const migration of missing) {
      db.exec(migration.sql);
      note.run(migration.number, migration.name, now);
    }
    return missing.map((migration) => migration.name);
  });
}

/** Throws `store_not_migrated` unless the schema is exactly that of `migrations`. */
export function checkMigrated(db: DatabaseSync, migrations: readonly Migration[]): void {
  const applied = appliedMigrations(db);
  refuseForeign(applied, migrations);
  if (applied.length === migrations.length) return;
  const missing = migrations.slice(applied.length).map((migration) => migration.name);
  throw new DibsError('store_not_migrated', `The schema lacks ${missing.join(', ')}.`);
}

function refuseForeign(applied: readonly string[], migrations: readonly Migration[]): void {
  const foreign = applied.find((name, index) => migrations[index]?.name !== name);
  if (foreign === undefined) return;
  throw new DibsError(
    'store_not_migrated',
    `The schema has ${foreign}, which this version does not know; a later version made it.`,
  );
}
