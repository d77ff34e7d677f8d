/** What a store refuses a statement for. */
export type StoreFault =
  /** Chosen as the victim of a deadlock. */
  | 'deadlock'
  /** What was read has changed since. */
  | 'conflict'
  /** Somebody else holds the lock, and this statement does not wait, or no longer. */
  | 'locked'
  /** A unique key is taken. */
  | 'taken'
  /** Anything else. */
  | 'failed';

/** A statement that a store has refused. */
export class StoreTrouble extends Error {
  override readonly name = 'StoreTrouble';
  readonly fault: StoreFault;

  constructor(fault: StoreFault, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.fault = fault;
  }
}

/** Whether a store has refused a statement for one of these. */
export const isRefused = (error: unknown, ...faults: readonly StoreFault[]): error is StoreTrouble =>
  error instanceof StoreTrouble && faults.includes(error.fault);

/** What an error says, in one line. */
export const wordsOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
