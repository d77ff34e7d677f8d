import type { Ledger } from '../../core/ledger.ts';
import type { ClockControl } from '../manual-clock.ts';
import type { ProcessStore } from '../remote.ts';
import type { Case, Concern, Lacks } from '../suite.ts';

/**
 * What a ledger driver may lack: `clock`, a clock that tests can step; `plant`, a way to make the database refuse one row;
 * `connections`, a second connection to the same database; `processes`, a second process that reaches it.
 */
export type LedgerAbility = 'clock' | 'plant' | 'connections' | 'processes';

/** One fresh, empty ledger for one test. */
export interface LedgerSetup {
  readonly ledger: Ledger;
  /** Steps the clock that dates the coupons; it stands still in between. */
  readonly clock?: ClockControl;
  /** Makes the database refuse this coupon's row for its own sake, by a trigger or a constraint, until `unplant`. */
  readonly plant?: (eventId: string, slot: number) => Promise<void>;
  /** Takes away all that was planted. */
  readonly unplant?: () => Promise<void>;
  /** Another connection to the same database; `teardown` closes it. */
  readonly connect?: () => Promise<Ledger>;
  /** Closes whatever is open and removes the database. */
  readonly teardown: () => Promise<void>;
}

/** What the author of a ledger hands to `ledgerConformance`. */
export interface LedgerDriver {
  /** A database that nobody has touched; the suite calls `migrate` itself. */
  readonly setup: () => Promise<LedgerSetup>;
  /** The database as several processes reach it. */
  readonly processes?: ProcessStore;
  /** Why an ability is absent. One that is neither there nor explained is refused. */
  readonly lacks?: Lacks<LedgerAbility>;
}

/** What a test of the suite works with; an ability is only used by tests that say that they need it. */
export type LedgerBench = Required<Omit<LedgerSetup, 'teardown'>> & {
  /** Lets `ms` milliseconds pass by the ledger's clock: steps it, or waits where it cannot be stepped. */
  readonly pass: (ms: number) => Promise<void>;
};

export type LedgerCase = Case<LedgerBench, LedgerAbility>;
export type LedgerConcern = Concern<LedgerBench, LedgerAbility>;

/** A case that cannot do without `needs`. */
export const needing = (needs: readonly LedgerAbility[], run: (bench: LedgerBench) => Promise<void>): LedgerCase => ({
  needs,
  run,
});
