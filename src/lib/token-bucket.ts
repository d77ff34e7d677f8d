/** Grants so many acts a second, in pieces worth a transaction each. All times are milliseconds. */
export interface TokenBucket {
  /** How many may be taken at `now`; 0 until a piece worth taking has gathered. */
  available(now: number): number;
  /** How long until `available` is above 0. */
  msUntilAvailable(now: number): number;
  /** Takes `count`, which `available` has granted before. */
  take(count: number, now: number): void;
}

// A tenth of a second's worth at a time: ten transactions a second are few, and no second holds more than a tenth above the rate.
const pieceSeconds = 0.1;
// A piece is taken a little before the bucket is full, so that a timer that fires late loses nothing.
const ripeShare = 0.8;

/** A bucket that grants `perSecond` (any positive number) in pieces of a tenth of a second, at least 1 and at most `pieceMax`. */
export function createTokenBucket(perSecond: number, pieceMax: number, start: number): TokenBucket {
  const capacity = Math.max(1, Math.min(pieceMax, Math.floor(perSecond * pieceSeconds)));
  const ripe = Math.max(1, Math.floor(capacity * ripeShare));
  let tokens = capacity;
  let filledAt = start;
  const fill = (now: number): void => {
    // A clock that steps back grants nothing for the step, and goes on at its rate from there.
    if (now <= filledAt) {
      filledAt = now;
      return;
    }
    tokens = Math.min(capacity, tokens + ((now - filledAt) * perSecond) / 1000);
    filledAt = now;
  };
  return {
    available(now) {
      fill(now);
      return tokens >= ripe ? Math.floor(tokens) : 0;
    },
    msUntilAvailable(now) {
      fill(now);
      return tokens >= ripe ? 0 : Math.ceil(((ripe - tokens) * 1000) / perSecond);
    },
    take(count, now) {
      fill(now);
      tokens -= count;
    },
  };
}

/** A bucket that grants whatever is asked for. */
export const unlimitedBucket: TokenBucket = {
  available: () => Number.MAX_SAFE_INTEGER,
  msUntilAvailable: () => 0,
  take: () => undefined,
};
