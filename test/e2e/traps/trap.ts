/**
 * Loaded before a server under test: ends it by SIGKILL at a named point of its work, from within, so that nothing of what
 * stands behind that point has happened. Points are told by what is done to the stores' files, not by the code that does it.
 */
import { type Trap, trapVariable } from './point.ts';
import fs from 'node:fs';
import { ServerResponse } from 'node:http';
import { syncBuiltinESMExports } from 'node:module';
import { basename } from 'node:path';
import process from 'node:process';
import { DatabaseSync, StatementSync } from 'node:sqlite';

let armed: Trap | null = null;
let left = 0;

function arm(trap: Trap): void {
  armed = trap;
  left = trap.skip ?? 0;
}

const atStart = process.env[trapVariable];
if (atStart !== undefined) arm(JSON.parse(atStart) as Trap);
process.on('message', (message) => {
  arm(message as Trap);
  process.send?.('armed');
});
process.channel?.unref();

/** Whether this is the point; then the process does not come back from here. */
function reached(place: string, at: Trap['at'], text: string): void {
  if (armed === null || armed.place !== place || armed.at !== at) return;
  if (!new RegExp(armed.holds).test(text)) return;
  if (left > 0) left -= 1;
  else process.kill(process.pid, 'SIGKILL');
}

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

const { end } = ServerResponse.prototype;
ServerResponse.prototype.end = function (this: ServerResponse, ...args: unknown[]): ServerResponse {
  const line = `${this.req.method ?? ''} ${this.req.url ?? ''} ${this.statusCode}`;
  reached('answer', 'commit', line);
  const response = Reflect.apply(end, this, args) as ServerResponse;
  reached('answer', 'committed', line);
  return response;
};

const { link } = fs.promises;
fs.promises.link = async (from, to) => {
  reached('keys.json', 'commit', String(to));
  await link(from, to);
  reached('keys.json', 'committed', String(to));
};
syncBuiltinESMExports();
