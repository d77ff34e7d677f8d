import { DibsError } from '../../core/errors.ts';
import type { RedisConnection } from './connection.ts';
import type { Reply } from './link.ts';

// Redis serves nobody else while it takes one command: 500 ids are about 0.3 ms.
const idsPerCommand = 500;
// So many ids are put in again at each tending, and the others at the next ones.
const tendedMax = 5_000;

/**
 * The ids of all events, in a key of its own: scripts cannot reach it, since a cluster keeps it elsewhere than the events. It
 * is how workers find what there is to do, and may be lost while the events are not: so every process puts in again what it
 * knows of. An id without an event is harmless.
 */
export class EventIndex {
  readonly #connection: RedisConnection;
  readonly #key: string;
  readonly #known = new Set<string>();

  constructor(connection: RedisConnection, key: string) {
    this.#connection = connection;
    this.#key = key;
  }

  /** Puts an event in. Throws `unavailable`, `unknown_outcome`. */
  async add(eventId: string): Promise<void> {
    await this.#put([eventId]);
    this.note(eventId);
  }

  /** There is such an event, wherever that was seen. */
  note(eventId: string): void {
    this.#known.add(eventId);
  }

  /** At most `limit` ids in byte order behind `after`. Throws `unavailable`, `unknown_outcome`. */
  async page(after: string | null, limit: number): Promise<string[]> {
    const from = after === null ? '-' : `(${after}`;
    const args = ['ZRANGEBYLEX', this.#key, from, '+', 'LIMIT', '0', String(limit)];
    const ids = ((await this.#connection.send(this.#key, ...args)) as readonly Reply[]).map(String);
    for (const id of ids) this.#known.add(id);
    return ids;
  }

  /** As `page`; of what this process knows of where the index cannot be reached. */
  async pageAtHand(after: string | null, limit: number): Promise<string[]> {
    try {
      return await this.page(after, limit);
    } catch (error) {
      if (!(error instanceof DibsError) || this.#known.size === 0) throw error;
      const behind = [...this.#known].filter((id) => after === null || id > after);
      return behind.sort((a, b) => (a < b ? -1 : 1)).slice(0, limit);
    }
  }

  /** Puts in again what this process knows of, some at a time. Redis writes nothing where it is there. */
  async tend(): Promise<void> {
    const ids = [...this.#known].slice(0, tendedMax);
    await this.#put(ids);
    if (ids.length === this.#known.size) return;
    // Those that are done go to the end.
    for (const id of ids) this.#known.delete(id);
    for (const id of ids) this.#known.add(id);
  }

  async #put(ids: readonly string[]): Promise<void> {
    for (let at = 0; at < ids.length; at += idsPerCommand) {
      const members = ids.slice(at, at + idsPerCommand).flatMap((id) => ['0', id]);
      await this.#connection.send(this.#key, 'ZADD', this.#key, ...members);
    }
  }
}
