import type { Alarm } from '../../core/alarm.ts';
import { DibsError } from '../../core/errors.ts';
import { backoffMs } from '../../lib/backoff.ts';
import type { RedisAddress } from './address.ts';
import {
  clusterLink,
  errorsOf,
  type Library,
  type Link,
  type LinkHooks,
  type RedisNode,
  type Reply,
  singleLink,
} from './link.ts';
import type { Script } from './scripts.ts';
import { Classifier, wordsOf } from './trouble.ts';

/** How long a connection waits, and whom it tells. */
export interface ConnectionOptions {
  /** A call that is not answered in this time is `unknown_outcome`. */
  readonly callTimeoutMs: number;
  readonly random: () => number;
  readonly alarm: Alarm;
  /** A master is connected, for the first time or again: it may be another, or otherwise set. */
  readonly connected: (node: string) => void;
}

const pingIntervalMs = 1_000;
// Whoever closes has nothing more to ask: a Redis that hangs must not keep a process that is told to end.
const closeMsMax = 1_000;
const retryBounds = { baseMs: 50, maxMs: 2_000 };

/**
 * The connection of one gate, made again whenever it breaks. Every call is answered within a bound, by what Redis said or by
 * trouble that tells whether anything was done.
 */
export class RedisConnection {
  readonly #address: RedisAddress;
  readonly #options: ConnectionOptions;
  readonly #link: Link;
  readonly #classifier: Classifier;
  /** Masters that have left a call unanswered, and until when they are not asked again. */
  readonly #stalled = new Map<string, number>();
  /** Masters that are not connected, and the refusal that was told of each. */
  readonly #down = new Map<string, string | null>();
  #state: 'opening' | 'open' | 'closed' = 'opening';
  #openUntil = 0;
  /** What connecting has met last, by master. */
  readonly #failures = new Map<string, unknown>();
  #lastFailure: unknown = null;

  private constructor(library: Library, address: RedisAddress, options: ConnectionOptions) {
    this.#address = address;
    this.#options = options;
    this.#classifier = new Classifier(errorsOf(library), address.shown);
    const { callTimeoutMs } = options;
    const times = { connectTimeoutMs: callTimeoutMs, socketTimeoutMs: callTimeoutMs + pingIntervalMs, pingIntervalMs };
    const hooks: LinkHooks = {
      ready: (node) => this.#onReady(node),
      failed: (node, error) => this.#onFailed(node, error),
      retryIn: (retries, cause) => this.#retryIn(retries, cause),
    };
    this.#link = (address.cluster ? clusterLink : singleLink)(library, address, times, hooks);
  }

  /** Connects. Throws `invalid_configuration` where the client library is missing or the server does not let it in, `unavailable`. */
  static async open(address: RedisAddress, options: ConnectionOptions): Promise<RedisConnection> {
    const connection = new RedisConnection(await importLibrary(), address, options);
    await connection.#connect();
    return connection;
  }

  get shown(): string {
    return this.#address.shown;
  }

  get classifier(): Classifier {
    return this.#classifier;
  }

  /** The masters as they are known now. */
  masters(): RedisNode[] {
    return this.#link.masters();
  }

  /** The master that has a key. Throws `unavailable` where none is known. */
  nodeOf(key: string): RedisNode {
    const node = this.#link.nodeOf(key);
    if (node === null) throw new DibsError('unavailable', `${this.#address.shown} has no master for ${key}.`);
    return node;
  }

  /** Sends a command about one key. Throws `unavailable`, `unknown_outcome`. */
  async send(key: string, ...args: readonly string[]): Promise<Reply> {
    return this.#call(this.nodeOf(key), () => this.#link.send(key, args));
  }

  /** Sends a command to one master. Throws `unavailable`, `unknown_outcome`. */
  async sendTo(node: RedisNode, ...args: readonly string[]): Promise<Reply> {
    return this.#call(node, () => node.send(args));
  }

