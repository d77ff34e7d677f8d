import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import process from 'node:process';
import {
  type EmbeddedLog,
  hasPassword,
  type KafkaLog,
  parseGate,
  parseLedger,
  parseLog,
  type RemoteStore,
  type SqliteStore,
} from './config/stores.ts';
import {
  codeOf,
  emptyFault,
  Fault,
  hint,
  type IssueRate,
  localUrl,
  parseHost,
  parseIssueRate,
  parsePort,
  parseUrl,
  readSecretFile,
  show,
} from './config/values.ts';

/** Every key of the configuration: its name as an option, what holds where it is not given, and what it means. */
export const configKeys = [
  { key: 'DIBS_DATA', option: 'data', default: './data', meaning: 'folder of the embedded stores and the keys' },
  { key: 'DIBS_GATE', option: 'gate', default: 'sqlite:$DIBS_DATA/gate.db', meaning: 'where claims are decided' },
  { key: 'DIBS_LOG', option: 'log', default: 'embedded', meaning: 'what carries wins from the gate to the issuer' },
  { key: 'DIBS_LEDGER', option: 'ledger', default: 'sqlite:$DIBS_DATA/ledger.db', meaning: 'where coupons are kept' },
  {
    key: 'DIBS_ISSUE_RATE',
    option: 'issueRate',
    default: 'unlimited',
    meaning: 'coupons over time: 5000/s, 100/m, 10/h',
  },
  { key: 'DIBS_HOST', option: 'host', default: '127.0.0.1', meaning: 'address to listen on' },
  { key: 'DIBS_PORT', option: 'port', default: '8080', meaning: 'port to listen on; 0 takes a free one' },
  {
    key: 'DIBS_URL',
    option: 'url',
    default: 'http://$DIBS_HOST:$DIBS_PORT',
    meaning: 'server that the commands speak to',
  },
  { key: 'DIBS_ADMIN_KEY', option: 'adminKey', default: 'made', meaning: 'bearer key of the organiser' },
  { key: 'DIBS_SERVICE_KEY', option: 'serviceKey', default: 'made', meaning: "bearer key of the organiser's backend" },
  { key: 'DIBS_TOKEN_SECRET', option: 'tokenSecret', default: 'made', meaning: 'signs the tokens of participants' },
  { key: 'DIBS_CODE_SECRET', option: 'codeSecret', default: 'made', meaning: 'coupon codes are derived from it' },
  { key: 'DIBS_KAFKA_USER', option: 'kafkaUser', default: 'none', meaning: 'user at Kafka (SASL)' },
  { key: 'DIBS_KAFKA_PASSWORD', option: 'kafkaPassword', default: 'none', meaning: 'password at Kafka (SASL)' },
] as const;

/** Where `dibs lab` is told that services are: no keys of the configuration, and no faults in it. */
export const labVariables = ['DIBS_LAB_REDIS', 'DIBS_LAB_KAFKA', 'DIBS_LAB_MARIADB', 'DIBS_LAB_POSTGRES'] as const;

export { shownOf } from './config/stores.ts';

export type ConfigKey = (typeof configKeys)[number]['key'];
type OptionName = (typeof configKeys)[number]['option'];

/** Where claims are decided. */
export type GateConfig = SqliteStore | RemoteStore<'redis'>;
/** What carries wins to the issuer. */
export type LogConfig = EmbeddedLog | KafkaLog;
/** Where coupons are kept. */
export type LedgerConfig = SqliteStore | RemoteStore<'mysql' | 'postgres'>;

