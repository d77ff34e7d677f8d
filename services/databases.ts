/** Makes and drops databases, each with a user of its own, by the command line clients of the servers. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { output } from './command.ts';
import { findPostgres, found } from './find.ts';

/** A database, and the user who may do everything in it and nothing elsewhere. */
export interface Database {
  /** As its user. */
  readonly url: string;
  /** Drops it with its user, whoever is connected. */
  drop(): Promise<void>;
}

/** Names go into SQL as they are. */
function checked(name: string): string {
  if (!/^[a-z][a-z0-9_]{0,31}$/.test(name)) throw new Error(`${name} is not fit for the name of a database`);
  return name;
}

/** Runs SQL on the server at `url`, each text by itself. */
export async function runSql(url: string, ...texts: readonly string[]): Promise<string> {
  const { protocol, hostname, port, username, password, pathname } = new URL(url);
  if (protocol === 'mysql:') {
    const login = ['-h', hostname, '-P', port, '-u', username, ...(password === '' ? [] : [`-p${password}`])];
    // -N, -r: values alone and as they are.
    const args = ['--no-defaults', ...login, '-N', '-r', '-e', texts.join(';\n'), pathname.slice(1)];
    return await output(found('mariadb'), args);
  }
  const programs = findPostgres();
  if (programs === null) throw new Error('psql is not here');
  const args = texts.flatMap((text) => ['-c', text]);
  return await output(join(programs, 'psql'), ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', ...args, url]);
}

/** Makes a database, and a user of the same name, on the server at `adminUrl`, which is the URL of one who may. */
export async function createDatabase(adminUrl: string, name: string): Promise<Database> {
  const own = checked(name);
  const password = randomBytes(12).toString('base64url');
  const url = new URL(adminUrl);
  url.username = own;
  url.password = password;
  url.pathname = `/${own}`;
  const isMariadb = url.protocol === 'mysql:';
  const made = isMariadb
    ? [
        `CREATE DATABASE ${own}`,
        `CREATE USER ${own}@'%' IDENTIFIED BY '${password}'`,
        `GRANT ALL ON ${own}.* TO ${own}@'%'`,
      ]
    : [`CREATE ROLE ${own} LOGIN PASSWORD '${password}'`, `CREATE DATABASE ${own} OWNER ${own}`];
  const dropped = isMariadb
    ? [`DROP DATABASE IF EXISTS ${own}`, `DROP USER IF EXISTS ${own}@'%'`]
    : [`DROP DATABASE IF EXISTS ${own} WITH (FORCE)`, `DROP ROLE IF EXISTS ${own}`];
  await runSql(adminUrl, ...made);
  return { url: url.href, drop: async () => void (await runSql(adminUrl, ...dropped)) };
}
