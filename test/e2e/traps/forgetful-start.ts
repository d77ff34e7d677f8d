/**
 * A canary, loaded before a server: each start takes the newest wins of every event for sold no more, as a start from an
 * older copy would. The kill loop must find it out.
 */
import { basename } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

const forgotten = 3;
const { exec } = DatabaseSync.prototype;
const opened = new WeakSet<DatabaseSync>();

DatabaseSync.prototype.exec = function (this: DatabaseSync, sql: string): void {
  exec.call(this, sql);
  if (sql !== 'COMMIT' || basename(this.location() ?? '') !== 'gate.db' || opened.has(this)) return;
  // The first commit of an opening is that of its migrations: from here on there are tables.
  opened.add(this);
  exec.call(
    this,
    `DELETE FROM wins WHERE slot > (SELECT won - ${forgotten} FROM events WHERE events.event_no = wins.event_no)`,
  );
  exec.call(this, `UPDATE events SET won = max(0, won - ${forgotten})`);
};
