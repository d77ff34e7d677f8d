/** A canary, loaded before a server: its gate no longer waits for the disk. No kill of a process can tell; the system calls do. */
import { basename } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

const { exec } = DatabaseSync.prototype;
const changed = new WeakSet<DatabaseSync>();

DatabaseSync.prototype.exec = function (this: DatabaseSync, sql: string): void {
  // Behind the check of its settings, which an opening ends with: that one would refuse it.
  if (
    sql === 'BEGIN IMMEDIATE' &&
    basename(this.location() ?? '') === 'gate.db' &&
    opened.has(this) &&
    !changed.has(this)
  ) {
    changed.add(this);
    exec.call(this, 'PRAGMA synchronous = OFF');
  }
  exec.call(this, sql);
  if (sql === 'COMMIT') opened.add(this);
};

/** Those whose migrations have been committed. */
const opened = new WeakSet<DatabaseSync>();
