/** One worker of several in processes of their own, over the outboxes of a gate in Redis. */
import { type OutboxId, outboxIdOf } from '../../../src/core/record.ts';
import { Attendance } from '../../../src/lib/attendance.ts';
import { systemClock } from '../../../src/lib/system-clock.ts';
import { openEmbeddedLog } from '../../../src/logs/embedded/log.ts';
import { serveRemote } from '../../../src/testing/main.ts';
import { openGateAt } from '../../gates/redis/bench.ts';
import { IssuingWorker } from '../issuing-worker.ts';

/** Where a worker works. */
export interface WorkerPlace {
  readonly url: string;
  readonly prefix: string;
  readonly name: string;
  readonly ledger: string;
  readonly sessionTimeoutMs: number;
}

await serveRemote(async (at) => {
  const { url, prefix, name, ledger, sessionTimeoutMs } = JSON.parse(at) as WorkerPlace;
  const gate = await openGateAt({ url, prefix });
  const attendance = new Attendance({ gate, clock: systemClock, worker: name, isShared: true });
  const log = openEmbeddedLog(gate, attendance);
  await log.join();
  return new IssuingWorker({
    log,
    ledger,
    sessionTimeoutMs,
    async issued({ records }) {
      const ends = new Map<string, OutboxId>();
      for (const record of records) if (record.type !== 'poison') ends.set(record.eventId, outboxIdOf(record));
      for (const [eventId, end] of ends) await gate.trim(eventId, end);
    },
    async closed() {
      await attendance.stop();
      await gate.close();
    },
  });
});
