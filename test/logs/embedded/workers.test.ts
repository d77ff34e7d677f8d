/** Workers without a broker share the events by their attendance; who is killed or stopped is replaced, and nothing is issued twice. */
import assert from 'node:assert/strict';
import process from 'node:process';
import { it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Gate } from '../../../src/core/gate.ts';
import { outboxStart } from '../../../src/core/record.ts';
import { Attendance } from '../../../src/lib/attendance.ts';
import { systemClock } from '../../../src/lib/system-clock.ts';
import { openEmbeddedLog } from '../../../src/logs/embedded/log.ts';
import { crowd, openEvent } from '../../../src/testing/gate/acting.ts';
import { openGateAt } from '../../gates/redis/bench.ts';
import { describeService, freshName, sharedService } from '../../services/shared.ts';
import { inWorkerScene, until, type WorkerScene } from '../worker-scene.ts';
import type { WorkerPlace } from './worker-process.ts';

// The hash gives one of three workers none of 40 events once in four million times.
const events = Array.from({ length: 40 }, (_, index) => `event-${index}`);
// After so long without a beat a worker counts for dead.
const sessionTimeoutMs = 5_000;

/** Claims for all events, five at a time of each. */
async function fill(gate: Gate, stop: AbortSignal): Promise<ReadonlyMap<string, number>> {
  const last = new Map(events.map((event) => [event, 0]));
  while (!stop.aborted) {
    for (const event of events) {
      const slot = last.get(event) ?? 0;
      const decisions = await gate.admit(event, crowd(5, `user-${slot}-`));
      assert.ok(decisions.every(({ outcome }) => outcome === 'won'));
      last.set(event, slot + decisions.length);
    }
    await pause(20);
  }
  return last;
}

const withScene = (run: (scene: WorkerScene, gate: Gate) => Promise<void>) => async () => {
  const [url, prefix] = [await sharedService('redis'), freshName()];
  const gate = await openGateAt({ url, prefix });
  for (const id of events) await openEvent(gate, { id, capacity: 1_000_000 });
  const bystander = new Attendance({ gate, clock: systemClock, worker: 'bystander', isShared: true });
  let started = 0;
  await inWorkerScene(
    {
      log: openEmbeddedLog(gate, bystander),
      module: new URL('./worker-process.ts', import.meta.url),
      place(ledger): WorkerPlace {
        started += 1;
        return { url, prefix, name: `worker-${started}`, ledger, sessionTimeoutMs };
      },
      fill: (stop) => fill(gate, stop),
      close: () => gate.close(),
    },
    (scene) => run(scene, gate),
  );
};

describeService('redis', 'workers over the outboxes in Redis', () => {
  it(
    'share the events, and share anew when one comes, leaves or is killed',
    withScene(async ({ start, shared, issuingWhile }, gate) => {
      const total = await issuingWhile(async () => {
        const first = await start();
        await shared([first]);
        const [second, third] = await Promise.all([start(), start()]);
        await shared([first, second, third]);
        await second.kill();
        await shared([first, third]);
        await first.close();
        await shared([third]);
      });
      assert.ok(total > 500, `${total} issued`);
      // What the ledger has was trimmed, so that a worker that came too late had nothing to issue again. The last entry stays.
      const isTrimmed = async () => {
        const left = await Promise.all(events.map((id) => gate.outbox(id, outboxStart, 1_000)));
        return left.every(({ length }) => length === 1);
      };
      await until(10_000, 'the outboxes should hold one entry each', isTrimmed);
    }),
  );
  it(
    'that wake from a stop in which others took over issue nothing again',
    withScene(async ({ start, shared, issuingWhile }) => {
      await issuingWhile(async () => {
        const workers = [await start(), await start(), await start()];
        await shared(workers);
        const [sleeper, ...others] = workers;
        const pid = (await sleeper?.port.pid()) ?? 0;
        process.kill(pid, 'SIGSTOP');
        try {
          // It may be missed before a session is over, its last beat having been before the stop.
          await Promise.all([shared(others), pause(1.1 * sessionTimeoutMs)]);
        } finally {
          process.kill(pid, 'SIGCONT');
        }
        await until(10_000, 'it should wake', async () => (await sleeper?.port.heldAtWaking()) !== null);
        await shared(workers);
      });
    }),
  );
});
