/** What is built and struck: ordinary cycles, and those that a wrong design fails and the right one does not. */
import type { StartOptions } from '../../../services/services.ts';
import type { HouseOptions } from './house.ts';
import { type Plan, planCycle, planProbe, type Target } from './plan.ts';

/** One way to run cycles. */
export interface Scenario {
  /** What of a house is settled; the rest is chosen by the seed. */
  readonly house: Omit<HouseOptions, 'ledger' | 'log' | 'issueRate'> &
    Partial<Pick<HouseOptions, 'ledger' | 'log' | 'issueRate'>>;
  plan(seed: number, cycle: number, targets: readonly Target[]): Plan;
}

export const ordinary: Scenario = {
  house: { apis: 2, workers: 2, preloads: [], redis: {} },
  plan: planCycle,
};

/** A design that is wrong, and the fault that finds it out. */
interface Probe {
  /** What makes the design wrong; loaded before each process. */
  readonly wrong: { readonly preloads: readonly URL[]; readonly redis?: StartOptions };
  /** What the fault needs, whichever the design. */
  readonly house: Partial<HouseOptions>;
  readonly plan: (seed: number, cycle: number) => Plan;
}

const trap = (name: string): URL => new URL(`../traps/${name}.ts`, import.meta.url);

/** A disk that takes two fifths of a second for a sync. */
const slowSync = ['strace', '-f', '--seccomp-bpf', '-qq', '-o', '/dev/null', '-e', 'trace=fsync,fdatasync'];
const delayed = [...slowSync, '-e', 'inject=fsync,fdatasync:delay_enter=400000'];

const probes: Readonly<Record<string, Probe>> = {
  // It acknowledges what is on no disk yet. Killed in the midst of a sync, Redis has not even written what it answered: writes
  // wait for the sync. Coupons are issued so slowly that what is lost was nowhere else.
  everysec: {
    wrong: { preloads: [trap('unchecked-sync')], redis: { config: { appendfsync: 'everysec' } } },
    // One API, so that the right design needs few syncs.
    house: { redis: { wrap: delayed }, issueRate: '50/s', apis: 1 },
    plan: (seed, cycle) => planProbe(seed, cycle, 'kill in sync'),
  },
  // Whatever answers as Redis is believed.
  'no-fence': {
    wrong: { preloads: [trap('no-fence')] },
    house: {},
    plan: (seed, cycle) => planProbe(seed, cycle, 'older file'),
  },
  // The slot is given by the script, the record of it sent by the API, as to any queue.
  'no-outbox': {
    wrong: { preloads: [trap('no-outbox')] },
    // One API, whose entries are in order by themselves: it is the kill that loses one.
    house: { preloads: [trap('behind-script')], apis: 1 },
    plan: (seed, cycle) => planProbe(seed, cycle, 'kill behind script'),
  },
};

export const probeNames = Object.keys(probes);

/** Cycles of one fault upon the design that it finds out, or upon the right one. */
export function probeOf(name: string, isWrong: boolean): Scenario | null {
  const probe = probes[name];
  if (probe === undefined) return null;
  const { preloads = [], redis = {}, ...others } = probe.house;
  const { wrong } = probe;
  const house = {
    apis: 2,
    workers: 1,
    ledger: 'postgres',
    log: 'embedded',
    issueRate: null,
    ...others,
    // The fault first: it has to see a script's answer before the design does.
    preloads: [...preloads, ...(isWrong ? wrong.preloads : [])],
    redis: { ...redis, ...(isWrong ? wrong.redis : {}) },
  } as const;
  return { house, plan: probe.plan };
}
