/** One worker of several in processes of their own: issues what it holds into a ledger in small, as an engine does. */
import process from 'node:process';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import { DibsError } from '../../src/core/errors.ts';
import type { LogBatch, WinLog } from '../../src/core/win-log.ts';

/** What a worker works with. */
export interface WorkerParts {
  readonly log: WinLog;
  /** The file of the ledger. */
  readonly ledger: string;
  /** After how long without a word from it the others take its part over. */
  readonly sessionTimeoutMs: number;
  /** Told of each batch that the ledger has: what it has, the gate need not keep. */
  readonly issued?: (batch: LogBatch) => Promise<void>;
  /** Ends what is around the log, which the worker has closed. */
  readonly closed?: () => Promise<void>;
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

/** Takes the log's partitions as they come to it; its caller has joined the log. */
export class IssuingWorker implements Worker {
  readonly #parts: WorkerParts;
  readonly #log: WinLog;
  readonly #db: DatabaseSync;
  readonly #done: Promise<void>;
  readonly #watch: NodeJS.Timeout;
  #known: readonly string[] = [];
  #heldAtWaking: string[] | null = null;
  #stopped = false;

  constructor(parts: WorkerParts) {
    const { log, ledger, sessionTimeoutMs } = parts;
    this.#parts = parts;
    this.#log = log;
    let awakeAt = performance.now();
    this.#watch = setInterval(() => {
      const now = performance.now();
      if (now - awakeAt > sessionTimeoutMs) this.#heldAtWaking = this.#known.filter((one) => this.#log.holds(one));
      awakeAt = now;
    }, watchMs);
    // Not waited for: a worker that is stopped may hold it, and one that waits here sends no heartbeats.
    this.#db = new DatabaseSync(ledger, { timeout: 0 });
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
    const batch = await this.#log.read(partition, from ?? this.#log.start, 50);
    const { records, position } = batch;
    if (records.length === 0) return;
    this.#db.exec('BEGIN IMMEDIATE');
    let isFirst = false;
    try {
      // Who comes second finds the position moved, and has nothing to write.
      isFirst = this.#position(partition) === from;
      if (isFirst) {
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
    // Of what it read beyond the position that another has moved, nobody may have anything yet.
    if (isFirst) await this.#parts.issued?.(batch);
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
    await this.#parts.closed?.();
    this.#db.close();
  };
}

/** A store that does not answer, and a ledger that another worker writes to, are asked again. */
function onlyPassing(error: unknown): undefined {
  const isPassing =
    (error instanceof DibsError && ['unavailable', 'unknown_outcome'].includes(error.code)) ||
    (error instanceof Error && /database is locked/.test(error.message));
  if (!isPassing) throw error;
}
