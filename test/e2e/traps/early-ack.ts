/**
 * A canary, loaded before a server: it acknowledges before it is durable. Commits of the gate are answered at once and done
 * a moment later, as a store at `everysec` would. The kill loop must find it out.
 */
import { basename } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

const delayMs = 60;
const { exec, close } = DatabaseSync.prototype;
const owed = new WeakSet<DatabaseSync>();

function settle(db: DatabaseSync): void {
  if (owed.delete(db) && db.isOpen && db.isTransaction) exec.call(db, 'COMMIT');
}

DatabaseSync.prototype.exec = function (this: DatabaseSync, sql: string): void {
  const isGate = basename(this.location() ?? '') === 'gate.db';
  if (isGate && sql === 'BEGIN IMMEDIATE' && owed.has(this)) return;
  if (isGate && sql === 'COMMIT') {
    if (!owed.has(this)) setTimeout(() => settle(this), delayMs);
    owed.add(this);
    return;
  }
  exec.call(this, sql);
};

DatabaseSync.prototype.close = function (this: DatabaseSync): void {
  settle(this);
  close.call(this);
};
