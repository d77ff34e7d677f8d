import { setTimeout as sleep } from 'node:timers/promises';
import { DibsError } from '../../core/errors.ts';
import { Pool, type Taken } from './pool.ts';
import type { SqlDriver, SqlSession } from './session.ts';
import { Late, within } from './within.ts';

/** How a ledger uses its database. */
export interface TransactionOptions {
  /** At most so many connections. */
  readonly connectionsMax: number;
  /** A call that takes longer than this fails; one that commits may take two seconds more. */
  readonly timeoutMs: number;
}

const commitMsMin = 2_000;
const rollbackMsMax = 1_000;
const migrationMsMax = 600_000;
const triesMax = 5;
const againMsMax = 20;

/** Runs reads and transactions on connections of a pool, each within a bound of time, and says what trouble means. */
export class Transactions<Session extends SqlSession> {
  readonly #driver: SqlDriver<Session>;
  readonly #pool: Pool<Session>;
  readonly #timeoutMs: number;

  constructor(driver: SqlDriver<Session>, { connectionsMax, timeoutMs }: TransactionOptions) {
    this.#driver = driver;
    this.#timeoutMs = timeoutMs;
    this.#pool = new Pool({ sizeMax: connectionsMax, open: (ms) => driver.open(ms) });
  }

  /** Reads, without a transaction. Throws `unavailable`, `store_not_migrated`, `store_unfit`. */
  async read<T>(act: (session: Session) => Promise<T>): Promise<T> {
    return await this.#guard(async () => {
      const until = performance.now() + this.#timeoutMs;
      for (;;) {
        const { session, isFresh } = await this.#pool.take(left(until));
        try {
          return await within(left(until), act(session), () => session.destroy());
        } catch (error) {
          // Told by its socket it would be only later: until then it would be given out, and fail, again and again.
          if (this.#driver.faultOf(error) === 'lost') session.destroy();
          if (!this.#lay(error, isFresh)) throw error;
        } finally {
          this.#pool.give(session);
        }
      }
    });
  }

  /**
   * Runs `act` in a transaction and commits. What `act` throws rolls it back; an error that is not the database's own comes out
   * as it is. Where the database itself rolls back, as of two that wait for each other it does with one, `act` runs again.
   * Throws as `read` does, and `unknown_outcome` where it may have been committed.
   */
  async write<T>(act: (session: Session) => Promise<T>): Promise<T> {
    return await this.#guard(async () => {
      const until = performance.now() + this.#timeoutMs;
      for (let tries = 1; ; tries += 1) {
        try {
          return await this.#try(act, until);
        } catch (error) {
          if (tries === triesMax || this.#driver.faultOf(error) !== 'rolled_back') throw error;
        }
        // By chance, so that those who met do not meet again.
        await sleep(Math.min(tries * againMsMax * Math.random(), left(until)));
      }
    });
  }

  /** Runs the migrations that are missing, and gives their names. */
  async migrate(): Promise<string[]> {
    return await this.#guard(async () => {
      const { session } = await this.#pool.take(this.#timeoutMs);
      try {
        return await within(migrationMsMax, this.#driver.migrate(session), () => session.destroy());
      } finally {
        // Its locks and settings are its own, and end with it.
        session.destroy();
        this.#pool.give(session);
      }
    });
  }

  /** Resolves once what is under way has ended. */
  async close(): Promise<void> {
    await this.#pool.close();
  }

  async #try<T>(act: (session: Session) => Promise<T>, until: number): Promise<T> {
    const session = await this.#begin(until);
    try {
      const value = await within(left(until), act(session), () => session.destroy());
      await this.#commit(session, until);
      return value;
    } catch (error) {
      await rollBack(session);
      throw error;
    } finally {
      this.#pool.give(session);
    }
  }

  /** A connection in a transaction. One that broke while it lay idle is passed over: nothing had been asked of it. */
  async #begin(until: number): Promise<Session> {
    for (;;) {
      const { session, isFresh }: Taken<Session> = await this.#pool.take(left(until));
      try {
        await within(left(until), session.begin(), () => session.destroy());
        return session;
      } catch (error) {
        session.destroy();
        this.#pool.give(session);
        if (!this.#lay(error, isFresh)) throw error;
      }
    }
  }

  async #commit(session: Session, until: number): Promise<void> {
    const ms = Math.max(commitMsMin, left(until));
    try {
      await within(ms, session.commit(), () => session.destroy());
    } catch (error) {
      session.destroy();
      // A row that is refused as late as this is rolled back with the rest.
      if (['rolled_back', 'row', 'key'].includes(this.#driver.faultOf(error))) throw error;
      const text = `${this.name} did not answer whether it has committed: ${messageOf(error)}`;
      throw new DibsError('unknown_outcome', text, { cause: error });
    }
  }

  /** Whether an error says no more than that a connection had broken while it lay idle. */
  #lay(error: unknown, isFresh: boolean): boolean {
    return !isFresh && !(error instanceof Late) && this.#driver.faultOf(error) === 'lost';
  }

  /** For messages. */
  get name(): string {
    return `The ${this.#driver.kind} ledger at ${this.#driver.place}`;
  }

  async #guard<T>(act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (error) {
      if (error instanceof DibsError || error instanceof Rollback) throw error;
      const fault = this.#driver.faultOf(error);
      const what = fault === 'lost' ? 'does not answer' : 'does not do what it is asked';
      const text = `${this.name} ${what}: ${messageOf(error)}`;
      throw new DibsError(fault === 'not_migrated' ? 'store_not_migrated' : 'unavailable', text, { cause: error });
    }
  }
}

/** How long there is left until a time, and a millisecond at least: a timer takes nothing less. */
const left = (until: number): number => Math.max(1, until - performance.now());

/** Thrown inside a transaction to roll it back for a reason that is no trouble. */
export class Rollback extends Error {}

async function rollBack(session: SqlSession): Promise<void> {
  if (!session.isOpen) return;
  try {
    await within(rollbackMsMax, session.rollback(), () => session.destroy());
  } catch {
    // The server rolls back what it is cut off from.
    session.destroy();
  }
}

/** What an error says. Where a name has several addresses, Node says nothing, and each of them why. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('; ');
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  return error.message === '' ? (code ?? error.name) : error.message;
}
