import type { Gate } from '../../core/gate.ts';
import type { WinLog } from '../../core/win-log.ts';

/** One fresh log for one test, and the gate whose records it carries. */
export interface LogSetup {
  readonly log: WinLog;
  /** Any gate will do, the model as well: the suite acts on it, and its records are what the log has to carry. */
  readonly gate: Gate;
  /** Resolves once everything that is in the gate's outbox is in the log: runs the relay where there is one. */
  readonly settle: () => Promise<void>;
  /** Closes whatever is open and removes what was stored. */
  readonly teardown: () => Promise<void>;
}

/** What the author of a log hands to `logConformance`. */
export interface LogDriver {
  readonly setup: () => Promise<LogSetup>;
}

/** What a test of the suite works with. */
export type LogBench = Omit<LogSetup, 'teardown'>;
