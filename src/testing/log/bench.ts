import type { Gate } from '../../core/gate.ts';
import type { WinLog } from '../../core/win-log.ts';
import type { Case, Concern, Lacks } from '../suite.ts';

/**
 * What a log driver may lack: `append`, being filled by a relay; `plant`, that something else can write to it; `workers`,
 * that several share its partitions.
 */
export type LogAbility = 'append' | 'plant' | 'workers';

/** One fresh log for one test, and the gate whose records it carries. */
export interface LogSetup {
  readonly log: WinLog;
  /** Any gate will do, the model as well: the suite acts on it, and its records are what the log has to carry. */
  readonly gate: Gate;
  /** Resolves once everything that is in the gate's outbox is in the log: runs the relay where there is one. */
  readonly settle: () => Promise<void>;
  /** Puts bytes behind all that is in the partition of an event, as something that is no relay could. */
  readonly plant?: (eventId: string, raw: Uint8Array) => Promise<void>;
  /** The same log in the hands of another worker; `teardown` closes it. */
  readonly connect?: () => Promise<WinLog>;
  /** How long workers may take to share anew, 15 s where it is not said. */
  readonly sharingMsMax?: number;
  /** Closes whatever is open and removes what was stored. */
  readonly teardown: () => Promise<void>;
}

/** What the author of a log hands to `logConformance`. */
export interface LogDriver {
  readonly setup: () => Promise<LogSetup>;
  /** Why an ability is absent. One that is neither there nor explained is refused. */
  readonly lacks?: Lacks<LogAbility>;
}

/** What a test of the suite works with; an ability is only used by tests that say that they need it. */
export interface LogBench extends Required<Omit<LogSetup, 'teardown'>> {
  readonly append: NonNullable<WinLog['append']>;
}

export type LogCase = Case<LogBench, LogAbility>;
export type LogConcern = Concern<LogBench, LogAbility>;

/** A case that cannot do without `needs`. */
export const needing = (needs: readonly LogAbility[], run: (bench: LogBench) => Promise<void>): LogCase => ({
  needs,
  run,
});
