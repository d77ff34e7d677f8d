import { connect, type Socket } from 'node:net';
import type { Connection, ConnectionOptions, ResultSetHeader, SslOptions } from 'mysql2';
import { DibsError } from '../../core/errors.ts';
import type { SqlAddress } from '../sql/address.ts';
import type { Change, Insert, Reads, SqlParameter, SqlRow, SqlSession, SqlValue } from '../sql/session.ts';
import { Statements } from '../sql/statements.ts';
import { within } from '../sql/within.ts';
import { bind } from './bind.ts';

const statements = new Statements(import.meta.url);

/** What makes a connection; the one function that is used of the client library. */
export type CreateConnection = (options: ConnectionOptions) => Connection;

// What MariaDB comes with, and a quarter of what MySQL 8 does.
const packetBytesMin = 16 * 1024 * 1024;

interface ServerSettings {
  readonly flushAtCommit: number;
  readonly packetBytesMax: number;
}

type Value = SqlParameter | readonly SqlRow[];

/** A connection to MySQL or MariaDB. */
export class MysqlSession implements SqlSession {
  readonly #connection: Connection;
  readonly #socket: Socket;
  #isOpen = true;
  /** Fails what is under way: the client library forgets it where its own socket is cut. */
  #fail: ((error: Error) => void) | null = null;

  private constructor(connection: Connection, socket: Socket) {
    this.#connection = connection;
    this.#socket = socket;
    const ended = (): void => {
      this.#isOpen = false;
    };
    // Without a listener an idle connection that breaks would end the process.
    connection.on('error', ended);
    connection.on('end', ended);
    socket.on('close', ended);
  }

  /** Connects and sets up, or gives up after `timeoutMs`. */
  static async open(create: CreateConnection, address: SqlAddress, timeoutMs: number): Promise<MysqlSession> {
    // A socket of our own, so that it can be cut.
    const socket = connect({ port: address.port, host: address.host, noDelay: true, keepAlive: true });
    const connection = create({ ...optionsOf(address), stream: socket, connectTimeout: timeoutMs });
    const session = new MysqlSession(connection, socket);
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
    const { sql, values: bound } = bind<Value>(statements.text(name), values);
    return await this.select<Reads[Name]>(sql, bound);
  }

  async change(name: Change, values: readonly SqlValue[]): Promise<number> {
    const { sql, values: bound } = bind<Value>(statements.text(name), values);
    return await this.execute(sql, bound);
  }

  async insert(name: Insert, rows: readonly SqlRow[]): Promise<number> {
    const { sql, values } = bind<Value>(statements.text(name), [rows]);
    return await this.execute(sql, values);
  }

  async begin(): Promise<void> {
    await this.execute('START TRANSACTION READ WRITE');
  }

  async commit(): Promise<void> {
    await this.execute('COMMIT');
  }

  async rollback(): Promise<void> {
    await this.execute('ROLLBACK');
  }

  /** The rows of any one statement; its values stand where it has question marks. */
  async select<Row>(sql: string, values: readonly Value[] = []): Promise<Row[]> {
    return (await this.#query(sql, values)) as Row[];
  }

  /** Runs any one statement, and gives how many rows it has changed. */
  async execute(sql: string, values: readonly Value[] = []): Promise<number> {
    return ((await this.#query(sql, values)) as ResultSetHeader).affectedRows;
  }

  destroy(): void {
    this.#isOpen = false;
    this.#connection.destroy();
    this.#socket.destroy();
    this.#fail?.(new Error('the connection was cut'));
  }

  async end(): Promise<void> {
    this.#isOpen = false;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#connection.end(() => resolve());
    await promise;
    this.#socket.destroy();
  }

  async #setUp(): Promise<void> {
    for (const name of ['session-isolation', 'session-settings']) await this.execute(statements.text(name));
    const [settings] = await this.select<ServerSettings>(statements.text('server-settings'));
    const { flushAtCommit = null, packetBytesMax = 0 } = settings ?? {};
    if (flushAtCommit !== 1) {
      const text = `innodb_flush_log_at_trx_commit is ${String(flushAtCommit)}: a crash could lose coupons. Set it to 1.`;
      throw new DibsError('store_unfit', text);
    }
    if (packetBytesMax < packetBytesMin) {
      const text = `max_allowed_packet is ${packetBytesMax}: a long record could not be kept. Set it to ${packetBytesMin} or more.`;
      throw new DibsError('store_unfit', text);
    }
  }

  async #query(sql: string, values: readonly Value[]): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#fail = reject;
    this.#connection.query(sql, values as unknown[], (error, answer) => {
      if (error === null) return resolve(answer);
      // The client library puts the whole text there, with the codes of all coupons: that is for no log.
      delete (error as { sql?: string }).sql;
      reject(error);
    });
    return await promise;
  }
}

function optionsOf(address: SqlAddress): ConnectionOptions {
  const { host, port, user, password, database, tls } = address;
  const options: ConnectionOptions = {
    host,
    port,
    user,
    password,
    database,
    charset: 'utf8mb4_bin',
    // FOUND_ROWS would count a row that was passed over as one that was changed. IGNORE_SPACE makes `position` a reserved word.
    flags: ['-FOUND_ROWS', '-IGNORE_SPACE', '-LOCAL_FILES'],
    // The text as it was put, although MariaDB calls the column JSON.
    jsonStrings: true,
    // VARBINARY is text of ours.
    typeCast: (field, next) => (field.type === 'VAR_STRING' ? field.string('utf8') : next()),
  };
  if (tls !== null) options.ssl = sslOf(tls);
  return options;
}

function sslOf({ verify, ca, cert, key }: NonNullable<SqlAddress['tls']>): SslOptions {
  const files = {
    ...(ca === null ? {} : { ca }),
    ...(cert === null ? {} : { cert }),
    ...(key === null ? {} : { key }),
  };
  return { rejectUnauthorized: verify !== 'none', verifyIdentity: verify === 'full', ...files };
}
