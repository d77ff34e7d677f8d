/** Looks into the SQLite drivers from outside: at their connections, their folders and the plans of their statements. */
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** A temporary folder with a place for one database. */
export async function databaseFolder(name: string) {
  const folder = await mkdtemp(join(tmpdir(), `dibs-${name}-`));
  return { folder, file: join(folder, `${name}.db`), remove: () => rm(folder, { recursive: true }) };
}

/** Runs `open` and gives, beside what it opens, the very connection that it opened: its settings are nobody else's. */
export async function openWatched<T>(open: () => Promise<T>): Promise<{ opened: T; db: DatabaseSync }> {
  const { exec } = DatabaseSync.prototype;
  const seen: DatabaseSync[] = [];
  DatabaseSync.prototype.exec = function (this: DatabaseSync, sql: string) {
    if (!seen.includes(this)) seen.push(this);
    return exec.call(this, sql);
  };
  try {
    const opened = await open();
    const [db] = seen;
    if (db === undefined || seen.length > 1) throw new Error(`${seen.length} connections were opened`);
    return { opened, db };
  } finally {
    DatabaseSync.prototype.exec = exec;
  }
}

/** The value of a pragma on this connection. */
export const pragma = (db: DatabaseSync, name: string): unknown =>
  Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0];

/** Makes the disk full for this connection: its file may grow no further. Gives what makes room again. */
export function fillDisk(db: DatabaseSync): () => void {
  const before = Number(pragma(db, 'max_page_count'));
  db.exec(`PRAGMA max_page_count = ${Number(pragma(db, 'page_count'))}`);
  return () => db.exec(`PRAGMA max_page_count = ${before}`);
}

/** The plan of each statement of a folder, by the name of its file. */
export function plansOf(file: string, folder: URL): Map<string, string[]> {
  using db = new DatabaseSync(file);
  const plans = new Map<string, string[]>();
  for (const name of readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .toSorted()) {
    const sql = readFileSync(new URL(name, folder), 'utf8');
    const rows = db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all();
    plans.set(
      name,
      rows.map((row) => String(row['detail'])),
    );
  }
  return plans;
}