/** The whole configuration, checked and frozen; paths are absolute. */
export interface Config {
  readonly dataDir: string;
  readonly gate: GateConfig;
  readonly log: LogConfig;
  readonly ledger: LedgerConfig;
  /** False where `ledger` is the default. */
  readonly ledgerGiven: boolean;
  /** Null: as fast as the ledger bears. */
  readonly issueRate: IssueRate | null;
  readonly host: string;
  readonly port: number;
  /** False where `port` is the default. */
  readonly portGiven: boolean;
  readonly adminKey: string | null;
  readonly serviceKey: string | null;
  readonly tokenSecret: string | null;
  readonly codeSecret: string | null;
  readonly kafkaUser: string | null;
  readonly kafkaPassword: string | null;
  /** The server that client commands speak to, without a slash at its end. */
  readonly url: string;
  /** False where `url` only follows from host and port. */
  readonly urlGiven: boolean;
}

/** What a process of the engine may do: decide claims, issue coupons. */
export const roles = ['claims', 'issuing'] as const;
export type Role = (typeof roles)[number];

/** What `openDibs` takes; everything absent is the embedded default. */
export interface DibsOptions {
  /** Folder of the embedded stores and the keys; `./data` where absent. */
  readonly data?: string | undefined;
  /** `sqlite:<path>`, `redis://…`, `rediss://…`, `redis+cluster://…`; `gate.db` in the data folder where absent. */
  readonly gate?: string | undefined;
  /** `kafka://host:9092/topic`, `kafkas://…`, or `embedded`, which is the default. */
  readonly log?: string | undefined;
  /** `sqlite:<path>`, `mysql://…`, `postgres://…`; `ledger.db` in the data folder where absent. */
  readonly ledger?: string | undefined;
  /** Coupons over time, as `5000/s`, `100/m` or `10/h`; unlimited where absent. */
  readonly issueRate?: string | undefined;
  /** Coupon codes are derived from it; made and kept in the data folder where absent. */
  readonly codeSecret?: string | undefined;
  /** Signs participants' tokens; made and kept in the data folder where absent. */
  readonly tokenSecret?: string | undefined;
  /** User at Kafka, where it asks for one (SASL). */
  readonly kafkaUser?: string | undefined;
  /** Password at Kafka. */
  readonly kafkaPassword?: string | undefined;
  /** What this process does; both where absent. */
  readonly roles?: readonly Role[] | undefined;
  /** True: what is absent here is taken from the environment and `dibs.config.json`, as the server does. */
  readonly readEnvironment?: boolean | undefined;
}

/** The configuration, or every fault there is in what was given. */
export type ConfigOutcome =
  | { readonly config: Config; readonly faults: readonly [] }
  | { readonly config: null; readonly faults: readonly string[] };

/** Where values come from, the strongest first. */
export interface ConfigSources {
  readonly flags?: Partial<Record<ConfigKey, string>>;
  /** `process.env` where absent. */
  readonly env?: NodeJS.ProcessEnv;
  /** The folder that has `dibs.config.json` and that relative paths start from. */
  readonly cwd?: string;
}

interface Given {
  readonly value: string;
  readonly origin: string;
  /** The value is the path of a file that has the secret. */
  readonly inFile: boolean;
}
type Layer = Map<ConfigKey, Given>;
interface Name {
  readonly key: ConfigKey;
  readonly inFile: boolean;
}

const configFileName = 'dibs.config.json';
const secretKeys: ReadonlySet<ConfigKey> = new Set<ConfigKey>([
  'DIBS_ADMIN_KEY',
  'DIBS_SERVICE_KEY',
  'DIBS_TOKEN_SECRET',
  'DIBS_CODE_SECRET',
  'DIBS_KAFKA_PASSWORD',
  // Their addresses may hold a password.
  'DIBS_GATE',
  'DIBS_LEDGER',
]);
const libraryOptions: readonly OptionName[] = [
  'data',
  'gate',
  'log',
  'ledger',
  'issueRate',
  'codeSecret',
  'tokenSecret',
  'kafkaUser',
  'kafkaPassword',
];

const environmentNames = new Map<string, Name>();
const fileNames = new Map<string, Name>();
for (const { key, option } of configKeys) {
  environmentNames.set(key, { key, inFile: false });
  fileNames.set(option, { key, inFile: false });
  if (!secretKeys.has(key)) continue;
  environmentNames.set(`${key}_FILE`, { key, inFile: true });
  fileNames.set(`${option}File`, { key, inFile: true });
}

