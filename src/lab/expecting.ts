import type { Circumstances, DatabaseName } from './terms.ts';
import type { Verdict } from './verdict.ts';

/** Whether claims can come in between each other at all. */
export const isRace = ({ inFlight }: Circumstances): boolean => inFlight > 1;

// Of 20 runs of sql-count:ge on SQLite with 2, 3, 4, 5, 6 and 8 in flight 0, 12, 9, 8, 15 and 19 gave too many away: only
// those can be too many that meet at the last place, and few seldom do.
const fewInFlight = 8;

/** How a race ends that breaks by this where claims meet at one place: where few are on their way, perhaps they do not. */
export function whereTheyMeet(circumstances: Circumstances, broken: Verdict): readonly Verdict[] {
  if (!isRace(circumstances)) return ['safe'];
  return circumstances.inFlight < fewInFlight ? [broken, 'safe'] : [broken];
}

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
  /**
   * What besides comes of a coupon that a killed server may have told nobody of, whose user then asks again: he has two, or is
   * told that all are gone. Where absent, both where the database is a server, which goes on by itself, and nothing on SQLite,
   * where a coupon is inserted in the process, in one turn with the answer.
   */
  readonly untold?: readonly Verdict[];
  /** With messages that come twice; as usual where absent. */
  readonly twice?: readonly Verdict[];
}

/**
 * What becomes of a strategy that does not look at the user: one user who comes often, or whose answer was lost and who comes
 * again, has several coupons, unless he is turned away each time where that is usual.
 */
export function withoutUserLimit(
  { users, fault, database }: Circumstances,
  { usual, slow = usual, failing, crashed = usual, untold = untoldBy(database), twice = usual }: Endings,
): readonly Verdict[] {
  const often: readonly Verdict[] = usual.includes('turned-away') ? ['duplicates', 'turned-away'] : ['duplicates'];
  // All that were on their way when the server was killed may have taken all places along.
  const afterCrash: readonly Verdict[] = crashed.includes('leaked') ? [...often, 'leaked'] : often;
  if (users === 'one') return fault === 'crash-between' ? afterCrash : often;
  if (fault === 'lost-reply') return often;
  if (fault === null) return usual;
  const killed = [...new Set([...crashed, ...untold])];
  return { 'slow-db': slow, 'db-error': failing, 'crash-between': killed, 'duplicate-delivery': twice }[fault];
}

/** What comes of coupons that nobody was told of, where a statement that was sent is done without the one who sent it. */
const untoldBy = (database: DatabaseName): readonly Verdict[] =>
  database === 'sqlite' ? [] : ['duplicates', 'misled'];

/** What becomes of a strategy whose failed inserts are taken back whole: the places stay, and those users are told an error. */
export function withoutLeaks(usual: readonly Verdict[]): Pick<Endings, 'usual' | 'failing'> {
  const failing = usual.map((verdict) => (verdict === 'safe' ? 'turned-away' : verdict));
  return { usual, failing: [...new Set(failing)] };
}
