import { existsSync } from 'node:fs';
import process from 'node:process';
import { demandShared, isShared, openLedger, openStores, type StoreHooks } from './compose/stores.ts';
import { type Config, type ConfigOutcome, configFromOptions, type DibsOptions, type Role, roles } from './config.ts';
import type { Alarm } from './core/alarm.ts';
import type { Clock } from './core/clock.ts';
import { DibsError } from './core/errors.ts';
import type { Dibs, Observer } from './engine/dibs.ts';
import { openEngine } from './engine/engine.ts';
import type { HttpLog } from './http/context.ts';
import { checkGiven, type GivenKeys, type Keys, keysFileOf, loadOrMakeKeys, readKeys } from './lib/keys.ts';
import { systemClock } from './lib/system-clock.ts';

/** What a program may hear of the engine while it runs. */
export interface DibsHooks {
  /** What is measured: batches of claims and of coupons. */
  readonly observer?: Observer | undefined;
  /** What an operator should know of; a process warning where absent, but for what is over. */
  readonly onAlarm?: Alarm | undefined;
  /** The clock that opens and closes events; the machine's own where absent. */
  readonly clock?: Clock | undefined;
}

/**
 * Opens an engine: with nothing given, an embedded one in `./data`. Events go on where they stood. Throws `DibsError`:
 * `invalid_configuration` with every fault at once, `store_locked` where another process holds the data folder,
 * `store_unfit` where a store cannot keep the promise.
 */
export async function openDibs(options: DibsOptions & DibsHooks = {}): Promise<Dibs> {
  const { observer, onAlarm, clock, ...configured } = options;
  const config = usable(configFromOptions(configured));
  const { codeSecret } = isShared(config)
    ? checkGiven(givenKeys(config), ['codeSecret'])
    : (await ownKeysOf(config)).keys;
  return openFromConfig(config, { codeSecret }, configured.roles ?? roles, { observer, onAlarm, clock });
}

/** The configuration, or `invalid_configuration` with all that is wrong with it. */
export function usable(outcome: ConfigOutcome): Config {
  if (outcome.config !== null) return outcome.config;
  throw new DibsError('invalid_configuration', outcome.faults.join('\n'), { details: { faults: outcome.faults } });
}

const givenKeys = ({ adminKey, serviceKey, tokenSecret, codeSecret }: Config): GivenKeys => ({
  adminKey,
  serviceKey,
  tokenSecret,
  codeSecret,
});

/** The keys of a server: of many that share their stores all have the same, so that they must be given. */
async function keysOf(config: Config): ReturnType<typeof loadOrMakeKeys> {
  return isShared(config) ? { keys: checkGiven(givenKeys(config), keyNames), made: [] } : ownKeysOf(config);
}

const keyNames = ['adminKey', 'serviceKey', 'tokenSecret', 'codeSecret'] as const;

/** The keys that are given or kept, and on the first start new ones. */
async function ownKeysOf(config: Config): ReturnType<typeof loadOrMakeKeys> {
  if (!isFresh(config) && config.codeSecret === null && (await readKeys(config.dataDir))?.codeSecret == null) {
    throw new DibsError(
      'store_unfit',
      `${keysFileOf(config.dataDir)} is gone, but the stores it belongs to are there. Put it back, or give DIBS_CODE_SECRET: with a new secret the same win would have another coupon code.`,
    );
  }
  return loadOrMakeKeys(config.dataDir, givenKeys(config));
}

const warn: Alarm = (message, cause, isOver) => {
  if (isOver === true) return;
  const detail = cause instanceof Error ? cause.message : '';
  process.emitWarning(message, { type: 'DibsWarning', detail });
};

/** Whether nothing has been kept under this configuration yet; nobody can tell of stores that others share. */
export const isFresh = ({ gate, ledger }: Config): boolean =>
  gate.driver === 'sqlite' && !existsSync(gate.path) && (ledger.driver !== 'sqlite' || !existsSync(ledger.path));

const storeHooks = ({ clock, onAlarm }: DibsHooks): StoreHooks => ({
  clock: clock ?? systemClock,
  random: Math.random,
  alarm: onAlarm ?? warn,
});

