/** Where a trap ends the process. */
export interface Trap {
  /** The file that is written, or `answer` for what is sent to a client. */
  readonly place: 'gate.db' | 'ledger.db' | 'keys.json' | 'answer';
  /**
   * `statement`: behind one statement of a transaction; `commit`: all is written, nothing is committed; `committed`: nothing
   * behind the commit has been done. Of an answer: before and behind its sending.
   */
  readonly at: 'statement' | 'commit' | 'committed' | 'rolled back';
  /** What the statement, all statements of the transaction, or `<method> <path> <status>` of the answer must match. */
  readonly holds: string;
  /** So many times the point is passed first. */
  readonly skip?: number;
}

/** Arms a trap from the start of the process on; later ones are sent as messages. */
export const trapVariable = 'TRAP';
