import type { Gate } from '../../core/gate.ts';
import type { ClockControl } from '../manual-clock.ts';
import type { ProcessStore } from '../remote.ts';
import type { Case, Concern, Lacks } from '../suite.ts';

/**
 * What a gate driver may lack: `clock`, a clock that tests can step; `reopen`, a store that outlives its gate;
 * `processes`, a store that a second process can try to reach; `fence`, a store that knows which process of its own wrote an event.
 */
export type GateAbility = 'clock' | 'reopen' | 'processes' | 'fence';

/** One fresh, empty gate for one test. */
export interface GateSetup {
  readonly gate: Gate;
  /** Steps the clock that the gate obeys; it stands still in between. */
  readonly clock?: ClockControl;
  /** Closes the gate that is open and opens another on the same store. */
  readonly reopen?: () => Promise<Gate>;
  /** Makes the store look as if another process of it had written this event last. */
  readonly fence?: (eventId: string) => Promise<void>;
  /** Closes whatever is open and removes the store. */
  readonly teardown: () => Promise<void>;
}

/** What the author of a gate hands to `gateConformance`. */
export interface GateDriver {
  readonly setup: () => Promise<GateSetup>;
  /**
   * The store as several processes reach it. `access` says what a second one meets: `many` processes share the store and
   * race on it, or `one` holds it and the next is refused with `store_locked`.
   */
  readonly processes?: { readonly access: 'many' | 'one'; readonly store: ProcessStore };
  /** Why an ability is absent. One that is neither there nor explained is refused. */
  readonly lacks?: Lacks<GateAbility>;
}

/** What a test of the suite works with; an ability is only used by tests that say that they need it. */
export interface GateBench {
  readonly gate: Gate;
  readonly clock: ClockControl;
  readonly reopen: () => Promise<Gate>;
  readonly fence: (eventId: string) => Promise<void>;
}

export type GateCase = Case<GateBench, GateAbility>;
export type GateConcern = Concern<GateBench, GateAbility>;

/** A case that cannot do without `needs`. */
export const needing = (needs: readonly GateAbility[], run: (bench: GateBench) => Promise<void>): GateCase => ({
  needs,
  run,
});
