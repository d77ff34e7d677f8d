import { readFileSync } from 'node:fs';
import { DibsError } from '../../core/errors.ts';

/** What of the server's certificate is verified: nothing, who signed it, or whose it is as well. */
export type TlsVerify = 'none' | 'ca' | 'full';

/** How a connection is encrypted; the files are read. */
export interface SqlTls {
  readonly verify: TlsVerify;
  readonly ca: string | null;
  readonly cert: string | null;
  readonly key: string | null;
}

/** Where a database is and who asks. */
export interface SqlAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** Null: in the clear. */
  readonly tls: SqlTls | null;
  /** For messages: host, port and database. */
  readonly place: string;
}

// The words of libpq and those of MySQL's own clients.
const modes: Readonly<Record<string, TlsVerify | 'off'>> = {
  disable: 'off',
  disabled: 'off',
  require: 'none',
  required: 'none',
  'verify-ca': 'ca',
  verify_ca: 'ca',
  'verify-full': 'full',
  verify_identity: 'full',
};
const fileParameters = { ca: ['sslrootcert', 'ssl-ca'], cert: ['sslcert', 'ssl-cert'], key: ['sslkey', 'ssl-key'] };
const modeParameters = ['sslmode', 'ssl-mode'];
const parameters = [...modeParameters, ...Object.values(fileParameters).flat()];

// Neither the URL nor an error that holds it: a password stands in it.
const fault = (text: string): DibsError => new DibsError('invalid_configuration', `The URL of the ledger ${text}`);

/** Reads `scheme://user:password@host:port/database?parameters`. Throws `invalid_configuration`, which never shows the URL. */
export function parseSqlAddress(text: string, schemes: readonly string[], defaultPort: number): SqlAddress {
  const url = URL.parse(text);
  const form = `${schemes[0] ?? ''}://user:password@host:${defaultPort}/database`;
  if (url === null || !schemes.includes(url.protocol.slice(0, -1))) throw fault(`is not of the form ${form}.`);
  // A password with an @, a / or a # that is not escaped ends early, and its rest would be taken for a host or a database.
  if (url.hash !== '' || url.pathname.indexOf('/', 1) > 0)
    throw fault(`has a # or a / too many; in user, password and database write @ as %40, / as %2F and # as %23.`);
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const [user, password, database] = [decoded(url.username), decoded(url.password), decoded(url.pathname.slice(1))];
  for (const [name, value] of Object.entries({ host, user, database })) {
    if (value === '') throw fault(`names no ${name}; give ${form}.`);
  }
  const port = url.port === '' ? defaultPort : Number(url.port);
  const place = `${url.hostname}:${port}/${database}`;
  const tls = tlsOf(url.searchParams);
  return { host, port, user, password, database, tls, place };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw fault('has a % that begins no escape; write it as %25.');
  }
}

function tlsOf(given: URLSearchParams): SqlTls | null {
  for (const name of given.keys()) {
    if (!parameters.includes(name)) throw fault(`has the parameter ${name}; there are ${parameters.join(', ')}.`);
  }
  const valueOf = (names: readonly string[]): string | null =>
    names.map((name) => given.get(name)).find(Boolean) ?? null;
  const mode = valueOf(modeParameters)?.toLowerCase() ?? null;
  const verify = mode === null ? undefined : modes[mode];
  if (mode !== null && verify === undefined) {
    throw fault(
      'has an sslmode that is none of disable, require, verify-ca, verify-full; none falls back to the clear.',
    );
  }
  const files = Object.entries(fileParameters).map(([name, names]) => [name, valueOf(names)] as const);
  const named = files.filter(([, path]) => path !== null);
  if (verify === undefined || verify === 'off') {
    if (named.length > 0) throw fault(`names certificates, but no sslmode that uses them; give sslmode=verify-full.`);
    return null;
  }
  const read = Object.fromEntries(files.map(([name, path]) => [name, path === null ? null : readCertificate(path)]));
  const { ca = null, cert = null, key = null } = read;
  // As libpq has it: a root certificate is given to be used.
  return { verify: verify === 'none' && ca !== null ? 'ca' : verify, ca, cert, key };
}

function readCertificate(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw fault(`names the file ${path}, which cannot be read (${code ?? 'unknown error'}).`);
  }
}
