/** The ledger as an operator has it: what is done to it past the engine, whichever database it is. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import { Client } from 'pg';
import { runSql } from '../../services/databases.ts';
import { lockLedger, withLedger } from './ledger-file.ts';
import type { DatabaseName } from './stores.ts';

/** Gives the name by which a condition finds a column of the row that is to be written. */
type ColumnName = (column: 'event_id' | 'slot' | 'user_id') => string;

export interface LedgerAccess {
  /** Runs SQL, each text by itself; gives rows as lines. */
  run(...texts: readonly string[]): Promise<string>;
  /** Lets the database refuse coupons of which this holds, for their own sake, by the name `not_this_one`; until it is called off. */
  refuse(condition: (column: ColumnName) => string): Promise<() => Promise<void>>;
  /** Refuses, as a foreign key does, coupons of these users, and of no other that there is. */
  ban(users: readonly string[], others: readonly string[]): Promise<() => Promise<void>>;
  /** Keeps everybody from writing, and nobody from reading, until it is called off. */
  lock(): Promise<() => Promise<void>>;
}

/** The ledger in a data folder. */
export function fileAccess(data: string): LedgerAccess {
  const run = async (...texts: readonly string[]): Promise<string> => {
    const lines: string[] = [];
    withLedger(data, (db) => {
      for (const text of texts)
        for (const row of db.prepare(text).all()) lines.push(Object.values(row).map(String).join('|'));
    });
    return lines.join('\n');
  };
  /** The folder may be gone with its test by then. */
  const callingOff =
    (...texts: readonly string[]) =>
    async (): Promise<void> => {
      if (existsSync(join(data, 'ledger.db'))) await run(...texts);
    };
  const trigger = (name: string, when: string, words: string): string =>
    `CREATE TRIGGER ${name} BEFORE INSERT ON coupons WHEN ${when} BEGIN SELECT RAISE(ABORT, '${words}'); END`;
  return {
    run,
    async refuse(condition) {
      await run(
        trigger(
          'not_this_one',
          condition((column) => `NEW.${column}`),
          'not_this_one',
        ),
      );
      return callingOff('DROP TRIGGER IF EXISTS not_this_one');
    },
    async ban(users) {
      // SQLite adds no foreign key to a table that stands: a trigger says the same.
      await run(
        'CREATE TABLE banned (user_id TEXT PRIMARY KEY)',
        `INSERT INTO banned VALUES ${valuesOf(users)}`,
        trigger('ban', 'EXISTS (SELECT 1 FROM banned WHERE user_id = NEW.user_id)', 'FOREIGN KEY constraint failed'),
      );
      return callingOff('DROP TRIGGER IF EXISTS ban', 'DROP TABLE IF EXISTS banned');
    },
    async lock() {
      const { release } = lockLedger(data);
      return async () => release();
    },
  };
}

const tables = ['coupons', 'events', 'failed_issuances', 'log_positions', 'stopped_events', 'issue_rates'];

/** The ledger in a database server. */
export function databaseAccess(database: DatabaseName, url: string): LedgerAccess {
  const run = (...texts: readonly string[]): Promise<string> => runSql(url, ...texts);
  return {
    run,
    async refuse(condition) {
      const check = condition((column) => column);
      await run(`ALTER TABLE coupons ADD CONSTRAINT not_this_one CHECK (NOT (${check}))`);
      return async () => void (await run('ALTER TABLE coupons DROP CONSTRAINT IF EXISTS not_this_one'));
    },
    async ban(_users, others) {
      // Whoever has a coupon already has to stay a member.
      await run(
        'CREATE TABLE members AS SELECT DISTINCT user_id FROM coupons',
        'ALTER TABLE members ADD PRIMARY KEY (user_id)',
        ...others.map(
          (user) =>
            `INSERT INTO members SELECT '${user}' WHERE NOT EXISTS (SELECT 1 FROM members WHERE user_id = '${user}')`,
        ),
        'ALTER TABLE coupons ADD CONSTRAINT members_alone FOREIGN KEY (user_id) REFERENCES members (user_id)',
      );
      const drop = database === 'mariadb' ? 'FOREIGN KEY' : 'CONSTRAINT';
      return async () =>
        void (await run(`ALTER TABLE coupons DROP ${drop} IF EXISTS members_alone`, 'DROP TABLE IF EXISTS members'));
    },
    lock: () => (database === 'mariadb' ? lockMariadb(url) : lockPostgres(url)),
  };
}

async function lockMariadb(url: string): Promise<() => Promise<void>> {
  const connection = await createConnection(url);
  await connection.query(`LOCK TABLES ${tables.map((table) => `${table} READ`).join(', ')}`);
  return () => connection.end();
}

async function lockPostgres(url: string): Promise<() => Promise<void>> {
  const client = new Client(url);
  await client.connect();
  await client.query(`BEGIN; LOCK TABLE ${tables.join(', ')} IN SHARE MODE`);
  return () => client.end();
}

const valuesOf = (users: readonly string[]): string => users.map((user) => `('${user}')`).join(', ');
