/**
 * Loaded before a server under test: ends it by SIGKILL at a named point of its work, from within, so that nothing of what
 * stands behind that point has happened. Points are told by what is done to the stores' files, not by the code that does it.
 */
import './answers.ts';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { basename } from 'node:path';
import { DatabaseSync, StatementSync } from 'node:sqlite';
import { reached } from './reached.ts';

/** What has been written in the transaction of each database that is open. */
const transactions = new WeakMap<DatabaseSync, string[]>();
const databases = new WeakMap<StatementSync, DatabaseSync>();
const placeOf = (db: DatabaseSync): string => basename(db.location() ?? '');

const { exec, prepare } = DatabaseSync.prototype;

DatabaseSync.prototype.exec = function (this: DatabaseSync, sql: string): void {
  const place = placeOf(this);
  const written = transactions.get(this)?.join('\n') ?? '';
  if (sql === 'COMMIT') reached(place, 'commit', written);
  exec.call(this, sql);
  if (sql === 'BEGIN IMMEDIATE') {
    transactions.set(this, []);
    return;
  }
  if (sql === 'COMMIT' || sql === 'ROLLBACK') transactions.delete(this);
  if (sql === 'COMMIT') reached(place, 'committed', written);
  else if (sql === 'ROLLBACK') reached(place, 'rolled back', written);
  else note(this, sql);
};

DatabaseSync.prototype.prepare = function (this: DatabaseSync, ...args: Parameters<typeof prepare>): StatementSync {
  const statement = prepare.apply(this, args);
  databases.set(statement, this);
  return statement;
};

function note(db: DatabaseSync, sql: string): void {
  transactions.get(db)?.push(sql);
  reached(placeOf(db), 'statement', sql);
}

for (const name of ['run', 'get'] as const) {
  const original = StatementSync.prototype[name] as (...values: unknown[]) => unknown;
  StatementSync.prototype[name] = function (this: StatementSync, ...values: unknown[]): never {
    const outcome = original.apply(this, values);
    const db = databases.get(this);
    if (db !== undefined) note(db, this.sourceSQL);
    return outcome as never;
  };
}

const { link } = fs.promises;
fs.promises.link = async (from, to) => {
  reached('keys.json', 'commit', String(to));
  await link(from, to);
  reached('keys.json', 'committed', String(to));
};
syncBuiltinESMExports();
