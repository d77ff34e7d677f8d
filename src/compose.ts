import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import process from 'node:process';
import { type Config, type ConfigOutcome, configFromOptions, type DibsOptions, type Role, roles } from './config.ts';
import type { Clock } from './core/clock.ts';
import { DibsError } from './core/errors.ts';
import type { Dibs, Observer } from './engine/dibs.ts';
import { openEngine } from './engine/engine.ts';
import { openSqliteGate } from './gates/sqlite/gate.ts';
import type { HttpLog } from './http/context.ts';
import { openSqliteLedger } from './ledgers/sqlite/ledger.ts';
import { type GivenKeys, type Keys, keysFileOf, loadOrMakeKeys, readKeys } from './lib/keys.ts';
import { Attendance } from './lib/attendance.ts';
import { systemClock } from './lib/system-clock.ts';
import { openEmbeddedLog } from './logs/embedded/log.ts';

/** What a program may hear of the engine while it runs. */
export interface DibsHooks {
  /** What is measured: batches of claims and of coupons. */
  readonly observer?: Observer | undefined;
  /** Something an operator should know of, with its cause or null; a process warning where absent. */
  readonly onAlarm?: ((message: string, cause: unknown) => void) | undefined;
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
  const { keys } = await keysOf(config);
  return openFromConfig(config, keys, configured.roles ?? roles, { observer, onAlarm, clock });
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

/** The keys that are given or kept, and on the first start new ones. */
async function keysOf(config: Config): ReturnType<typeof loadOrMakeKeys> {
  if (!isFresh(config) && config.codeSecret === null && (await readKeys(config.dataDir))?.codeSecret == null) {
    throw new DibsError(
      'store_unfit',
      `${keysFileOf(config.dataDir)} is gone, but the stores it belongs to are there. Put it back, or give DIBS_CODE_SECRET: with a new secret the same win would have another coupon code.`,
    );
  }
  return loadOrMakeKeys(config.dataDir, givenKeys(config));
}

const warn = (message: string, cause: unknown): void => {
  const detail = cause instanceof Error ? cause.message : '';
  process.emitWarning(message, { type: 'DibsWarning', detail });
};

/** Whether nothing has been kept under this configuration yet. */
export const isFresh = (config: Config): boolean => !existsSync(config.gate.path) && !existsSync(config.ledger.path);

/** Opens the stores that a configuration names, and the engine over them. */
export async function openFromConfig(
  config: Config,
  keys: Pick<Keys, 'codeSecret'>,
  asked: readonly Role[],
  hooks: DibsHooks,
): Promise<Dibs> {
  const clock = hooks.clock ?? systemClock;
  for (const { path } of [config.gate, config.ledger]) await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const opened: { close(): Promise<void> }[] = [];
  try {
    const gate = await openSqliteGate({ path: config.gate.path, clock });
    opened.unshift(gate);
    const ledger = await openSqliteLedger({ path: config.ledger.path, clock });
    opened.unshift(ledger);
    await ledger.migrate();
    const attendance = new Attendance({ gate, clock, worker: randomUUID() });
    const log = openEmbeddedLog(gate, attendance);
    return await openEngine(
      { gate, log, ledger, attendance, clock, random: Math.random },
      {
        codeSecret: keys.codeSecret,
        issueRatePerSecond: config.issueRate?.perSecond ?? null,
        roles: asked,
        isShared: false,
        observer: hooks.observer ?? {},
        alarm: hooks.onAlarm ?? warn,
      },
    );
  } catch (error) {
    for (const store of opened) await store.close();
    throw error;
  }
}

/** Brings the ledger's schema to this version; gives the names of the migrations that were run. */
export async function migrateLedger(config: Config): Promise<string[]> {
  await mkdir(dirname(config.ledger.path), { recursive: true, mode: 0o700 });
  const ledger = await openSqliteLedger({ path: config.ledger.path, clock: systemClock });
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
export async function serve(config: Config, hooks: ServeHooks = {}): Promise<Served> {
  const fresh = isFresh(config);
  const { keys, made } = await keysOf(config);
  // Loaded here, so that a program that uses the engine alone does not load an HTTP server.
  const [{ createHttpServer }, { createMetrics }] = await Promise.all([
    import('./http/server.ts'),
    import('./http/metrics.ts'),
  ]);
  const metrics = createMetrics();
  const dibs = await openFromConfig(config, keys, roles, { ...hooks, observer: metrics.observer });
  try {
    const server = await createHttpServer({
      dibs,
      credentials: keys,
      metrics,
      logger: hooks.logger ?? false,
      clock: hooks.clock ?? systemClock,
    });
    const address = await server.listen({ host: config.host, port: config.port });
    const close = async (): Promise<void> => {
      await server.close();
      await dibs.close();
    };
    return { url: address, keys, madeKeys: made, fresh, dibs, close };
  } catch (error) {
    await dibs.close();
    if (
      error instanceof Error &&
      'code' in error &&
      (error.code === 'EADDRINUSE' || error.code === 'EACCES' || error.code === 'EADDRNOTAVAIL')
    ) {
      throw new DibsError(
        'invalid_configuration',
        `${config.host}:${config.port} cannot be listened on (${error.code}); choose another with --port.`,
        { cause: error },
      );
    }
    throw error;
  }
}
