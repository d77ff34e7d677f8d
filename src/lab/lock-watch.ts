import { setTimeout as pause } from 'node:timers/promises';
import type { SqlConnection } from './stores/database.ts';
import type { DatabaseName } from './strategy.ts';

const sampleMs = 5;

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
    if (this.#admin === null) return;
    if (this.#database === 'mariadb') this.#before = await rowLockWaits(this.#admin);
    else this.#watching = this.#watch(this.#admin);
  }

  /** How many since the start; 0 where there is no server to ask. */
  async stop(): Promise<number> {
    this.#isWatching = false;
    await this.#watching;
    if (this.#admin === null) return 0;
    return this.#database === 'mariadb' ? (await rowLockWaits(this.#admin)) - this.#before : this.#seen.size;
  }

  async #watch(admin: SqlConnection): Promise<void> {
    this.#isWatching = true;
    const text =
      "SELECT pid, query_start FROM pg_stat_activity WHERE datname = ? AND wait_event_type = 'Lock' AND state = 'active'";
    while (this.#isWatching) {
      const { rows } = await admin.query(text, [this.#name]);
      for (const row of rows) this.#seen.add(row.map(String).join(' '));
      await pause(sampleMs);
    }
  }
}

async function rowLockWaits(admin: SqlConnection): Promise<number> {
  const { rows } = await admin.query("SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_waits'");
  return Number(rows[0]?.[1] ?? 0);
}
