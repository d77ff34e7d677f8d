import type { Circumstances } from './terms.ts';
import type { Verdict } from './verdict.ts';

/** SQLite has no rows to lock; what a strategy of row locks says there. */
export const noRowLocks = ({ database }: Circumstances): string | null =>
  database === 'sqlite'
    ? 'locks rows, and SQLite has no row locks, only one lock on the whole file: give it MariaDB or PostgreSQL'
    : null;

/** Whether claims can come in between each other at all. */
export const isRace = ({ inFlight }: Circumstances): boolean => inFlight > 1;

/** How a strategy ends that does not look at the user. */
interface Endings {
  /** Without a fault. */
  readonly usual: readonly Verdict[];
  /** With inserts that take a second longer; as usual where absent. */
  readonly slow?: readonly Verdict[];
  /** With inserts that fail. */
  readonly failing: readonly Verdict[];
  /** With a server that is killed; as usual where absent. */
  readonly crashed?: readonly Verdict[];
  /** With messages that come twice; as usual where absent. */
  readonly twice?: readonly Verdict[];
}

/**
 * What becomes of a strategy that does not look at the user: one user who comes often, or whose answer was lost and who comes
 * again, has several coupons, unless he is turned away each time where that is usual.
 */
export function withoutUserLimit(
  { users, fault }: Circumstances,
  { usual, slow = usual, failing, crashed = usual, twice = usual }: Endings,
): readonly Verdict[] {
  const often: readonly Verdict[] = usual.includes('turned-away') ? ['duplicates', 'turned-away'] : ['duplicates'];
  // All that were on their way when the server was killed may have taken all places along.
  const afterCrash: readonly Verdict[] = crashed.includes('leaked') ? [...often, 'leaked'] : often;
  if (users === 'one') return fault === 'crash-between' ? afterCrash : often;
  if (fault === 'lost-reply') return often;
  if (fault === null) return usual;
  // Whoever was not answered before the crash comes again: with a coupon, and then has two, or is told that all are gone.
  const again: readonly Verdict[] = [...crashed, 'duplicates', 'misled'];
  return { 'slow-db': slow, 'db-error': failing, 'crash-between': again, 'duplicate-delivery': twice }[fault];
}

/** What becomes of a strategy whose failed inserts are taken back whole: the places stay, and those users are told an error. */
export function withoutLeaks(usual: Verdict): Pick<Endings, 'usual' | 'failing'> {
  return { usual: [usual], failing: [usual === 'safe' ? 'turned-away' : usual] };
}
