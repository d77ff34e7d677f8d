/** What happens in one cycle: told by its seed and number, and by what there is to be struck. */
import { type PlannedClaim, seededRandom } from '../../../src/load/plan.ts';
import { upTo } from '../tallies.ts';

/** What can be struck. */
export type Target = 'api' | 'worker' | 'redis' | 'kafka' | 'database';

/** Redis holds less than it did, and a person has to put it in order. */
export type Loss = 'older file' | 'flushed';

/** One fault. */
export type Blow =
  /** `kill -9`; started again `forMs` later. `which` chooses among several of a kind. */
  | { readonly kind: 'kill'; readonly target: Target; readonly which: number; readonly forMs: number }
  /** SIGSTOP, and SIGCONT `forMs` later. */
  | { readonly kind: 'stop'; readonly target: Target; readonly which: number; readonly forMs: number }
  /** `kill -9` of Redis while a sync of its file is under way. */
  | { readonly kind: 'kill in sync'; readonly target: 'redis' }
  /** `kill -9` of an API, from within, when a script has answered and nobody has been told. */
  | { readonly kind: 'kill behind script'; readonly target: 'api'; readonly which: number }
  | { readonly kind: Loss; readonly target: 'redis' };

/** Faults at one moment. */
export interface Strike {
  readonly delayMs: number;
  readonly blows: readonly Blow[];
}

export interface PlannedEvent {
  readonly id: string;
  readonly capacity: number;
  readonly limitPerUser: number;
}

export interface Plan {
  readonly cycle: number;
  readonly specs: readonly PlannedEvent[];
  readonly claims: readonly PlannedClaim[];
  readonly inFlight: number;
  /** How long each client waits before a claim, on the mean. */
  readonly thinkMs: number;
  /** While the events are created. */
  readonly creation: Strike | null;
  /** Once so many claims have been answered. */
  readonly load: readonly (Strike & { readonly answered: number })[];
  /** Behind the last answer. */
  readonly issuing: Strike | null;
  /** When a copy of the append-only file is taken, for a strike that puts it back: claims answered; -1: before the events are. */
  readonly copyAt: number | null;
  /** The organiser pauses, resumes and raises while the crowd is there. */
  readonly acts: boolean;
}

/** Numbers and choices, the same for the same seed. */
class Dice {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  between(least: number, most: number): number {
    return least + Math.floor(this.#random() * (most - least + 1));
  }

  chance(share: number): boolean {
    return this.#random() < share;
  }

