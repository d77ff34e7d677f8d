/** One claim that is to be sent. */
export interface PlannedClaim {
  readonly eventId: string;
  readonly userId: string;
  readonly key: string | null;
}

/** What a crowd does at one event. */
export interface Crowd {
  readonly eventId: string;
  /** How many users come, each once. */
  readonly users: number;
  /** How many requests come on top of that, from users who have claimed already: half of them at the same moment. */
  readonly repeats: number;
  /** The same seed gives the same order of arrival. */
  readonly seed: number;
}

/** Numbers from 0 up to but not 1, the same ones for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The claims of a crowd in their order of arrival; a double click stands right behind the click that it repeats. */
export function planClaims(crowd: Crowd): PlannedClaim[] {
  const { eventId, users, repeats, seed } = crowd;
  const random = seededRandom(seed);
  const digits = String(users).length;
  const arrivals = Array.from({ length: users }, (_, i) => `user-${String(i + 1).padStart(digits, '0')}`);
  for (let i = arrivals.length - 1; i > 0; i -= 1) {
    const j = Math.floor(random() * (i + 1));
    [arrivals[i], arrivals[j]] = [arrivals[j] as string, arrivals[i] as string];
  }
  if (users === 0) return [];
  const placed = arrivals.map((userId, i) => ({ userId, place: i }));
  for (let n = 0; n < repeats; n += 1) {
    const i = Math.floor(random() * users);
    const behind = n % 2 === 0 ? 0.5 : 1 + random() * (users - i);
    placed.push({ userId: arrivals[i] as string, place: i + behind });
  }
  return placed.toSorted((a, b) => a.place - b.place).map(({ userId }) => ({ eventId, userId, key: null }));
}
