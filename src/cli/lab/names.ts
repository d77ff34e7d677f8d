import { calledOf, type DatabaseName } from '../../lab/terms.ts';

/** What a run is told apart by. */
export interface Named {
  readonly strategy: string;
  readonly variant: string | null;
  readonly database: DatabaseName;
}

/** Whether these are on several databases, so that each has to say which, but for SQLite, which is usual. */
export const areMixed = (all: readonly Named[]): boolean => new Set(all.map(({ database }) => database)).size > 1;

/** `for-update:wait on mariadb`; the database only where it tells something. */
export function nameOf({ strategy, variant, database }: Named, all: readonly Named[]): string {
  const called = calledOf(strategy, variant);
  return areMixed(all) && database !== 'sqlite' ? `${called} on ${database}` : called;
}