  one<T>(choices: readonly [T, ...T[]]): T {
    return choices[Math.floor(this.#random() * choices.length)] ?? choices[0];
  }

  /** In another order. */
  shuffled<T>(things: readonly T[]): T[] {
    const all = [...things];
    for (let i = all.length - 1; i > 0; i -= 1) {
      const j = Math.floor(this.#random() * (i + 1));
      [all[i], all[j]] = [all[j] as T, all[i] as T];
    }
    return all;
  }
}

const diceOf = (seed: number, cycle: number): Dice => new Dice(seed * 1_000_003 + cycle);

/** How long who is killed stays away: a process is started anew at once, a store by somebody who has to notice. */
const awayMs: Readonly<Record<Target, readonly [number, number]>> = {
  api: [0, 400],
  worker: [0, 400],
  redis: [0, 1_500],
  kafka: [0, 1_000],
  database: [0, 1_500],
};

/** Stops short of every timeout, and past the one that is meant to notice. */
const stops: Readonly<
  Record<Target, { readonly short: readonly [number, number]; readonly long: readonly [number, number] }>
> = {
  // A client waits 3 s for an answer.
  api: { short: [100, 2_500], long: [3_200, 4_500] },
  // A worker is missed after 5 s.
  worker: { short: [300, 4_000], long: [5_200, 6_500] },
  // The engine waits 5 s for Redis, as long for Kafka, and 7 s for a database.
  redis: { short: [100, 3_000], long: [5_300, 6_500] },
  kafka: { short: [300, 4_000], long: [5_300, 7_000] },
  database: { short: [100, 4_000], long: [7_300, 8_000] },
};

/** A worker that is stopped for so long has lost its part of the topic to others. */
const pastSessionMs = [11_000, 13_000] as const;

function planBlow(dice: Dice, target: Target): Blow {
  const which = dice.between(0, 1_000);
  if (dice.chance(0.6)) return { kind: 'kill', target, which, forMs: dice.between(...awayMs[target]) };
  const { short, long } = stops[target];
  const pastSession = target === 'worker' && dice.chance(0.2);
  const forMs = dice.between(...(pastSession ? pastSessionMs : dice.chance(0.4) ? long : short));
  return { kind: 'stop', target, which, forMs };
}

/** One fault, or two at once at different targets. */
function planStrike(dice: Dice, targets: readonly Target[], delayMsMax: number): Strike {
  const struck = dice.shuffled(targets).slice(0, dice.chance(0.25) ? 2 : 1);
  return { delayMs: dice.between(0, delayMsMax), blows: struck.map((target) => planBlow(dice, target)) };
}

interface Crowds {
  readonly specs: readonly PlannedEvent[];
  readonly claims: readonly PlannedClaim[];
}

/** An event of one place a user and one of several with keys, and the claims of a crowd on both, in the order they are sent. */
function planCrowds(dice: Dice, cycle: number, share: () => number, [least, most]: readonly [number, number]): Crowds {
  const specs = [
    { id: `cycle-${cycle}-one`, capacity: dice.between(least, most), limitPerUser: 1 },
    { id: `cycle-${cycle}-many`, capacity: dice.between(2 * least, 100 + most), limitPerUser: dice.between(2, 4) },
  ];
  const claims = specs.flatMap(({ id, capacity, limitPerUser }) => {
    const wanted = Math.ceil(capacity * share());
    return upTo(wanted).flatMap((n): PlannedClaim[] => {
      const userId = `user-${limitPerUser === 1 ? n : dice.between(1, Math.ceil(wanted / 2))}`;
      const claim = { eventId: id, userId, key: limitPerUser === 1 && dice.chance(0.5) ? null : `click-${n}` };
      // Each third claim is sent twice.
      return dice.chance(1 / 3) ? [claim, claim] : [claim];
    });
  });
  return { specs, claims: dice.shuffled(claims) };
}

const byMoment = (strikes: readonly (Strike & { readonly answered: number })[]) =>
  strikes.toSorted((a, b) => a.answered - b.answered);

/** An ordinary cycle, on stores of which Kafka may not be one. */
export function planCycle(seed: number, cycle: number, targets: readonly Target[]): Plan {
  const dice = diceOf(seed, cycle);
  // From a crowd that leaves places over to one that is twice too large.
  const { specs, claims } = planCrowds(dice, cycle, () => 0.6 + dice.between(0, 140) / 100, [30, 400]);
  const inFlight = dice.between(4, 48);
  const loss: Loss | null = dice.chance(0.12) ? dice.one(['older file', 'older file', 'flushed']) : null;
  const answered = () => dice.between(1, claims.length - 1);
  const strikes = upTo(dice.between(1, 2)).map(() => ({ ...planStrike(dice, targets, 12), answered: answered() }));
  const lossAt = answered();
  const lost =
    loss === null ? [] : [{ delayMs: 0, blows: [{ kind: loss, target: 'redis' } as const], answered: lossAt }];
  return {
    cycle,
    specs,
    claims,
    inFlight,
    thinkMs: (dice.between(500, 4_000) * inFlight) / claims.length,
    creation: dice.chance(0.15) ? planStrike(dice, targets, 15) : null,
    load: byMoment([...strikes, ...lost]),
    issuing: dice.chance(0.4) ? planStrike(dice, targets, 200) : null,
    copyAt: loss === 'older file' ? dice.between(-1, lossAt - 1) : null,
    acts: dice.chance(0.4),
  };
}

/** A cycle in which nothing happens but the faults of one kind, each of which has to tell a wrong design from a right one. */
export function planProbe(seed: number, cycle: number, kind: 'kill in sync' | 'kill behind script' | Loss): Plan {
  const dice = diceOf(seed, cycle);
  const both = planCrowds(dice, cycle, () => 1.3, [100, 200]);
  // Of one event alone where each write takes long.
  const specs = kind === 'kill in sync' ? both.specs.slice(0, 1) : both.specs;
  const claims = both.claims.filter(({ eventId }) => specs.some(({ id }) => id === eventId));
  const inFlight = 40;
  const blow: Blow =
    kind === 'kill behind script' ? { kind, target: 'api', which: dice.between(0, 1_000) } : { kind, target: 'redis' };
  const at = (share: number) => Math.floor(claims.length * share);
  return {
    cycle,
    specs,
    claims,
    inFlight,
    // Long enough that a sync of a second's writes begins while it lasts.
    thinkMs: (2_000 * inFlight) / claims.length,
    creation: null,
    load: [{ delayMs: 0, blows: [blow], answered: at(0.3) }],
    issuing: null,
    copyAt: kind === 'older file' ? at(0.15) : null,
    acts: false,
  };
}
