import { DatabaseSync } from 'node:sqlite';
import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises';
import { StoreTrouble, wordsOf } from '../trouble.ts';
import type { Database, SqlConnection, SqlOutcome, SqlValue } from './database.ts';

/** The low byte: SQLite tells apart several kinds, of which recovery behind a killed process is one. */
const busy = 5;
/** What was read has changed since, so that this transaction can never write. */
const busySnapshot = 517;
const constraintPrimaryKey = 1555;
const constraintUnique = 2067;

const lockWaitMs = 30_000;

/** SQLite in one file, with as many connections as are asked for; `waited` is told of each wait for its one write lock. */
export function sqliteDatabase(path: string, waited: () => void): Database {
  return {
    name: 'sqlite',
    // A transaction of SQLite is serializable, whichever it is.
    begin: { default: ['BEGIN'], serializable: ['BEGIN'] },
    async connect() {
      // SQLite would wait for a lock with the whole process, in which the claim that holds the lock may be.
      const connection = new SqliteConnection(new DatabaseSync(path, { timeout: 0 }), waited);
      // The first that looks at the file locks it, where a process was killed that had begun to write.
      await connection.query('PRAGMA synchronous = FULL');
      return connection;
    },
  };
}

/**
 * Each statement is a turn of the event loop of its own, as it is with every driver that sends statements to a server: between
 * two statements of one claim, others get theirs in.
 */
class SqliteConnection implements SqlConnection {
  readonly #db: DatabaseSync;
  readonly #waited: () => void;

  constructor(db: DatabaseSync, waited: () => void) {
    this.#db = db;
    this.#waited = waited;
  }

  async query(text: string, values: readonly SqlValue[] = []): Promise<SqlOutcome> {
    await turn();
    const until = performance.now() + lockWaitMs;
    for (let tries = 1; ; tries += 1) {
      try {
        return this.#run(text, values);
      } catch (error) {
        const { errcode } = error as { readonly errcode?: number };
        if (!isBusy(errcode)) throw troubleOf(errcode, error);
        if (performance.now() > until) throw new StoreTrouble('locked', 'waited too long for the write lock', error);
        if (tries === 1) this.#waited();
        await pause(1);
      }
    }
  }

  async close(): Promise<void> {
    this.#db.close();
  }

  #run(text: string, values: readonly SqlValue[]): SqlOutcome {
    const statement = this.#db.prepare(text);
    if (statement.columns().length === 0) return { rows: [], changed: Number(statement.run(...values).changes) };
    const rows = statement.all(...values);
    return { rows: rows.map((row) => Object.values(row)), changed: 0 };
  }
}

const isBusy = (errcode = 0): boolean => (errcode & 0xff) === busy && errcode !== busySnapshot;

function troubleOf(errcode: number | undefined, error: unknown): StoreTrouble {
  if (errcode === busySnapshot) return new StoreTrouble('conflict', 'what was read has changed since', error);
  const isTaken = errcode === constraintPrimaryKey || errcode === constraintUnique;
  return new StoreTrouble(isTaken ? 'taken' : 'failed', wordsOf(error), error);
}
