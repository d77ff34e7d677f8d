/** Runs SQL on a connection of its own, as an operator with another tool would. */
import mysql from 'mysql2/promise';
import pg from 'pg';

type Row = Readonly<Record<string, unknown>>;

/** Gives the rows of the statement; what the server complains of is thrown. */
export async function operate(url: string, sql: string): Promise<Row[]> {
  const connection = await connectTo(url);
  try {
    return await connection.run(sql);
  } finally {
    await connection.end();
  }
}

/** A connection that stays open: for transactions that hold what they have locked. */
export interface Operator {
  run(sql: string): Promise<Row[]>;
  end(): Promise<void>;
}

export async function connectTo(url: string): Promise<Operator> {
  if (url.startsWith('mysql:')) {
    const connection = await mysql.createConnection(url);
    // A server that is killed under it is no matter of the test's.
    connection.on('error', () => undefined);
    return {
      run: async (sql) => (await connection.query(sql))[0] as Row[],
      end: () => connection.end(),
    };
  }
  const client = new pg.Client(url);
  client.on('error', () => undefined);
  await client.connect();
  return { run: async (sql) => (await client.query<Row>(sql)).rows, end: () => client.end() };
}
