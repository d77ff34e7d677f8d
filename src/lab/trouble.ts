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
  /** Not refused at all: the lab makes it fail. */
  | 'planned'
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

/** Whether an error is what races and planned faults come to; any other has nothing to do with them. */
export const isOfTheRace = (error: unknown): boolean => error instanceof StoreTrouble && error.fault !== 'failed';

/** A run that came to no end of its own: what it would have shown is of that trouble. */
export class BrokenOff extends Error {
  override readonly name = 'BrokenOff';
}

/** What an error says, in one line. */
export const wordsOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
