/** The keys of one event. They share the tag `{<event id>}`, so that a cluster keeps them on one node. */
export interface EventKeys {
  readonly event: string;
  readonly users: string;
  readonly outbox: string;
}

/** Names of keys: all begin with one prefix, by which several engines can share a Redis. */
export class KeyNames {
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** The ids of all events in byte order (a sorted set). An id without an event is harmless. */
  get index(): string {
    return `${this.#prefix}:events`;
  }

  /** Who is at work, by the time until which (a sorted set). */
  get workers(): string {
    return `${this.#prefix}:workers`;
  }

  of(eventId: string): EventKeys {
    const stem = `${this.#prefix}:{${eventId}}`;
    return { event: `${stem}:event`, users: `${stem}:users`, outbox: `${stem}:outbox` };
  }

  /** Keys that no event has, of a tag for which the first suits; null where none of many does. */
  probeKeys(suits: (key: string) => boolean): string[] | null {
    for (let tag = 0; tag < 1000; tag += 1) {
      // No event id begins with a hyphen.
      const keys = [1, 2, 3, 4, 5].map((no) => `${this.#prefix}:{-${tag}}:probe-${no}`);
      if (suits(keys[0] ?? '')) return keys;
    }
    return null;
  }

  /** Where a restoration is laid ready, apart from every other one. */
  readyFor(eventId: string, nonce: string): { readonly users: string; readonly outbox: string } {
    const stem = `${this.#prefix}:{${eventId}}:ready-${nonce}`;
    return { users: `${stem}:users`, outbox: `${stem}:outbox` };
  }
}

/** The keys as scripts take them. */
export const listOf = ({ event, users, outbox }: EventKeys): string[] => [event, users, outbox];
