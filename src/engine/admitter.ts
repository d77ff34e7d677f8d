import type { Decision } from '../core/decision.ts';
import { DibsError } from '../core/errors.ts';
import type { AdmitRequest, Gate } from '../core/gate.ts';
import type { Observer } from './dibs.ts';

/** Bounds of the admitter. */
export interface AdmitterLimits {
  /** The most claims of one trip to the gate. */
  readonly batchSizeMax: number;
  /** The most claims that wait, over all events; what comes then is `overloaded`. */
  readonly waitingMax: number;
}

interface Waiter {
  readonly request: AdmitRequest;
  resolve(decision: Decision): void;
  reject(trouble: unknown): void;
}

/** The claims of one event on their way to the gate. */
interface Lane {
  readonly eventId: string;
  waiters: Waiter[];
  /** A batch is on its way, or about to set out. */
  busy: boolean;
  /** The batch before had new wins, so that the next may cost a commit. */
  committing: boolean;
}

// What one turn brings is read within some 25 µs a claim, so that this bounds the gathering to about 2 ms.
const turnsMax = 64;

/** What the admitter tells the engine; `won` after each batch that made new wins. */
export interface AdmitterHooks extends Pick<Observer, 'admitted'> {
  won?(eventId: string): void;
}

/**
 * Gathers what arrives into one batch per event and is the one place where a claim is acknowledged. While one batch of an
 * event is on its way the next gathers: batches grow with the load by themselves, and no claim waits for a timer.
 */
export class Admitter {
  readonly #gate: Gate;
  readonly #limits: AdmitterLimits;
  readonly #hooks: AdmitterHooks;
  readonly #lanes = new Map<string, Lane>();
  #waiting = 0;
  #closed = false;
  #drained: PromiseWithResolvers<void> | null = null;

  constructor(gate: Gate, limits: AdmitterLimits, hooks: AdmitterHooks) {
    this.#gate = gate;
    this.#limits = limits;
    this.#hooks = hooks;
  }

  /** How many claims wait for their decision. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Decides one claim. Throws `overloaded` before it is taken, `unavailable` once closed, and what the gate throws. */
  claim(eventId: string, request: AdmitRequest): Promise<Decision> {
    if (this.#closed) return Promise.reject(new DibsError('unavailable', 'The service is stopping.'));
    if (this.#waiting >= this.#limits.waitingMax)
      return Promise.reject(new DibsError('overloaded', `${this.#waiting} claims are waiting already.`));
    return new Promise((resolve, reject) => {
      const lane = this.#lane(eventId);
      lane.waiters.push({ request, resolve, reject });
      this.#waiting += 1;
      if (!lane.busy) this.#schedule(lane);
    });
  }

  /** Takes no more, and resolves when all that was taken is answered. */
  close(): Promise<void> {
    this.#closed = true;
    this.#drained ??= Promise.withResolvers();
    if (this.#waiting === 0) this.#drained.resolve();
    return this.#drained.promise;
  }

  #lane(eventId: string): Lane {
    const standing = this.#lanes.get(eventId);
    if (standing !== undefined) return standing;
    const lane: Lane = { eventId, waiters: [], busy: false, committing: false };
    this.#lanes.set(eventId, lane);
    return lane;
  }

  // Behind all requests that this turn of the event loop has read, so that one turn makes one batch.
  #schedule(lane: Lane): void {
    lane.busy = true;
    setImmediate(() => this.#gather(lane, 0, 0));
  }

  /**
   * A commit costs about 70 µs of CPU however many wins it has, nearly all of it the fsync. So while wins are being given,
   * a batch waits for as long as each turn of the event loop brings more: 32 clients make batches of 22, not of 17.
   */
  #gather(lane: Lane, seen: number, turns: number): void {
    const count = lane.waiters.length;
    if (!lane.committing || count === seen || count >= this.#limits.batchSizeMax || turns === turnsMax)
      void this.#send(lane);
    else setImmediate(() => this.#gather(lane, count, turns + 1));
  }

  async #send(lane: Lane): Promise<void> {
    const { waiters } = lane;
    const batch = waiters.length <= this.#limits.batchSizeMax ? waiters : waiters.slice(0, this.#limits.batchSizeMax);
    lane.waiters = batch === waiters ? [] : waiters.slice(this.#limits.batchSizeMax);
    lane.committing = await this.#decide(lane.eventId, batch);
    this.#waiting -= batch.length;
    if (lane.waiters.length > 0) {
      this.#schedule(lane);
    } else {
      lane.busy = false;
      // Lanes of events that give nothing, or do not exist, must not pile up.
      if (!lane.committing) this.#lanes.delete(lane.eventId);
    }
    if (this.#waiting === 0) this.#drained?.resolve();
  }

  /** Answers a batch; true where it had new wins. */
  async #decide(eventId: string, batch: readonly Waiter[]): Promise<boolean> {
    try {
      const requests = batch.map((waiter) => waiter.request);
      const decisions = await this.#gate.admit(eventId, requests);
      this.#hooks.admitted?.(batch.length);
      let won = false;
      for (const [index, waiter] of batch.entries()) {
        const decision = decisions[index];
        if (decision === undefined) {
          waiter.reject(new DibsError('unknown_outcome', 'The gate gave fewer decisions than it was asked for.'));
          continue;
        }
        won ||= decision.outcome === 'won' && !decision.replayed;
        waiter.resolve(decision);
      }
      if (won) this.#hooks.won?.(eventId);
      return won;
    } catch (error) {
      // Before it has answered, nobody knows what the gate has done with a batch unless it says so itself.
      const trouble =
        error instanceof DibsError ? error : new DibsError('unknown_outcome', undefined, { cause: error });
      for (const waiter of batch) waiter.reject(trouble);
      return false;
    }
  }
}
