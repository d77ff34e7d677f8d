/**
 * Loaded before a process of a fleet: ends it by SIGKILL at a named point of its work, from within. Points are told by what goes out
 * to Redis, Kafka, the database or a client, at the client libraries, not by the code that sends it.
 */
import './answers.ts';
import { Connection } from 'mysql2';
import pg from 'pg';
import { Producer } from '@platformatic/kafka';
import { scripts } from '../../../src/gates/redis/scripts.ts';
import { hasWin } from './admitted.ts';
import { reached } from './reached.ts';
import { aroundCalls } from './redis-calls.ts';

const nameOf = new Map(Object.values(scripts).flatMap(({ name, sha, text }) => [sha, text].map((key) => [key, name])));

aroundCalls(async (args, send) => {
  const script = args[0]?.startsWith('EVAL') === true ? nameOf.get(args[1] ?? '') : undefined;
  if (script === undefined) return await send(args);
  reached('script', 'commit', script);
  const reply = await send(args);
  reached('script', 'committed', `${script}${hasWin(reply) ? ' with a win' : ''}`);
  return reply;
});

type Send = typeof Producer.prototype.send;
const { send } = Producer.prototype;
Producer.prototype.send = async function (this: Producer, ...[options]: Parameters<Send>) {
  const text = options.messages.map(({ value }) => String(value)).join('\n');
  reached('send', 'commit', text);
  const sent = await send.call(this, options);
  reached('send', 'committed', text);
  return sent;
} as Send;

/** What has been written in the transaction of each connection. */
const transactions = new WeakMap<object, string[]>();

/** Notes a statement before it goes out. */
function asked(connection: object, sql: string): void {
  if (/^(START TRANSACTION|BEGIN)/.test(sql)) transactions.set(connection, []);
  if (sql === 'COMMIT') reached('database', 'commit', transactions.get(connection)?.join('\n') ?? '');
}

/** And behind its answer. */
function answered(connection: object, sql: string): void {
  const written = transactions.get(connection);
  if (sql === 'COMMIT') reached('database', 'committed', written?.join('\n') ?? '');
  if (sql === 'COMMIT' || sql === 'ROLLBACK') transactions.delete(connection);
  else {
    written?.push(sql);
    if (written !== undefined) reached('database', 'statement', sql);
  }
}

type Query = (this: object, sql: string, values: unknown, done: (...outcome: unknown[]) => void) => unknown;
let owner = Connection.prototype as object;
while (!Object.hasOwn(owner, 'query')) owner = Object.getPrototypeOf(owner) as object;
const mysql = owner as { query: Query };
const { query: queryMysql } = mysql;
mysql.query = function (sql, values, done) {
  asked(this, sql);
  return queryMysql.call(this, sql, values, (...outcome) => {
    if (outcome[0] === null) answered(this, sql);
    done(...outcome);
  });
};

type PostgresQuery = (this: object, query: string | { readonly text: string }) => Promise<unknown>;
const postgres = pg.Client.prototype as unknown as { query: PostgresQuery };
const { query: queryPostgres } = postgres;
postgres.query = async function (query) {
  const sql = typeof query === 'string' ? query : query.text;
  asked(this, sql);
  const outcome = await queryPostgres.call(this, query);
  answered(this, sql);
  return outcome;
};