/** The flag that sets a key: `DIBS_ISSUE_RATE` is `--issue-rate`. */
export const flagOf = (key: ConfigKey): string => `--${key.slice('DIBS_'.length).toLowerCase().replaceAll('_', '-')}`;

/** Reads the configuration: a flag goes before the environment, that before `dibs.config.json`, that before the default. */
export function readConfig(sources: ConfigSources = {}): ConfigOutcome {
  const cwd = resolve(sources.cwd ?? '.');
  const faults: string[] = [];
  const flags: Layer = new Map();
  for (const { key } of configKeys) {
    const value = sources.flags?.[key];
    if (value === undefined) continue;
    if (hasPassword(value)) {
      const instead = secretKeys.has(key) ? `give it as ${key} or ${key}_FILE` : 'leave it out: none is used here';
      faults.push(`${key} (${flagOf(key)}): holds a password, and flags can be read by others; ${instead}.`);
    } else flags.set(key, { value, origin: flagOf(key), inFile: false });
  }
  return build([flags, ...outerLayers(sources.env ?? process.env, cwd, faults)], cwd, faults);
}

/** The configuration of a program that uses the library; neither environment nor file is read unless it asks for them. */
export function configFromOptions(options: DibsOptions): ConfigOutcome {
  const cwd = resolve('.');
  const faults: string[] = [];
  const layer: Layer = new Map();
  const known = [...libraryOptions, 'roles', 'readEnvironment'];
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || name === 'roles' || name === 'readEnvironment') continue;
    const entry = configKeys.find(({ option }) => option === name && libraryOptions.includes(option));
    if (entry === undefined) faults.push(`${show(name)} (openDibs): there is no such option${hint(name, known)}`);
    else if (typeof value !== 'string') faults.push(`${name} (openDibs): must be text.`);
    else layer.set(entry.key, { value, origin: `openDibs, ${name}`, inFile: false });
  }
  const asked: readonly unknown[] = options.roles ?? roles;
  if (asked.length === 0 || asked.some((role) => !(roles as readonly unknown[]).includes(role))) {
    faults.push(`roles (openDibs): must name at least one of ${roles.join(', ')}, and nothing else.`);
  }
  const outer = options.readEnvironment === true ? outerLayers(process.env, cwd, faults) : [];
  return build([layer, ...outer], cwd, faults);
}

/** The environment without keys of Dibs, for a process that is told by flags alone what to do. */
export const environmentWithoutKeys = (): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('DIBS_')));

function outerLayers(env: NodeJS.ProcessEnv, cwd: string, faults: string[]): Layer[] {
  const others: readonly string[] = labVariables;
  const own = Object.entries(env).filter(([name]) => name.startsWith('DIBS_') && !others.includes(name));
  const environment = layerOf(own, environmentNames, 'environment', faults);
  const path = join(cwd, configFileName);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') faults.push(`${path}: cannot be read (${codeOf(error)}).`);
    return [environment];
  }
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text, which may hold a secret.
    faults.push(`${path}: is not JSON; write one object, for example {"port": 8080}.`);
    return [environment];
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    faults.push(`${path}: must be one JSON object, for example {"port": 8080}.`);
    return [environment];
  }
  const entries = Object.entries(content).filter(([name]) => name !== '$schema');
  return [environment, layerOf(entries, new Map([...fileNames, ...environmentNames]), configFileName, faults)];
}

