import { type EventSnapshot, stateAt } from './event-spec.ts';
import type { Win } from './win.ts';

/** Why an event says no to a claim, in order of precedence. A replay comes before all of them. */
export const rejectionReasons = ['closed', 'not_open', 'paused', 'limit_reached', 'sold_out'] as const;
export type RejectionReason = (typeof rejectionReasons)[number];

/** What the gate says of one claim: a win, or a rejection with one reason. */
export type Decision =
  | { readonly outcome: 'won'; readonly replayed: boolean; readonly win: Win }
  | {
      readonly outcome: 'rejected';
      readonly reason: RejectionReason;
      /** The user's own wins where the reason is `limit_reached`, else empty. */
      readonly wins: readonly Win[];
      /** When it opens where the reason is `not_open`, else null. */
      readonly opensAt: number | null;
    }
  | { readonly outcome: 'key_required' };

/** The three decisions that carry nothing of their own, made once: a refusal must cost next to nothing. */
export const plainRejections = {
  closed: { outcome: 'rejected', reason: 'closed', wins: [], opensAt: null },
  paused: { outcome: 'rejected', reason: 'paused', wins: [], opensAt: null },
  sold_out: { outcome: 'rejected', reason: 'sold_out', wins: [], opensAt: null },
} as const satisfies Record<string, Decision>;

export const keyRequired: Decision = { outcome: 'key_required' };

/**
 * The one rule of precedence: what the gate says to a claim with `key` of a user who has `userWins` of `event` at `now`.
 * Null means that the next slot is this claim's. Where `limitPerUser` is 1 any repeat is a replay, whatever its key.
 */
export function judgeClaim(
  event: EventSnapshot,
  userWins: readonly Win[],
  key: string | null,
  now: number,
): Decision | null {
  const { spec } = event;
  if (spec.limitPerUser === 1) {
    const win = userWins[0];
    if (win !== undefined) return { outcome: 'won', replayed: true, win };
  } else {
    if (key === null) return keyRequired;
    for (const win of userWins) if (win.key === key) return { outcome: 'won', replayed: true, win };
  }
  const state = stateAt(event, now);
  if (state === 'closed') return plainRejections.closed;
  if (state === 'scheduled') return { outcome: 'rejected', reason: 'not_open', wins: [], opensAt: spec.opensAt };
  if (state === 'paused') return plainRejections.paused;
  if (userWins.length >= spec.limitPerUser)
    return { outcome: 'rejected', reason: 'limit_reached', wins: userWins, opensAt: null };
  if (event.won >= spec.capacity) return plainRejections.sold_out;
  return null;
}
