/** One worker of several in processes of their own: issues what it holds into a ledger in small, as an engine does. */
import process from 'node:process';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import { DibsError } from '../../../src/core/errors.ts';
import type { WinLog } from '../../../src/core/win-log.ts';
import { serveRemote } from '../../../src/testing/main.ts';
import { openLog } from './rig.ts';

/** Where a worker works. */
export interface WorkerPlace {
  readonly url: string;
  readonly topic: string;
  /** The file of the ledger. */
  readonly ledger: string;
  readonly sessionTimeoutMs: number;
}

/** What the tests ask a worker. */
export interface Worker {
  pid(): Promise<number>;
  /** The partitions that it holds. */
  held(): Promise<string[]>;
  /** What it held the moment it woke from having been stopped for a session, before it could hear of anything; null where it never was. */
  heldAtWaking(): Promise<string[] | null>;
  close(): Promise<void>;
}

/** The ledger in small: the positions, and every issued slot as often as it was. */
export const ledgerSchema = `
  CREATE TABLE positions (partition TEXT PRIMARY KEY, position TEXT NOT NULL) STRICT;
  CREATE TABLE issued (event TEXT NOT NULL, slot INTEGER NOT NULL) STRICT;
`;

const watchMs = 20;

class IssuingWorker implements Worker {
  readonly #log: WinLog;
  readonly #db: DatabaseSync;
  readonly #done: Promise<void>;
  readonly #watch: NodeJS.Timeout;
  #known: readonly string[] = [];
  #heldAtWaking: string[] | null = null;
  #stopped = false;

  constructor(log: WinLog, path: string, sessionTimeoutMs: number) {
    this.#log = log;
    let awakeAt = performance.now();
    this.#watch = setInterval(() => {
      const now = performance.now();
      if (now - awakeAt > sessionTimeoutMs) this.#heldAtWaking = this.#known.filter((one) => this.#log.holds(one));
      awakeAt = now;
    }, watchMs);
    // Not waited for: a worker that is stopped may hold it, and one that waits here sends no heartbeats.
    this.#db = new DatabaseSync(path, { timeout: 0 });
    this.#done = this.#run();
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      for (const partition of await this.#partitions()) {
        if (this.#log.holds(partition)) await this.#issue(partition).catch(onlyPassing);
      }
      await pause(5);
    }
  }

  async #partitions(): Promise<string[]> {
    const ends = await this.#log.ends(null, 1000).catch(onlyPassing);
    return (ends ?? []).map(({ partition }) => partition);
  }

  async #issue(partition: string): Promise<void> {
    const from = this.#position(partition);
    const { records, position } = await this.#log.read(partition, from ?? this.#log.start, 50);
    if (records.length === 0) return;
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      // Who comes second finds the position moved, and has nothing to write.
      if (this.#position(partition) === from) {
        const issue = this.#db.prepare('INSERT INTO issued VALUES (?, ?)');
        for (const record of records)
          if (record.type === 'wins') for (const { slot } of record.wins) issue.run(record.eventId, slot);
        this.#db
          .prepare(
            'INSERT INTO positions VALUES (?, ?) ON CONFLICT (partition) DO UPDATE SET position = excluded.position',
          )
          .run(partition, position);
      }
    } finally {
      this.#db.exec('COMMIT');
    }
  }

  #position(partition: string): string | null {
    const row = this.#db.prepare('SELECT position FROM positions WHERE partition = ?').get(partition);
    return typeof row?.['position'] === 'string' ? row['position'] : null;
  }

  pid = async () => process.pid;
  held = async () => {
    const ends = await this.#log.ends(null, 1000);
    this.#known = ends.map(({ partition }) => partition);
    return this.#known.filter((partition) => this.#log.holds(partition));
  };
  heldAtWaking = async () => this.#heldAtWaking;
  close = async () => {
    this.#stopped = true;
    clearInterval(this.#watch);
    await this.#done;
    await this.#log.close();
    this.#db.close();
  };
}

/** Kafka that does not answer, and a ledger that another worker writes to, are asked again. */
function onlyPassing(error: unknown): undefined {
  const isPassing =
    (error instanceof DibsError && error.code === 'unavailable') ||
    (error instanceof Error && /database is locked/.test(error.message));
  if (!isPassing) throw error;
}

if (process.argv[1] === import.meta.filename) {
  await serveRemote(async (at) => {
    const { url, topic, ledger, sessionTimeoutMs } = JSON.parse(at) as WorkerPlace;
    const log = await openLog(url, topic, { sessionTimeoutMs, answerTimeoutMs: 2_000 });
    await log.join();
    return new IssuingWorker(log, ledger, sessionTimeoutMs);
  });
}
