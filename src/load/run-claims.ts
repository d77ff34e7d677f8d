import { build, type Histogram } from 'hdr-histogram-js';
import type { ClaimClient } from './claim-client.ts';
import { type HistoryEntry, historyEntry } from './history.ts';
import type { PlannedClaim } from './plan.ts';

/** What a run has left behind. */
export interface ClaimRun {
  /** One entry for each claim that was sent, in the order of their answers. */
  readonly history: readonly HistoryEntry[];
  /** Microseconds from click to answer. */
  readonly latency: Histogram;
  readonly seconds: number;
}

/** How a plan is sent. */
export interface RunOptions {
  readonly client: ClaimClient;
  /** So many clients, each of which sends its next claim when its last one is answered. */
  readonly inFlight: number;
  /** Told after each answer; must be cheap. */
  readonly onAnswer?: (answered: number, entry: HistoryEntry) => void;
  /** Ends the run early: nothing more is sent, what is on its way is waited for. */
  readonly signal?: AbortSignal;
}

/**
 * Sends a plan in its order, with `inFlight` claims on their way at any time. A closed loop: it shows that every answer is
 * right under pressure, and its latencies are those of clients that wait, not those of a crowd that does not.
 */
export async function runClaims(plan: readonly PlannedClaim[], options: RunOptions): Promise<ClaimRun> {
  const { client, inFlight, onAnswer, signal } = options;
  const latency = build({ bitBucketSize: 32, highestTrackableValue: 3_600_000_000, numberOfSignificantValueDigits: 3 });
  const history: HistoryEntry[] = [];
  let next = 0;
  const startedAt = performance.now();

  async function clicker(): Promise<void> {
    for (let claim = plan[next]; claim !== undefined; claim = plan[next]) {
      if (signal?.aborted === true) return;
      next += 1;
      const askedAt = performance.now();
      // One client waits for its answer; the others of the loop do not wait for it.
      const answer = await client.claim(claim.eventId, claim.userId, claim.key);
      const entry = historyEntry(claim, answer, askedAt, performance.now());
      history.push(entry);
      latency.recordValue(Math.max(1, answer.micros));
      onAnswer?.(history.length, entry);
    }
  }

  await Promise.all(Array.from({ length: Math.min(inFlight, plan.length) }, clicker));
  return { history, latency, seconds: (performance.now() - startedAt) / 1000 };
}
