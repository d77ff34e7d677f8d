/** One worker of several in processes of their own, over a topic. */
import { serveRemote } from '../../../src/testing/main.ts';
import { IssuingWorker } from '../issuing-worker.ts';
import { openLog } from './rig.ts';

/** Where a worker works. */
export interface WorkerPlace {
  readonly url: string;
  readonly topic: string;
  readonly ledger: string;
  readonly sessionTimeoutMs: number;
}

await serveRemote(async (at) => {
  const { url, topic, ledger, sessionTimeoutMs } = JSON.parse(at) as WorkerPlace;
  const log = await openLog(url, topic, { sessionTimeoutMs, answerTimeoutMs: 2_000 });
  await log.join();
  return new IssuingWorker({ log, ledger, sessionTimeoutMs });
});
