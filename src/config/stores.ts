/** How the addresses of stores are read. What is shown of one never has its password. */
import { resolve } from 'node:path';
import { Fault, show } from './values.ts';

/** A store in one file. */
export interface SqliteStore {
  readonly driver: 'sqlite';
  readonly path: string;
}

/** A store behind an address; `url` may hold a password, `shown` does not. */
export interface RemoteStore<Driver extends string> {
  readonly driver: Driver;
  readonly url: string;
  readonly shown: string;
}

/** The gate's own wins, read as a log. */
export interface EmbeddedLog {
  readonly driver: 'embedded';
}

export const saslMechanisms = ['SCRAM-SHA-512', 'SCRAM-SHA-256', 'PLAIN'] as const;

/** A topic of Kafka. */
export interface KafkaLog {
  readonly driver: 'kafka';
  /** `host:port` each. */
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly tls: boolean;
  /** Null: what the topic has. */
  readonly partitions: number | null;
  readonly mechanism: (typeof saslMechanisms)[number];
  readonly shown: string;
}

const redisForm = 'redis://host:6379, rediss:// for TLS, redis+cluster://host:6379,host:6379 for a cluster';
const usable = {
  gate: `sqlite:<path>, for example sqlite:./data/gate.db, or ${redisForm}`,
  log: 'embedded, or kafka://host:9092[,host:9092]/topic, kafkas:// for TLS',
  ledger:
    'sqlite:<path>, for example sqlite:./data/ledger.db, mysql://user@host/database or postgres://user@host/database',
} as const;

const schemeOf = (text: string): string | null => /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(text)?.[1]?.toLowerCase() ?? null;

/** A store that is named by a URL is told apart by its scheme alone: what follows may hold a password. */
function schemeFault(kind: keyof typeof usable, text: string): Fault {
  const scheme = schemeOf(text);
  return new Fault(
    `${scheme === null ? 'this' : `${show(scheme)}:`} is no ${kind} that Dibs has; use ${usable[kind]}.`,
  );
}

export function parseGate(text: string, dataDir: string, cwd: string): SqliteStore | RemoteStore<'redis'> | Fault {
  const scheme = schemeOf(text);
  if (scheme === 'sqlite') return parseSqlite('gate', text, dataDir, cwd);
  if (scheme === null || !['redis', 'rediss', 'redis+cluster', 'rediss+cluster'].includes(scheme))
    return schemeFault('gate', text);
  const match = /^[a-z+]+:\/\/(?:[^@/]*@)?([^@/?#]+)(?:\/(\d{1,3})?)?$/i.exec(text);
  const hosts = match?.[1]?.split(',') ?? [];
  if (match === null || !hosts.every(isHost)) return new Fault(`names no server; use ${redisForm}.`);
  if (hosts.length > 1 && !scheme.includes('cluster'))
    return new Fault('names several servers; give one, or redis+cluster:// for a cluster.');
  if (scheme.includes('cluster') && Number(match[2] ?? 0) !== 0)
    return new Fault('names a database, of which a cluster has only one; take the number away.');
  return { driver: 'redis', url: text, shown: withoutUser(text) };
}

export function parseLedger(
  text: string,
  dataDir: string,
  cwd: string,
): SqliteStore | RemoteStore<'mysql' | 'postgres'> | Fault {
  const scheme = schemeOf(text);
  if (scheme === 'sqlite') return parseSqlite('ledger', text, dataDir, cwd);
  const driver = scheme === 'mysql' || scheme === 'mariadb' ? 'mysql' : 'postgres';
  if (scheme === null || !['mysql', 'mariadb', 'postgres', 'postgresql'].includes(scheme))
    return schemeFault('ledger', text);
  const url = URL.parse(text);
  if (url === null || url.hostname === '' || !/^\/[^/]+$/.test(url.pathname))
    return new Fault(`names no server and database; use ${scheme}://user@host/database.`);
  const whole = scheme === 'mariadb' ? text.replace(/^mariadb:/i, 'mysql:') : text;
  return { driver, url: whole, shown: withoutUser(text) };
}

export function parseLog(text: string): EmbeddedLog | KafkaLog | Fault {
  if (text === 'embedded') return { driver: 'embedded' };
  const scheme = schemeOf(text);
  if (scheme !== 'kafka' && scheme !== 'kafkas') return schemeFault('log', text);
  if (text.includes('@'))
    return new Fault('must have neither user nor password; give them as DIBS_KAFKA_USER and DIBS_KAFKA_PASSWORD.');
  const match = /^kafkas?:\/\/([^/?#]+)\/([A-Za-z0-9._-]{1,249})(?:\?([^#]*))?$/i.exec(text);
  const brokers = match?.[1]?.split(',').map((host) => (/:\d+$/.test(host) ? host : `${host}:9092`)) ?? [];
  const topic = match?.[2] ?? '';
  if (match === null || !brokers.every(isHost)) return new Fault(`names no servers and topic; use ${usable.log}.`);
  const options = new URLSearchParams(match[3] ?? '');
  const partitions = options.get('partitions');
  const mechanism = saslMechanisms.find((one) => one === (options.get('mechanism') ?? 'SCRAM-SHA-512').toUpperCase());
  const unknown = [...options.keys()].filter((name) => name !== 'partitions' && name !== 'mechanism');
  if (unknown.length > 0) return new Fault(`has options that there are not; there are partitions and mechanism.`);
  if (partitions !== null && !/^[1-9][0-9]{0,3}$/.test(partitions))
    return new Fault('partitions must be a whole number from 1 to 9999.');
  if (mechanism === undefined) return new Fault(`mechanism must be one of ${saslMechanisms.join(', ')}.`);
  return {
    driver: 'kafka',
    brokers,
    topic,
    tls: scheme === 'kafkas',
    partitions: partitions === null ? null : Number(partitions),
    mechanism,
    shown: text,
  };
}

function parseSqlite(kind: 'gate' | 'ledger', text: string, dataDir: string, cwd: string): SqliteStore | Fault {
  const form = `sqlite:<path>, for example sqlite:./data/${kind}.db`;
  const path = text.slice('sqlite:'.length).replace(/^\$DIBS_DATA(?=[\\/])/, () => dataDir);
  if (path === ':memory:') return new Fault(`a ${kind} in memory would lose what it has promised; use ${form}.`);
  // Neither sqlite://host/path nor a path of nothing: both would make a file in an odd place.
  if (path === '' || path.includes('\0') || /^\/\/(?!\/)/.test(path)) return new Fault(`names no file; use ${form}.`);
  return { driver: 'sqlite', path: resolve(cwd, path.replace(/^\/\/\//, '/')) };
}

const isHost = (text: string): boolean => /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9_.-]+)(:[0-9]{1,5})?$/.test(text);

/** An address as it may be shown: without user and password, and without options, which may name either. */
const withoutUser = (text: string): string => text.replace(/^([a-z+]+:\/\/)[^@]*@/i, '$1').replace(/[?#].*$/, '');

/** Whether an address holds a password, which must not stand where other users of the machine can read it. */
export const hasPassword = (text: string): boolean =>
  /^[a-z+]+:\/\/[^@/]*:[^@]+@/i.test(text) || /[?&]password=/i.test(text);

/** A store as it may be shown to people. */
export const shownOf = (store: SqliteStore | EmbeddedLog | KafkaLog | RemoteStore<string>): string =>
  'path' in store ? store.path : 'shown' in store ? store.shown : store.driver;
