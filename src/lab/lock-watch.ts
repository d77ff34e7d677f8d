import { setTimeout as pause } from 'node:timers/promises';
import type { SqlConnection } from './stores/database.ts';
import type { DatabaseName } from './terms.ts';

const sampleMs = 5;

// As text: a time of the driver's has the milliseconds of JavaScript at best, and `String` of one has seconds, so that all
// waits of a connection within a second would be one.
const waiting = `
  SELECT pid, query_start::text FROM pg_stat_activity
  WHERE datname = ? AND wait_event_type = 'Lock' AND state = 'active'`;

/**
 * Counts how often a statement waited for a lock on a server. MariaDB counts that itself, for the whole server; PostgreSQL
 * says only who waits now, so that it is looked at every few milliseconds, and short waits are missed.
 */
export class LockWatch {
  readonly #database: DatabaseName;
  readonly #admin: SqlConnection | null;
  readonly #name: string;
  #before = 0;
  readonly #seen = new Set<string>();
  #isWatching = false;
  #watching: Promise<void> | null = null;

  constructor(database: DatabaseName, admin: SqlConnection | null, name: string) {
    this.#database = database;
    this.#admin = admin;
    this.#name = name;
  }

  async start(): Promise<void> {
    if (this.#database === 'mariadb') this.#before = await this.#total();
    else if (this.#database === 'postgres' && this.#admin !== null) this.#watching = this.#watch(this.#admin);
  }

  /** How many since the start; 0 where there is no server to ask. */
  async count(): Promise<number> {
    return this.#database === 'mariadb' ? (await this.#total()) - this.#before : this.#seen.size;
  }

  /** Looks no more, whatever it counted. */
  async stop(): Promise<void> {
    this.#isWatching = false;
    await this.#watching;
  }

  async #watch(admin: SqlConnection): Promise<void> {
    this.#isWatching = true;
    while (this.#isWatching) {
      try {
        const { rows } = await admin.query(waiting, [this.#name]);
        for (const row of rows) this.#seen.add(row.join(' '));
      } catch {
        // The server is gone, as everybody else of the run is told as well.
        return;
      }
      await pause(sampleMs);
    }
  }

  async #total(): Promise<number> {
    if (this.#admin === null) return 0;
    const { rows } = await this.#admin.query("SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_waits'");
    return Number(rows[0]?.[1] ?? 0);
  }
}
