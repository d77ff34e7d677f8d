import type { DatabaseName } from '../terms.ts';

/** A value of a statement. */
export type SqlValue = string | number | null;

/** What a statement came to. */
export interface SqlOutcome {
  readonly rows: readonly (readonly unknown[])[];
  readonly changed: number;
}

/** How a transaction begins: at the isolation that the database has by itself, and at the strictest. */
export type Begin = Readonly<Record<'default' | 'serializable', readonly string[]>>;

/** One connection. What it throws is `StoreTrouble`. */
export interface SqlConnection {
  /** Runs one statement; its values stand where it has question marks. */
  query(text: string, values?: readonly SqlValue[]): Promise<SqlOutcome>;
  close(): Promise<void>;
}

/** A database as one process uses it. */
export interface Database {
  readonly name: DatabaseName;
  readonly begin: Begin;
  connect(): Promise<SqlConnection>;
}

/** A connection for as long as one claim takes. */
export interface Lease {
  readonly begin: Begin;
  query(text: string, values?: readonly SqlValue[]): Promise<SqlOutcome>;
  release(): Promise<void>;
}

/** Connections of one process, as many as there are claims at once: no claim waits for another's. */
export class Pool {
  readonly #database: Database;
  readonly #idle: SqlConnection[] = [];
  readonly #all = new Set<SqlConnection>();

  constructor(database: Database) {
    this.#database = database;
  }

  async lease(): Promise<Lease> {
    const connection = this.#idle.pop() ?? (await this.#connect());
    return {
      begin: this.#database.begin,
      query: (text, values) => connection.query(text, values),
      release: async () => void this.#idle.push(connection),
    };
  }

  async close(): Promise<void> {
    await Promise.all([...this.#all].map((connection) => connection.close()));
  }

  async #connect(): Promise<SqlConnection> {
    const connection = await this.#database.connect();
    this.#all.add(connection);
    return connection;
  }
}
