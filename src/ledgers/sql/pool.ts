import { DibsError } from '../../core/errors.ts';
import type { SqlSession } from './session.ts';
import { within } from './within.ts';

/** A connection that was taken from a pool; `isFresh` where it was made for this, so that it cannot have broken while it lay idle. */
export interface Taken<Session> {
  readonly session: Session;
  readonly isFresh: boolean;
}

/** How a pool makes connections, and how many. */
export interface PoolOptions<Session> {
  readonly sizeMax: number;
  open(timeoutMs: number): Promise<Session>;
}

interface Idle<Session> {
  readonly session: Session;
  readonly timer: NodeJS.Timeout;
}

interface Waiter<Session> {
  readonly until: number;
  resolve(taken: Promise<Taken<Session>>): void;
}

// Below the minute after which the server ends a silent connection.
const idleMsMax = 30_000;
const endMsMax = 1_000;
// Whoever closes does not wait for a server that hangs: what it cuts off is rolled back there.
const closeMsMax = 1_000;

/** Connections to one database, made when they are needed, at most `sizeMax` at a time. One that is broken is made anew. */
export class Pool<Session extends SqlSession> {
  readonly #options: PoolOptions<Session>;
  readonly #idle: Idle<Session>[] = [];
  readonly #used = new Set<Session>();
  readonly #waiting: Waiter<Session>[] = [];
  /** Those that lie idle, are in use or are being made. */
  #size = 0;
  #closed: { readonly done: Promise<void>; settle(): void } | null = null;
  #isCut = false;

  constructor(options: PoolOptions<Session>) {
    this.#options = options;
  }

  /** A connection for the caller alone, who gives it back. Throws `unavailable` where none is free within the time. */
  async take(timeoutMs: number): Promise<Taken<Session>> {
    if (this.#closed !== null) throw closedTrouble();
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      clearTimeout(idle.timer);
      if (idle.session.isOpen) {
        this.#used.add(idle.session);
        return { session: idle.session, isFresh: false };
      }
      this.#size -= 1;
    }
    if (this.#size < this.#options.sizeMax) {
      this.#size += 1;
      return await this.#make(timeoutMs);
    }
    return await this.#wait(timeoutMs);
  }

  /** Takes a connection back; to whoever waits longest it goes at once. */
  give(session: Session): void {
    this.#used.delete(session);
    if (!session.isOpen || this.#closed !== null) {
      void leave(session).finally(() => this.#free());
      return;
    }
    const waiter = this.#waiting.shift();
    if (waiter !== undefined) {
      this.#used.add(session);
      return waiter.resolve(Promise.resolve({ session, isFresh: false }));
    }
    const timer = setTimeout(() => this.#expire(session), idleMsMax);
    // A process that has nothing else to do may end.
    timer.unref();
    this.#idle.push({ session, timer });
  }

  /** Ends those that lie idle, and resolves once those in use have been given back and ended; after a while it cuts them off. */
  async close(): Promise<void> {
    if (this.#closed !== null) return await this.#closed.done;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#closed = { done: promise, settle: resolve };
    for (const waiter of this.#waiting.splice(0)) waiter.resolve(Promise.reject(closedTrouble()));
    for (const { session, timer } of this.#idle.splice(0)) {
      clearTimeout(timer);
      void leave(session).finally(() => this.#free());
    }
    if (this.#size === 0) resolve();
    const timer = setTimeout(() => {
      this.#isCut = true;
      for (const session of this.#used) session.destroy();
      resolve();
    }, closeMsMax);
    await promise;
    clearTimeout(timer);
  }

  async #make(timeoutMs: number): Promise<Taken<Session>> {
    try {
      const session = await this.#options.open(timeoutMs);
      if (this.#isCut) {
        session.destroy();
        throw closedTrouble();
      }
      this.#used.add(session);
      return { session, isFresh: true };
    } catch (error) {
      this.#free();
      throw error;
    }
  }

  /** There is room for one more: whoever waits longest makes it. */
  #free(): void {
    this.#size -= 1;
    if (this.#closed !== null && this.#size === 0) this.#closed.settle();
    const waiter = this.#waiting.shift();
    if (waiter === undefined) return;
    this.#size += 1;
    waiter.resolve(this.#make(Math.max(1, waiter.until - performance.now())));
  }

  async #wait(timeoutMs: number): Promise<Taken<Session>> {
    const { promise, resolve } = Promise.withResolvers<Taken<Session>>();
    const waiter: Waiter<Session> = { until: performance.now() + timeoutMs, resolve };
    this.#waiting.push(waiter);
    const timer = setTimeout(() => {
      const place = this.#waiting.indexOf(waiter);
      if (place < 0) return;
      this.#waiting.splice(place, 1);
      const text = `All ${this.#options.sizeMax} connections to the database are in use.`;
      resolve(Promise.reject(new DibsError('unavailable', text)));
    }, timeoutMs);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
    }
  }

  #expire(session: Session): void {
    const place = this.#idle.findIndex((idle) => idle.session === session);
    if (place < 0) return;
    this.#idle.splice(place, 1);
    void leave(session).finally(() => this.#free());
  }
}

const closedTrouble = (): DibsError => new DibsError('unavailable', 'The ledger is closed.');

async function leave(session: SqlSession): Promise<void> {
  if (!session.isOpen) return session.destroy();
  try {
    await within(endMsMax, session.end(), () => session.destroy());
  } catch {
    session.destroy();
  }
}
