import type { OutboxExtent } from '../../core/gate.ts';

/** An event as one look has found it. */
export interface Look {
  readonly extent: OutboxExtent;
  /** In how long it opens, or before how long it has opened where below 0; null where it has no such time. */
  readonly opensInMs: number | null;
}

/** What was seen of an event last, by a steady clock. */
interface Seen {
  readonly extent: OutboxExtent | null;
  readonly lookedAt: number;
  readonly opensAt: number | null;
  /** When it was seen to be another than before. */
  changedAt: number;
}

/**
 * How often an event is looked at on which nothing has happened for so long. Workers ask ten times a second, and a look costs
 * Redis about 25 µs: 5,000 events that nobody claims any more would take more than a core, and so take a fortieth.
 */
const patience = [
  { stillMs: 600_000, everyMs: 5_000 },
  { stillMs: 10_000, everyMs: 1_000 },
] as const;

/** Looks at events, and seldom at those on which nothing happens. */
export class ExtentWatch {
  readonly #look: (eventId: string) => Promise<Look | null>;
  readonly #now: () => number;
  readonly #seen = new Map<string, Seen>();

  /** `look` gives an event as it stands, null where there is none; what it throws leaves the event out. `now`: steady, in ms. */
  constructor(look: (eventId: string) => Promise<Look | null>, now: () => number) {
    this.#look = look;
    this.#now = now;
  }

  /** How far each of these events goes; what is not there or cannot be reached is missing. Throws where none can be reached. */
  async of(eventIds: readonly string[]): Promise<OutboxExtent[]> {
    const outcomes = await Promise.allSettled(eventIds.map((eventId) => this.#extentOf(eventId)));
    const reached = outcomes.filter((outcome) => outcome.status === 'fulfilled');
    const failure = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failure !== undefined && reached.length === 0) throw failure.reason;
    return reached.flatMap(({ value }) => value ?? []);
  }

  /** Something was done to the event: it is looked at again at once. */
  stir(eventId: string): void {
    const seen = this.#seen.get(eventId);
    if (seen !== undefined) seen.changedAt = this.#now();
  }

  async #extentOf(eventId: string): Promise<OutboxExtent | null> {
    const now = this.#now();
    const seen = this.#seen.get(eventId);
    if (seen !== undefined && now - seen.lookedAt < waitOf(stillMs(seen, now))) return seen.extent;
    const look = await this.#look(eventId);
    const extent = look?.extent ?? null;
    const isSame = seen !== undefined && seen.extent?.end === extent?.end && seen.extent?.fenced === extent?.fenced;
    const opensAt = look === null || look.opensInMs === null ? null : now + look.opensInMs;
    this.#seen.set(eventId, { extent, lookedAt: now, opensAt, changedAt: isSame ? seen.changedAt : now });
    return extent;
  }
}

/** An opening is the moment at which most happens: from then on nothing has been still for long. */
const stillMs = ({ changedAt, opensAt }: Seen, now: number): number =>
  now - (opensAt !== null && opensAt <= now ? Math.max(changedAt, opensAt) : changedAt);

const waitOf = (still: number): number => patience.find((one) => still >= one.stillMs)?.everyMs ?? 0;
