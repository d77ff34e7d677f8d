import { isIP } from 'node:net';
import type * as kafka from '@platformatic/kafka';
import type { Base, BaseOptions, ConnectionPool } from '@platformatic/kafka';
import { DibsError } from '../../core/errors.ts';
import { within } from '../../lib/within.ts';
import type { Settings } from './options.ts';
import { unavailable } from './trouble.ts';

/** The client library. */
export type Library = typeof kafka;

/** Loads the client library only where a Kafka log is opened: that takes half a second, and most have no use for it. */
export async function loadLibrary(): Promise<Library> {
  try {
    return await import('@platformatic/kafka');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND') {
      throw new DibsError(
        'invalid_configuration',
        'The package @platformatic/kafka, which a Kafka log needs, is not installed: npm install @platformatic/kafka',
      );
    }
    throw error;
  }
}

const connectTimeoutMs = 3_000;

/**
 * How to get at the servers, the same for all clients. Whoever makes a client anew counts up `turn`: the library asks the
 * first one that lets it connect, again and again, and one that hangs does let it.
 */
export function clientOptions(settings: Settings, turn = 0): BaseOptions {
  const { brokers, tls = false, sasl, answerTimeoutMs } = settings;
  const first = turn % brokers.length;
  return {
    clientId: 'dibs',
    bootstrapBrokers: [...brokers.slice(first), ...brokers.slice(0, first)],
    // Or a misspelt option would be passed over.
    strict: true,
    autocreateTopics: false,
    connectTimeout: connectTimeoutMs,
    requestTimeout: answerTimeoutMs,
    timeout: answerTimeoutMs,
    retries: 1,
    retryDelay: 100,
    ...(tls === false
      ? {}
      : {
          tls: tls === true ? {} : tls,
          // An address is no server name (RFC 6066).
          tlsServerName: !brokers.some((one) => isIP(one.replace(/:\d+$/, '').replaceAll(/[[\]]/g, '')) !== 0),
        }),
    ...(sasl === undefined
      ? {}
      : {
          sasl: { mechanism: sasl.mechanism ?? 'SCRAM-SHA-512', username: sasl.user, password: sasl.password },
        }),
  };
}

const nothing = (): void => undefined;

/**
 * Keeps the errors of a pool's connections from ending the process: the pool listens for the first of each alone, and where
 * a server hangs up on a failed login there is a second. Whoever waits for an answer is told in any case.
 */
export function calmPool(pool: ConnectionPool): void {
  pool.on('connecting', ({ connection }) => connection.on('error', nothing));
}

/** The same for a client: its own errors, and those of its connections. */
export function calm<Client extends Base>(client: Client): Client {
  client.on('error', nothing);
  calmPool(client.connections);
  return client;
}

/** Ends a pool's connections at once: what waits for an answer on them fails. */
export function cut(pool: ConnectionPool): void {
  for (const [, connection] of pool) (connection as typeof connection | undefined)?.socket?.destroy();
}

/** Closes a client, at the latest after `ms`; a server that hangs would hold it up for as long as it may take to answer. */
export async function closeClient(client: Base, settings: Settings, ms: number): Promise<void> {
  const late = () => unavailable('Kafka does not answer');
  await within(settings.clock, ms, client.close(), late).catch(nothing);
  cut(client.connections);
}