function layerOf(
  entries: readonly (readonly [string, unknown])[],
  names: ReadonlyMap<string, Name>,
  origin: string,
  faults: string[],
): Layer {
  const layer: Layer = new Map();
  for (const [name, value] of entries) {
    const known = names.get(name);
    if (known === undefined) {
      const alike = [...names.keys()].filter((other) => other.startsWith('DIBS_') === name.startsWith('DIBS_'));
      faults.push(`${show(name)} (${origin}): there is no such key${hint(name, alike)}`);
    } else if (layer.has(known.key)) {
      faults.push(`${known.key} (${origin}): is given twice, the second time as ${name}; keep one of them.`);
    } else if (typeof value !== 'string' && typeof value !== 'number') {
      faults.push(`${name} (${origin}): must be text or a number.`);
    } else {
      layer.set(known.key, { value: String(value), origin, inFile: known.inFile });
    }
  }
  return layer;
}

function build(layers: readonly Layer[], cwd: string, faults: string[]): ConfigOutcome {
  /** The strongest value of a key as `parse` understands it; `fallback` where it is not given, or is at fault. */
  function take<T>(key: ConfigKey, fallback: T, parse: (value: string) => T | Fault): T {
    const given = layers.find((layer) => layer.has(key))?.get(key);
    if (given === undefined) return fallback;
    const read = given.inFile ? readSecretFile(given.value, cwd) : given.value;
    const parsed = typeof read === 'string' ? (read === '' ? new Fault(emptyFault) : parse(read)) : read;
    if (!(parsed instanceof Fault)) return parsed;
    faults.push(`${key}${given.inFile ? '_FILE' : ''} (${given.origin}): ${parsed.message}`);
    return fallback;
  }
  const path = (text: string): string | Fault =>
    text.includes('\0') ? new Fault('is not a path.') : resolve(cwd, text);
  const dataDir = take('DIBS_DATA', join(cwd, 'data'), path);
  const secret = (text: string) => text;
  const host = take('DIBS_HOST', '127.0.0.1', parseHost);
  const port = take('DIBS_PORT', 8080, parsePort);
  const gate = take<GateConfig>('DIBS_GATE', { driver: 'sqlite', path: join(dataDir, 'gate.db') }, (text) =>
    parseGate(text, dataDir, cwd),
  );
  const log = take<LogConfig>('DIBS_LOG', { driver: 'embedded' }, parseLog);
  const ledgerDefault: LedgerConfig = { driver: 'sqlite', path: join(dataDir, 'ledger.db') };
  const ledger = take<LedgerConfig>('DIBS_LEDGER', ledgerDefault, (text) => parseLedger(text, dataDir, cwd));
  if (gate.driver === 'sqlite' && ledger.driver === 'sqlite' && gate.path === ledger.path) {
    faults.push('DIBS_GATE, DIBS_LEDGER: are the same file; give each a file of its own.');
  }
  const config: Config = {
    dataDir,
    gate: Object.freeze(gate),
    log: Object.freeze(log),
    ledger: Object.freeze(ledger),
    ledgerGiven: layers.some((layer) => layer.has('DIBS_LEDGER')),
    issueRate: Object.freeze(take('DIBS_ISSUE_RATE', null, parseIssueRate)),
    host,
    port,
    portGiven: layers.some((layer) => layer.has('DIBS_PORT')),
    adminKey: take<string | null>('DIBS_ADMIN_KEY', null, secret),
    serviceKey: take<string | null>('DIBS_SERVICE_KEY', null, secret),
    tokenSecret: take<string | null>('DIBS_TOKEN_SECRET', null, secret),
    codeSecret: take<string | null>('DIBS_CODE_SECRET', null, secret),
    kafkaUser: take<string | null>('DIBS_KAFKA_USER', null, secret),
    kafkaPassword: take<string | null>('DIBS_KAFKA_PASSWORD', null, secret),
    url: take('DIBS_URL', localUrl(host, port), parseUrl),
    urlGiven: layers.some((layer) => layer.has('DIBS_URL')),
  };
  if ((config.kafkaUser === null) !== (config.kafkaPassword === null))
    faults.push('DIBS_KAFKA_USER, DIBS_KAFKA_PASSWORD: belong together; give both, or neither.');
  return faults.length === 0 ? { config: Object.freeze(config), faults: [] } : { config: null, faults };
}
