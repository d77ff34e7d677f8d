/** Workers in processes of their own share the partitions; who is killed or stopped is replaced, and nothing is issued twice. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { DatabaseSync } from 'node:sqlite';
import { it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { WinLog } from '../../../src/core/win-log.ts';
import { openRemote, type Remote } from '../../../src/testing/main.ts';
import { startKafka } from '../../../services/services.ts';
import { describeService, sharedService } from '../../services/shared.ts';
import { eventIn, freshTopic, openLog } from './rig.ts';
import { send } from './sending.ts';
import { ledgerSchema, type Worker, type WorkerPlace } from './worker-process.ts';

const count = 6;
const sessionTimeoutMs = 3_000;
const events = Array.from({ length: count }, (_, index) => eventIn(index, count));

interface Scene {
  readonly log: WinLog;
  start(): Promise<Remote<Worker>>;
  /** Waits until these share all partitions, each held by one alone. */
  shared(workers: readonly Remote<Worker>[]): Promise<void>;
  /** Sends while `act` runs, then waits until all is issued, and fails where anything was twice or out of order. */
  issuingWhile(act: () => Promise<void>): Promise<number>;
}

const withScene = (run: (scene: Scene) => Promise<void>) => async () => {
  const url = await sharedService('kafka');
  const topic = freshTopic();
  const folder = await mkdtemp(join(tmpdir(), 'dibs-workers-'));
  const ledger = join(folder, 'ledger.db');
  const db = new DatabaseSync(ledger, { timeout: 10_000 });
  db.exec(`PRAGMA journal_mode = WAL; ${ledgerSchema}`);
  const log = await openLog(url, topic, { partitions: count });
  const workers: Remote<Worker>[] = [];
  const module = new URL('./worker-process.ts', import.meta.url);
  const place: WorkerPlace = { url, topic, ledger, sessionTimeoutMs };
  try {
    await run({
      log,
      async start() {
        const worker = await openRemote<Worker>(module, JSON.stringify(place));
        workers.push(worker);
        return worker;
      },
      shared: (some) => shared(some, log),
      async issuingWhile(act) {
        const stop = new AbortController();
        const work = send(log, events, 5, stop.signal);
        // Whatever becomes of the act: a sending that went on would keep this process for ever.
        const [acted, sent] = await Promise.allSettled([act().finally(() => stop.abort()), work]);
        if (acted.status === 'rejected') throw acted.reason;
        if (sent.status === 'rejected') throw sent.reason;
        const { last } = sent.value;
        const expected = [...last].flatMap(([event, slot]) =>
          Array.from({ length: slot }, (_, index) => `${event} ${index + 1}`),
        );
        await until(40_000, 'everything should be issued', async () => issuedIn(db).length >= expected.length);
        const issued = issuedIn(db);
        // In the order in which it was issued: per event every slot once, none before the one before it.
        for (const event of events) {
          const slots = issued.filter((one) => one.event === event).map(({ slot }) => slot);
          assert.deepEqual(
            slots,
            Array.from({ length: last.get(event) ?? 0 }, (_, index) => index + 1),
          );
        }
        return issued.length;
      },
    });
  } finally {
    await Promise.all(workers.map((worker) => worker.kill()));
    await log.close();
    db.close();
    await rm(folder, { recursive: true });
  }
};

const issuedIn = (db: DatabaseSync): { event: string; slot: number }[] =>
  db.prepare('SELECT event, slot FROM issued ORDER BY rowid').all() as { event: string; slot: number }[];

async function until(msMax: number, what: string, holds: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + msMax;
  while (!(await holds())) {
    assert.ok(performance.now() < end, `${what} within ${msMax} ms`);
    await pause(20);
  }
}

async function shared(workers: readonly Remote<Worker>[], log: WinLog): Promise<void> {
  const all = (await log.ends(null, 1000)).map(({ partition }) => partition);
  await until(30_000, `${workers.length} workers should share ${all.length} partitions`, async () => {
    const held = await Promise.all(workers.map(({ port }) => port.held()));
    return (
      held.every((some) => some.length > 0) &&
      held.flat().length === all.length &&
      new Set(held.flat()).size === all.length
    );
  });
}

describeService('kafka', 'workers', () => {
  it(
    'share the partitions, and share anew when one comes, leaves or is killed',
    withScene(async ({ start, shared, issuingWhile }) => {
      const total = await issuingWhile(async () => {
        const first = await start();
        await shared([first]);
        const second = await start();
        const third = await start();
        await shared([first, second, third]);
        await second.kill();
        await shared([first, third]);
        await first.close();
        await shared([third]);
      });
      assert.ok(total > 500, `${total} issued`);
    }),
  );
  it(
    'that was stopped for longer than a session holds nothing when it wakes, and takes part again',
    withScene(async ({ start, shared, issuingWhile }) => {
      await issuingWhile(async () => {
        const [sleeper, other] = [await start(), await start()];
        await shared([sleeper, other]);
        const pid = await sleeper.port.pid();
        process.kill(pid, 'SIGSTOP');
        await shared([other]);
        process.kill(pid, 'SIGCONT');
        await until(10_000, 'it should wake', async () => (await sleeper.port.heldAtWaking()) !== null);
        assert.deepEqual(await sleeper.port.heldAtWaking(), [], 'what it held belongs to the other now');
        await shared([sleeper, other]);
      });
    }),
  );
  it(
    'that is stopped between reading and writing finds the position moved',
    withScene(async ({ start, shared, issuingWhile }) => {
      await issuingWhile(async () => {
        const workers = [await start(), await start(), await start()];
        await shared(workers);
        for (const worker of workers.slice(1)) {
          const pid = await worker.port.pid();
          process.kill(pid, 'SIGSTOP');
          await pause(1.5 * sessionTimeoutMs);
          process.kill(pid, 'SIGCONT');
        }
        await shared(workers);
      });
    }),
  );
});

describeService('kafka', 'a worker whose server hangs', () => {
  it('leaves all the same, and its process ends by itself', async () => {
    const kafka = await startKafka();
    const folder = await mkdtemp(join(tmpdir(), 'dibs-workers-'));
    const ledger = join(folder, 'ledger.db');
    new DatabaseSync(ledger).exec(ledgerSchema);
    const place: WorkerPlace = { url: kafka.url, topic: freshTopic(), ledger, sessionTimeoutMs };
    const worker = await openRemote<Worker>(new URL('./worker-process.ts', import.meta.url), JSON.stringify(place));
    try {
      await until(10_000, 'it should hold something', async () => (await worker.port.held()).length > 0);
      kafka.signal('SIGSTOP');
      // Measured: 3 to 6 s. What it must not do is wait for a server that will never answer; the test's own time ends that.
      await worker.close();
    } finally {
      await worker.kill();
      kafka.signal('SIGCONT');
      await kafka.stop();
      await rm(folder, { recursive: true });
    }
  });
});
