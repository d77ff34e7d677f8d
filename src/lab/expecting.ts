import type { Circumstances } from './strategy.ts';
import type { Verdict } from './verdict.ts';

/** SQLite has no rows to lock; what a strategy of row locks says there. */
export const noRowLocks = ({ database }: Circumstances): string | null =>
  database === 'sqlite'
    ? 'SQLite has no row locks, only one lock on the whole file: give it MariaDB or PostgreSQL'
    : null;

/**
 * What becomes of a strategy that does not look at the user: one user who comes often, or whose answer was lost and who comes
 * again, has several coupons. Otherwise `verdict`; null where it is not meant for the fault.
 */
export function withoutUserLimit(
  { users, fault }: Circumstances,
  byFault: Partial<Record<NonNullable<Circumstances['fault']> | 'none', readonly Verdict[]>>,
): readonly Verdict[] | null {
  if (fault === 'lost-reply') return ['duplicates'];
  const verdict = byFault[fault ?? 'none'] ?? null;
  return verdict !== null && users === 'one' ? ['duplicates'] : verdict;
}

/** Whether claims can come in between each other at all. */
export const isRace = ({ inFlight }: Circumstances): boolean => inFlight > 1;
