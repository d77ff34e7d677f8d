/** Workers in processes of their own around one log, and what they have issued held against what was won. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import type { WinLog } from '../../src/core/win-log.ts';
import { openRemote, type Remote } from '../../src/testing/main.ts';
import { ledgerSchema, type Worker } from './issuing-worker.ts';

/** What workers share, and how it is filled. */
export interface SceneParts {
  /** The log as somebody sees it who takes no part. */
  readonly log: WinLog;
  /** What the process of a worker runs, and the place that it is told. */
  readonly module: URL;
  place(ledger: string): object;
  /** Fills the log until it is told to stop; gives the greatest slot of each event. */
  fill(stop: AbortSignal): Promise<ReadonlyMap<string, number>>;
  close(): Promise<void>;
}

export interface WorkerScene {
  readonly log: WinLog;
  start(): Promise<Remote<Worker>>;
  /** Waits until these share all partitions, each held by one alone. */
  shared(workers: readonly Remote<Worker>[]): Promise<void>;
  /** Fills the log while `act` runs, then waits until all is issued, and fails where anything was twice or out of order. */
  issuingWhile(act: () => Promise<void>): Promise<number>;
}

/** Runs a test on a scene that is gone behind it, whatever becomes of it. */
export async function inWorkerScene(parts: SceneParts, run: (scene: WorkerScene) => Promise<void>): Promise<void> {
  const { log } = parts;
  const folder = await mkdtemp(join(tmpdir(), 'dibs-workers-'));
  const ledger = join(folder, 'ledger.db');
  const db = new DatabaseSync(ledger, { timeout: 10_000 });
  db.exec(`PRAGMA journal_mode = WAL; ${ledgerSchema}`);
  const workers: Remote<Worker>[] = [];
  try {
    await run({
      log,
      async start() {
        const worker = await openRemote<Worker>(parts.module, JSON.stringify(parts.place(ledger)));
        workers.push(worker);
        return worker;
      },
      shared: (some) => shared(some, log),
      async issuingWhile(act) {
        const stop = new AbortController();
        const work = parts.fill(stop.signal);
        // Whatever becomes of the act: a filling that went on would keep this process for ever.
        const [acted, filled] = await Promise.allSettled([act().finally(() => stop.abort()), work]);
        if (acted.status === 'rejected') throw acted.reason;
        if (filled.status === 'rejected') throw filled.reason;
        const last = filled.value;
        const expected = [...last.values()].reduce((sum, slot) => sum + slot, 0);
        await until(40_000, 'everything should be issued', async () => issuedIn(db).length >= expected);
        const issued = issuedIn(db);
        // In the order in which it was issued: per event every slot once, none before the one before it.
        for (const [event, slot] of last) {
          const slots = issued.filter((one) => one.event === event).map((one) => one.slot);
          assert.deepEqual(
            slots,
            Array.from({ length: slot }, (_, index) => index + 1),
          );
        }
        return issued.length;
      },
    });
  } finally {
    await Promise.all(workers.map((worker) => worker.kill()));
    await parts.close();
    db.close();
    await rm(folder, { recursive: true });
  }
}

const issuedIn = (db: DatabaseSync): { event: string; slot: number }[] =>
  db.prepare('SELECT event, slot FROM issued ORDER BY rowid').all() as { event: string; slot: number }[];

/** Asks until it holds. The bound is no promise: it lets what never comes be a failure and not a hang. */
export async function until(msMax: number, what: string, holds: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + msMax;
  while (!(await holds())) {
    if (performance.now() > end) assert.fail(`${what}, and did not within ${msMax} ms`);
    await pause(20);
  }
}

async function shared(workers: readonly Remote<Worker>[], log: WinLog): Promise<void> {
  const all = (await log.ends(null, 1000)).map(({ partition }) => partition);
  await until(60_000, `${workers.length} workers should share ${all.length} partitions`, async () => {
    const held = await Promise.all(workers.map(({ port }) => port.held()));
    return (
      held.every((some) => some.length > 0) &&
      held.flat().length === all.length &&
      new Set(held.flat()).size === all.length
    );
  });
}
