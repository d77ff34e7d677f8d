import { Socket } from 'node:net';
import type { Client, ClientConfig, QueryConfig, QueryResult } from 'pg';
import { DibsError } from '../../core/errors.ts';
import type { SqlAddress } from '../sql/address.ts';
import type { Change, Insert, Reads, SqlParameter, SqlRow, SqlSession, SqlValue } from '../sql/session.ts';
import { Statements } from '../sql/statements.ts';
import { within } from '../sql/within.ts';
import { RolledBack } from './errors.ts';

const statements = new Statements(import.meta.url);

// Numbers come as text, and so do the rest: int8, int2, int4, float8.
const numberTypes = new Set([20, 21, 23, 701]);
const types = {
  getTypeParser: (type: number) => (numberTypes.has(type) ? Number : (text: string) => text),
};

// Every constraint is judged by the statement that breaks it, also one that was made to wait for the commit: a refusal must
// name its row. Both in one message.
const begin = 'BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET CONSTRAINTS ALL IMMEDIATE';

type Constructor = typeof Client;

/** A connection to PostgreSQL. */
export class PostgresSession implements SqlSession {
  readonly #client: Client;
  readonly #socket: Socket;
  #isOpen = true;

  private constructor(client: Client, socket: Socket) {
    this.#client = client;
    this.#socket = socket;
    const ended = (): void => {
      this.#isOpen = false;
    };
    // What is under way is told by its own promise; without a listener an idle connection that breaks would end the process.
    client.on('error', ended);
    client.on('end', ended);
  }

  /** Connects and sets up, or gives up after `timeoutMs`. */
  static async open(Client: Constructor, address: SqlAddress, timeoutMs: number): Promise<PostgresSession> {
    const socket = new Socket();
    const client = new Client(configOf(address, socket));
    const session = new PostgresSession(client, socket);
    try {
      await within(timeoutMs, session.#setUp(), () => session.destroy());
      return session;
    } catch (error) {
      session.destroy();
      throw error;
    }
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  async read<Name extends keyof Reads>(name: Name, values: readonly SqlParameter[]): Promise<Reads[Name][]> {
    const { rows } = await this.#run(name, values);
    return rows as Reads[Name][];
  }

  async change(name: Change, values: readonly SqlValue[]): Promise<number> {
    return (await this.#run(name, values)).rowCount ?? 0;
  }

  async insert(name: Insert, rows: readonly SqlRow[]): Promise<number> {
    // The columns of all rows as one list each, which `unnest` makes rows of again.
    const columns = (rows[0] ?? []).map((_, column) => rows.map((row) => row[column] ?? null));
    return (await this.#run(name, columns)).rowCount ?? 0;
  }

  async begin(): Promise<void> {
    await this.#client.query(begin);
  }

  async commit(): Promise<void> {
    const { command } = await this.#client.query('COMMIT');
    if (command !== 'COMMIT') throw new RolledBack();
  }

  async rollback(): Promise<void> {
    await this.#client.query('ROLLBACK');
  }

  /** Runs a text that is no prepared statement, as migrations are. */
  async execute(text: string, values: readonly SqlValue[] = []): Promise<QueryResult<Record<string, unknown>>> {
    return await this.#client.query({ text, values: [...values] });
  }

  destroy(): void {
    this.#isOpen = false;
    this.#socket.destroy();
  }

  async end(): Promise<void> {
    this.#isOpen = false;
    await this.#client.end();
  }

  async #setUp(): Promise<void> {
    await this.#client.connect();
    const { rows } = await this.execute(statements.text('session-settings'));
    if (rows[0]?.['fsync'] === 'on') return;
    throw new DibsError('store_unfit', 'PostgreSQL is at fsync = off: a crash could lose coupons. Set it to on.');
  }

  async #run(name: string, values: readonly SqlParameter[]): Promise<QueryResult<Record<string, unknown>>> {
    // Named, so that the server parses it once for each connection.
    const query: QueryConfig = { name, text: statements.text(name), values: [...values] };
    try {
      return await this.#client.query(query);
    } catch (error) {
      // The server puts the row that it refuses there, with the code of its coupon: that is for no log.
      delete (error as { detail?: string }).detail;
      throw error;
    }
  }
}

function configOf(address: SqlAddress, socket: Socket): ClientConfig {
  const { host, port, user, password, database, tls } = address;
  const verifying = tls?.verify === 'ca' ? { checkServerIdentity: () => undefined } : {};
  const files = { ca: tls?.ca ?? undefined, cert: tls?.cert ?? undefined, key: tls?.key ?? undefined };
  const ssl = tls === null ? false : { rejectUnauthorized: tls.verify !== 'none', ...files, ...verifying };
  // A socket of our own, so that it can be cut.
  return { host, port, user, password, database, ssl, types, stream: () => socket, keepAlive: true };
}
