/** A process of its own that sends claims: starts when it is told to, and gives what it was told back. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { createClaimClient } from '../../src/load/claim-client.ts';
import type { HistoryEntry } from '../../src/load/history.ts';
import type { PlannedClaim } from '../../src/load/plan.ts';
import { runClaims } from '../../src/load/run-claims.ts';

/** What one client process sends. */
interface Errand {
  readonly url: string;
  readonly serviceKey: string;
  readonly plan: readonly PlannedClaim[];
  readonly inFlight: number;
}

/** Lets one process send each plan, all at the same time, and gives all histories in one, on one clock. */
export async function raceClients(
  server: { readonly url: string; readonly serviceKey: string },
  plans: readonly (readonly PlannedClaim[])[],
  inFlight: number,
): Promise<HistoryEntry[]> {
  const children = await Promise.all(plans.map(() => startClient()));
  try {
    const histories = children.map(async (child, index) => {
      const { url, serviceKey } = server;
      child.send({ url, serviceKey, plan: plans[index] ?? [], inFlight } satisfies Errand);
      const [history] = (await once(child, 'message')) as [HistoryEntry[]];
      return history;
    });
    return (await Promise.all(histories)).flat();
  } finally {
    for (const child of children) child.kill('SIGKILL');
  }
}

async function startClient(): Promise<ChildProcess> {
  const child = fork(fileURLToPath(import.meta.url), { execArgv: [], serialization: 'advanced' });
  // Ready: so that all of them set out at once.
  await once(child, 'message');
  return child;
}

async function run({ url, serviceKey, plan, inFlight }: Errand): Promise<void> {
  const client = createClaimClient({ url, serviceKey, connections: inFlight });
  // Every process has its own zero of `performance.now()`; the machine's steady clock is one for all.
  const offset = Number(process.hrtime.bigint()) / 1e6 - performance.now();
  const { history } = await runClaims(plan, { client, inFlight });
  await client.close();
  const onOneClock = history.map((entry) => ({
    ...entry,
    askedAt: entry.askedAt + offset,
    answeredAt: entry.answeredAt + offset,
  }));
  process.send?.(onOneClock);
}

if (import.meta.main) {
  process.once('message', (errand) => void run(errand as Errand));
  process.once('disconnect', () => process.exit());
  process.send?.('ready');
}