  /** Runs a script upon keys of one tag. Throws `unavailable`, `unknown_outcome`. */
  async run(script: Script, keys: readonly string[], args: readonly string[]): Promise<Reply> {
    const [key = ''] = keys;
    const rest = [String(keys.length), ...keys, ...args];
    return this.#call(this.nodeOf(key), async () => {
      try {
        return await this.#link.send(key, ['EVALSHA', script.sha, ...rest]);
      } catch (error) {
        if (!this.#classifier.isScriptUnknown(error)) throw error;
        return await this.#link.send(key, ['EVAL', script.text, ...rest]);
      }
    });
  }

  /** Takes no more calls, waits a moment for those that are under way, and is gone. */
  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    const timer = setTimeout(() => this.#link.destroy(), closeMsMax);
    await this.#link.close().catch(() => this.#link.destroy());
    clearTimeout(timer);
  }

  async #connect(): Promise<void> {
    this.#openUntil = performance.now() + this.#options.callTimeoutMs;
    try {
      await this.#link.connect();
      this.#state = 'open';
    } catch (error) {
      this.#state = 'closed';
      this.#link.destroy();
      throw this.#openingTrouble(this.#lastFailure ?? error);
    }
  }

  #openingTrouble(error: unknown): DibsError {
    const { shown } = this.#address;
    const words = wordsOf(error);
    if (this.#classifier.isNotLetIn(error))
      return new DibsError('invalid_configuration', `${shown} refuses the user or the password: ${words}`);
    if (/cluster support disabled/.test(words))
      return new DibsError('invalid_configuration', `${shown} is no cluster; name it by redis://host:port.`);
    return new DibsError('unavailable', `${shown} cannot be reached: ${words}`, { cause: error });
  }

  #call(node: RedisNode, act: () => Promise<Reply>): Promise<Reply> {
    this.#assertAnswering(node);
    return new Promise((resolve, reject) => {
      const { callTimeoutMs } = this.#options;
      const timer = setTimeout(() => {
        this.#stalled.set(node.name, performance.now() + callTimeoutMs + 2 * pingIntervalMs);
        reject(new DibsError('unknown_outcome', `Redis at ${node.name} has not answered in ${callTimeoutMs} ms.`));
      }, callTimeoutMs);
      act().then(
        (reply) => {
          clearTimeout(timer);
          this.#stalled.delete(node.name);
          resolve(reply);
        },
        (error: unknown) => {
          clearTimeout(timer);
          reject(this.#classifier.troubleOf(error));
        },
      );
    });
  }

  #assertAnswering(node: RedisNode): void {
    if (this.#state === 'closed') throw new DibsError('unavailable', 'The gate is closed.');
    if (!node.isReady) throw this.#notConnected(node.name);
    // Every byte that is written puts off the end of a connection that is dead, so that nothing is until that has come.
    if ((this.#stalled.get(node.name) ?? 0) > performance.now())
      throw new DibsError('unavailable', `Redis at ${node.name} does not answer.`);
  }

  #notConnected(name: string): DibsError {
    const cause = this.#failures.get(name);
    const why = cause === undefined ? '' : `: ${wordsOf(cause)}`;
    return new DibsError('unavailable', `Redis at ${name} is not connected${why}.`, { cause });
  }

  #onReady(node: string): void {
    this.#stalled.delete(node);
    this.#failures.delete(node);
    if (this.#down.delete(node)) this.#options.alarm(`Redis at ${node} is connected again`, null, true);
    // Under this name goes what concerns a cluster as a whole.
    this.#down.delete(this.#address.shown);
    this.#options.connected(node);
  }

  #onFailed(node: string, error: unknown): void {
    this.#lastFailure = error;
    this.#failures.set(node, error);
    if (this.#state !== 'open') return;
    const cause = new DibsError('unavailable', `${wordsOf(error)}.`, { cause: error });
    const refusal = this.#classifier.replyOf(error);
    const told = this.#down.get(node);
    if (told === undefined) this.#options.alarm(`Redis at ${node} is lost; connecting again`, cause);
    // An outage is told once; that it has become a refusal, which a person has to end, is told as well.
    else if (refusal !== null && refusal !== told)
      this.#options.alarm(`Redis at ${node} refuses the connection; connecting again`, cause);
    if (told === undefined || refusal !== null) this.#down.set(node, refusal);
  }

  #retryIn(retries: number, cause: Error): number | Error {
    if (this.#state === 'open') return backoffMs(Math.max(1, retries), retryBounds, this.#options.random);
    if (this.#classifier.isNotLetIn(cause) || performance.now() > this.#openUntil) return cause;
    return retryBounds.baseMs * 2;
  }
}

async function importLibrary(): Promise<Library> {
  try {
    return await import('redis');
  } catch (error) {
    throw new DibsError(
      'invalid_configuration',
      'A gate in Redis needs the package `redis`, which is not installed: run `npm install redis`.',
      { cause: error },
    );
  }
}
