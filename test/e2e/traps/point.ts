/** Where a trap ends the process. */
export interface Trap {
  /**
   * The file that is written; `database` for the ledger in a server; `answer` for what is sent to a client; `script` for one of the
   * gate's in Redis; `send` for one to Kafka.
   */
  readonly place: 'gate.db' | 'ledger.db' | 'keys.json' | 'database' | 'answer' | 'script' | 'send';
  /**
   * `statement`: behind one statement of a transaction; `commit`: all is written, nothing is committed; `committed`: nothing
   * behind the commit has been done. Of an answer, a script, a send: before it goes out, and behind it.
   */
  readonly at: 'statement' | 'commit' | 'committed' | 'rolled back';
  /**
   * What the statement, all statements of the transaction, or `<method> <path> <status>` of the answer must match; the name of the
   * script, followed by `with a win` behind one that gave one; the records of the send.
   */
  readonly holds: string;
  /** So many times the point is passed first. */
  readonly skip?: number;
}

/** Arms a trap from the start of the process on; later ones are sent as messages. */
export const trapVariable = 'TRAP';