/** Opens the stores that a configuration names, and the engine over them. */
export async function openFromConfig(
  config: Config,
  keys: Pick<Keys, 'codeSecret'>,
  asked: readonly Role[],
  hooks: DibsHooks,
): Promise<Dibs> {
  const common = storeHooks(hooks);
  const stores = await openStores(config, common);
  try {
    return await openEngine(
      { ...stores, ...common },
      {
        codeSecret: keys.codeSecret,
        issueRatePerSecond: config.issueRate?.perSecond ?? null,
        roles: asked,
        isShared: isShared(config),
        observer: hooks.observer ?? {},
        alarm: common.alarm,
      },
    );
  } catch (error) {
    for (const store of [stores.log, stores.ledger, stores.gate]) await store.close().catch(() => undefined);
    throw error;
  }
}

/** Brings the ledger's schema to this version; gives the names of the migrations that were run. */
export async function migrateLedger(config: Config): Promise<string[]> {
  const ledger = await openLedger(config, storeHooks({}));
  try {
    return await ledger.migrate();
  } finally {
    await ledger.close();
  }
}

/** A server that runs. */
export interface Served {
  /** Where it listens, without a slash at the end. */
  readonly url: string;
  readonly keys: Keys;
  /** Which keys were made just now, as nobody can know them yet. */
  readonly madeKeys: readonly (keyof Keys)[];
  /** True where nothing was kept under this configuration before. */
  readonly fresh: boolean;
  readonly dibs: Dibs;
  /** Answers what it has taken, then stops. */
  close(): Promise<void>;
}

/** What the server's log needs of a logger; pino's fits. */
export type ServeHooks = DibsHooks & { readonly logger?: HttpLog | undefined };

/** Serves the HTTP API over an engine of its own. Throws what `openDibs` throws, and `invalid_configuration` where the address is taken. */
export async function serve(config: Config, hooks: ServeHooks = {}, asked: readonly Role[] = roles): Promise<Served> {
  const fresh = isFresh(config);
  const { keys, made } = await keysOf(config);
  const listening = await listen(config, keys, asked, hooks, keys);
  return { ...listening, keys, madeKeys: made, fresh };
}

/** Serves the HTTP API and decides claims; issuing is for workers. */
export async function serveApi(config: Config, hooks: ServeHooks = {}): Promise<Served> {
  demandShared(config, 'api');
  return serve(config, hooks, ['claims']);
}

/** A worker that runs. */
export interface Working {
  /** Where its health and metrics are to be had; null where it does not listen. */
  readonly url: string | null;
  readonly dibs: Dibs;
  close(): Promise<void>;
}

/** Relays, issues, and recovers what is safe. Listens for its health and metrics alone, and only where `listens`. */
export async function work(config: Config, listens: boolean, hooks: ServeHooks = {}): Promise<Working> {
  demandShared(config, 'worker');
  const keys = checkGiven(givenKeys(config), ['codeSecret']);
  if (listens) return listen(config, keys, ['issuing'], hooks, null);
  const dibs = await openFromConfig(config, keys, ['issuing'], hooks);
  return { url: null, dibs, close: () => dibs.close() };
}

/** `credentials` null: nobody has any, and only health and metrics are served. */
async function listen(
  config: Config,
  keys: Pick<Keys, 'codeSecret'>,
  asked: readonly Role[],
  hooks: ServeHooks,
  credentials: Keys | null,
): Promise<{ url: string; dibs: Dibs; close(): Promise<void> }> {
  // Loaded here, so that a program that uses the engine alone does not load an HTTP server.
  const [{ createHttpServer }, { createMetrics }] = await Promise.all([
    import('./http/server.ts'),
    import('./http/metrics.ts'),
  ]);
  const metrics = createMetrics();
  const dibs = await openFromConfig(config, keys, asked, { ...hooks, observer: metrics.observer });
  try {
    const server = await createHttpServer({
      dibs,
      credentials,
      metrics,
      logger: hooks.logger ?? false,
      clock: hooks.clock ?? systemClock,
    });
    const url = await server.listen({ host: config.host, port: config.port });
    const close = async (): Promise<void> => {
      await server.close();
      await dibs.close();
    };
    return { url, dibs, close };
  } catch (error) {
    await dibs.close();
    throw listenTrouble(config, error);
  }
}

function listenTrouble({ host, port }: Config, error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (!['EADDRINUSE', 'EACCES', 'EADDRNOTAVAIL'].includes(code)) return error;
  const message = `${host}:${port} cannot be listened on (${code}); choose another with --port.`;
  return new DibsError('invalid_configuration', message, { cause: error });
}
