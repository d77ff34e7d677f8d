/** How fast coupons are issued, over all workers together. */
export interface IssueRate {
  readonly perSecond: number;
  /** The most coupons that one transaction is meant to write; a larger one is a debt that the next ones wait for. */
  readonly pieceMax: number;
}

/** What is left of a rate at a moment of the ledger's clock; below 0 where more was taken than had come in. */
export interface RateState {
  readonly tokens: number;
  /** Milliseconds since 1970. */
  readonly filledAt: number;
}

// What a pause may save up, in seconds of the rate: a waiter that wakes late on a busy machine loses nothing (at 0.05 the mean of
// two loaded workers fell to 0.9 of the rate), and a second never holds more than a fifth above it.
const savedSeconds = 0.1;
// A tenth of a second's worth at a time: ten transactions a second are few, and bound by how much a second may exceed the rate.
const pieceSeconds = 0.1;

/** A rate, in pieces of a tenth of a second's worth, at least 1 and at most `pieceMax`. */
export const issueRateOf = (perSecond: number, pieceMax: number): IssueRate => ({
  perSecond,
  pieceMax: Math.max(1, Math.min(pieceMax, Math.floor(perSecond * pieceSeconds))),
});

/** The state before anything was taken: nothing has been saved up. */
export const freshRate = (now: number): RateState => ({ tokens: 0, filledAt: now });

// So far the clocks of a database's machines may lie apart; a clock that is further back has been set.
const apartMsMax = 1_000;

/**
 * The state at `now`. A clock that is a little behind grants nothing until it has caught up, so that two of them do not
 * grant one moment twice. One that was set back goes on from there, and what was owed is let go: a look that finds nothing
 * due leaves no trace, so that the debt would stand until the clock is where it was. That is a piece at most for each time.
 */
export function refilled(state: RateState, rate: IssueRate, now: number): RateState {
  const saved = Math.max(1, rate.perSecond * savedSeconds);
  const passedMs = now - state.filledAt;
  if (passedMs < -apartMsMax) return { tokens: Math.min(saved, Math.max(0, state.tokens)), filledAt: now };
  const grown = (Math.max(0, passedMs) * rate.perSecond) / 1000;
  return { tokens: Math.min(saved, state.tokens + grown), filledAt: Math.max(now, state.filledAt) };
}

/**
 * How long until a piece may be written, in milliseconds; 0 when it may now. What is taken then may leave a debt of a piece,
 * so that any span of a second holds at most the rate, what was saved up, and one piece.
 */
export const msUntilDue = (state: RateState, rate: IssueRate): number =>
  state.tokens >= 0 ? 0 : Math.ceil((-state.tokens * 1000) / rate.perSecond);

/** The state after `count` were written. */
export const taken = (state: RateState, count: number): RateState => ({ ...state, tokens: state.tokens - count });
