/** Workers in processes of their own share the partitions; who is killed or stopped is replaced, and nothing is issued twice. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { DatabaseSync } from 'node:sqlite';
import { it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { openRemote } from '../../../src/testing/main.ts';
import { startKafka } from '../../../services/services.ts';
import { describeService, sharedService } from '../../services/shared.ts';
import { ledgerSchema, type Worker } from '../issuing-worker.ts';
import { inWorkerScene, type SceneParts, until, type WorkerScene } from '../worker-scene.ts';
import { eventIn, freshTopic, openLog } from './rig.ts';
import { send } from './sending.ts';
import type { WorkerPlace } from './worker-process.ts';

const count = 6;
const sessionTimeoutMs = 3_000;
const events = Array.from({ length: count }, (_, index) => eventIn(index, count));
const module = new URL('./worker-process.ts', import.meta.url);

const withScene = (run: (scene: WorkerScene) => Promise<void>) => async () => {
  const url = await sharedService('kafka');
  const topic = freshTopic();
  const log = await openLog(url, topic, { partitions: count });
  const parts: SceneParts = {
    log,
    module,
    place: (ledger): WorkerPlace => ({ url, topic, ledger, sessionTimeoutMs }),
    fill: async (stop) => (await send(log, events, 5, stop)).last,
    close: () => log.close(),
  };
  await inWorkerScene(parts, run);
};

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
        // It may be missed before a session is over, its last heartbeat having been before the stop.
        await Promise.all([shared([other]), pause(1.1 * sessionTimeoutMs)]);
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
    const worker = await openRemote<Worker>(module, JSON.stringify(place));
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
