import { strikes } from './faults.ts';
import type { Fleet } from './fleet.ts';
import type { ToldClaim } from './judge.ts';
import type { FaultName } from './terms.ts';

/** How a crowd comes. */
export interface CrowdOptions {
  readonly inFlight: number;
  readonly fault: FaultName | null;
  readonly signal: AbortSignal;
  /** Told after each answer, with how many have won by then; must be cheap. */
  readonly onAnswer: (wins: number) => void;
  /** Told of each answer that got lost. */
  readonly onLost: () => void;
}

/** Sends the claims of these users in their order, `inFlight` at any time: each client comes again once it is answered. */
export async function sendCrowd(
  fleet: Fleet,
  arrivals: readonly string[],
  { inFlight, fault, signal, onAnswer, onLost }: CrowdOptions,
): Promise<ToldClaim[]> {
  const told: ToldClaim[] = [];
  let next = 0;
  let wins = 0;
  let refusals = 0;

  async function clicker(client: number): Promise<void> {
    // A client stays with its server; one alone goes from server to server, or all but one would have nothing to do.
    const serverOf = (n: number): number => (inFlight === 1 ? n : client);
    for (let n = next++; n < arrivals.length && !signal.aborted; n = next++) {
      const userId = arrivals[n] as string;
      const askedAt = performance.now();
      let reply = await fleet.claim(n, userId, serverOf(n));
      const nth = reply.answer === 'won' ? ++wins : ++refusals;
      // The answer got lost on its way: its user, who knows nothing, presses again. Counted apart, or whether any win is struck
      // would be a matter of chance.
      if (fault === 'lost-reply' && strikes(nth)) {
        onLost();
        reply = await fleet.claim(n, userId, serverOf(n));
      }
      told.push({ ...reply, userId, askedAt, answeredAt: performance.now() });
      onAnswer(wins);
    }
  }

  await Promise.all(Array.from({ length: Math.min(inFlight, arrivals.length) }, (_, client) => clicker(client)));
  signal.throwIfAborted();
  return told;
}
