/** What one cycle, or all of them, came to in numbers. */
import type { Loss, Target } from './plan.ts';

export type Counts = Partial<Record<Target, number>>;

export class Tally {
  readonly kills: Counts = {};
  readonly stops: Counts = {};
  /** Events that a person had to put back, and what had happened to Redis. */
  readonly losses: Partial<Record<Loss, number>> = {};
  recoveries = 0;
  /** Events that were fenced by a new process of Redis, and served again by themselves. */
  healed = 0;
  claims = 0;
  /** Wins that clients had been told before the last fault. */
  told = 0;
  /** Claims and acts that had no answer at first, and one in the end. */
  resolved = 0;
  /** From when Redis answers again to when every API decides claims again. */
  readonly servedAgainMillis: number[] = [];
  readonly startMillis: number[] = [];

  add(other: Tally): void {
    for (const kind of ['kills', 'stops', 'losses'] as const) {
      const mine: Record<string, number> = this[kind];
      for (const [name, number] of Object.entries(other[kind])) mine[name] = (mine[name] ?? 0) + number;
    }
    for (const number of ['recoveries', 'healed', 'claims', 'told', 'resolved'] as const) this[number] += other[number];
    this.servedAgainMillis.push(...other.servedAgainMillis);
    this.startMillis.push(...other.startMillis);
  }
}

export function count<Name extends string>(counts: Partial<Record<Name, number>>, name: Name): void {
  const all: Partial<Record<string, number>> = counts;
  all[name] = (all[name] ?? 0) + 1;
}

export const sumOf = (counts: Partial<Record<string, number>>): number =>
  Object.values(counts).reduce<number>((sum, number) => sum + (number ?? 0), 0);
