import type { ToldClaim } from './judge.ts';
import type { MemberReport } from './messages.ts';
import type { Counts } from './steps.ts';

/** What the processes of a run have counted. */
export interface Reports {
  readonly servers: readonly MemberReport[];
  readonly consumers: readonly MemberReport[];
  /** Statements of the batch that reissues. */
  readonly reissuing: Pick<Counts, 'statements'>;
}

/** What the claims of a run cost. */
export interface Costs {
  /** What a claim sent to stores, on average; null where the engine counts its batches alone, or nobody knows. */
  readonly statementsPerClaim: number | null;
  /** Of these, those that its answer waited for; of the engine the batches that went to its gate. Null: nobody knows. */
  readonly roundTripsPerClaim: number | null;
  /** Transactions that a database took back: deadlocks, and failures to serialize. Null: nobody knows. */
  readonly aborted: number | null;
  /** Waits for somebody else's lock. Null: nobody knows. */
  readonly lockWaits: number | null;
  /** True: it is looked every few milliseconds who waits, so that short waits are missed. */
  readonly isLockWaitsLowerBound: boolean;
}

/** How fast claims were answered. */
export function paceOf(told: readonly ToldClaim[], seconds: number) {
  const sorted = told.map(({ answeredAt, askedAt }) => answeredAt - askedAt).toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
  return { claimsPerSecond: Math.round(told.length / seconds), p50Ms: at(0.5), p99Ms: at(0.99) };
}

/** What the claims of a run cost, of which there were so many. */
export function costsOf(
  { servers, consumers, reissuing }: Reports,
  {
    claims,
    serverLockWaits,
    areWaitsSampled,
    hasLostCounts,
  }: {
    readonly claims: number;
    /** Waits that only the database knows of. */
    readonly serverLockWaits: number;
    readonly areWaitsSampled: boolean;
    /** What a process has counted ends with it: where one was killed, a sum would be too small by nobody knows how much. */
    readonly hasLostCounts: boolean;
  },
): Costs {
  const isLockWaitsLowerBound = areWaitsSampled && !hasLostCounts;
  if (hasLostCounts)
    return {
      statementsPerClaim: null,
      roundTripsPerClaim: null,
      aborted: null,
      lockWaits: null,
      isLockWaitsLowerBound,
    };
  const of = (reports: readonly MemberReport[], field: 'statements' | 'aborted' | 'waits'): number =>
    sum(reports.map(({ counts }) => counts[field]));
  const batches = servers.map(({ batches }) => batches).filter((count) => count !== null);
  const all = [...servers, ...consumers];
  return {
    statementsPerClaim: batches.length > 0 ? null : (of(all, 'statements') + reissuing.statements) / claims,
    roundTripsPerClaim: (batches.length > 0 ? sum(batches) : of(servers, 'statements')) / claims,
    aborted: of(all, 'aborted'),
    lockWaits: of(all, 'waits') + serverLockWaits,
    isLockWaitsLowerBound,
  };
}

/** How often the fault has struck in the processes of a run. */
export const struckIn = ({ servers, consumers }: Reports): number =>
  sum([...servers, ...consumers].map(({ counts }) => counts.faults));

/** How many numbers stand before a smaller one; null where there are none. */
export function overtakenIn(numbers: readonly (number | null)[]): number | null {
  if (numbers.length === 0 || numbers.some((number) => number === null)) return null;
  let least = Number.POSITIVE_INFINITY;
  let count = 0;
  for (const number of (numbers as readonly number[]).toReversed()) {
    if (number > least) count += 1;
    least = Math.min(least, number);
  }
  return count;
}

/** All of them together. */
export const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
