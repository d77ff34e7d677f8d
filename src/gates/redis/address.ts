import { DibsError } from '../../core/errors.ts';

/** One server. */
export interface Host {
  readonly host: string;
  readonly port: number;
}

/** Where a Redis is, and as whom to speak to it. */
export interface RedisAddress {
  readonly cluster: boolean;
  readonly tls: boolean;
  readonly hosts: readonly [Host, ...Host[]];
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
  /** For people: without user and password. */
  readonly shown: string;
}

const form = /^(rediss?)(\+cluster)?:\/\/(?:([^@/]*)@)?([^@/?#]+)(?:\/(\d{1,3})?)?$/i;
const hostForm = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9_.-]+))(?::([0-9]{1,5}))?$/;
const usable = 'redis://[user:password@]host:port[/database], rediss://… for TLS, redis+cluster://host:port,host:port';

// What is wrong is said without the text itself: it may hold a password.
const refused = (what: string) =>
  new DibsError('invalid_configuration', `The address of Redis ${what}; use ${usable}.`);

/** Takes an address apart. Throws `invalid_configuration`, in words that never hold the password. */
export function parseRedisAddress(url: string): RedisAddress {
  const match = form.exec(url);
  if (match === null) throw refused('cannot be read');
  const [, scheme = '', cluster, user, list = '', database = '0'] = match;
  const [first, ...others] = list.split(',').map(hostOf);
  if (first === undefined) throw refused('names no server');
  if (others.length > 0 && cluster === undefined) throw refused('names several servers, which only a cluster has');
  if (cluster !== undefined && Number(database) !== 0)
    throw refused('names a database, of which a cluster has but one');
  const [username, password] = user === undefined ? [] : credentialsOf(user);
  return {
    cluster: cluster !== undefined,
    tls: scheme.toLowerCase() === 'rediss',
    hosts: [first, ...others],
    username,
    password,
    database: Number(database),
    shown: `${scheme}${cluster ?? ''}://${list}${database === '0' ? '' : `/${database}`}`,
  };
}

function hostOf(text: string): Host {
  const [, ipv6, name, port = '6379'] = hostForm.exec(text) ?? [];
  const host = ipv6 ?? name;
  if (host === undefined || Number(port) > 65_535) throw refused('names a server that cannot be read');
  return { host, port: Number(port) };
}

/** User and password; `:password@` and `password@`-less forms are those of Redis's own tools. */
function credentialsOf(text: string): [username?: string | undefined, password?: string | undefined] {
  const colon = text.indexOf(':');
  const parts = colon === -1 ? [text] : [text.slice(0, colon), text.slice(colon + 1)];
  try {
    const [username, password] = parts.map(decodeURIComponent);
    return [username === '' ? undefined : username, password];
  } catch {
    throw refused('has a user or a password that is not percent-encoded as it must be');
  }
}
