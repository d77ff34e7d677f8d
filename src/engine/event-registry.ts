import type { EventSnapshot } from '../core/event-spec.ts';
import { DibsError } from '../core/errors.ts';
import type { Cover, Gate } from '../core/gate.ts';
import type { Ledger, LedgerEvent } from '../core/ledger.ts';
import type { WinLog } from '../core/win-log.ts';
import { coverIn, type LogTail, tailOf, tailsOf } from './log-tail.ts';

/** What the registry compares. */
export interface RegistryContext {
  readonly gate: Gate;
  readonly log: WinLog;
  readonly ledger: Ledger;
}

interface Cause {
  readonly cause: string;
  /** The stores contradict each other, which no rebuild can mend. */
  readonly conflict: boolean;
}

const pageSize = 500;
// As many as a process looks at again in one go: with more of them lost a person is at work anyway.
const recheckedMax = 100;
// An event of which nobody asks is missed by nobody. So many are looked at in one go; once one is lost, all others are as well.
const lookedAtMax = 100;
// As many as may wait for the gate itself; a database that hangs is waited for some 7 s.
const waitingMax = 20_000;
const lostCause = 'The gate has lost this event; the ledger has it.';

/**
 * Which events are served and which are not: `recovering` where ledger or log have more than the gate, stopped where the
 * stores contradict each other. What is in neither list is served.
 */
export class EventRegistry {
  readonly #context: RegistryContext;
  readonly #causes = new Map<string, Cause>();
  readonly #healing = new Map<string, Promise<boolean>>();
  /** Up to which of the ledger's events has been looked; null: to begin with the first. */
  #lookedTo: string | null = null;
  /** Calls that wait until an event is served on, or is known not to be. */
  #waiting = 0;

  constructor(context: RegistryContext) {
    this.#context = context;
  }

  /** Compares the stores once, at start: an event whose gate does not cover ledger and log waits for a person. */
  async start(): Promise<void> {
    const { gate, log, ledger } = this.#context;
    await this.learnStopped();
    const tails = await tailsOf(log, ledger);
    for (let after: string | null = null; ; ) {
      const page: LedgerEvent[] = await ledger.events(after, pageSize);
      const snapshots = await gate.events(page.map((event) => event.spec.id));
      for (const [index, event] of page.entries()) {
        const { id } = event.spec;
        if (this.#causes.has(id)) continue;
        if (snapshots[index] == null) this.#causes.set(id, { cause: lostCause, conflict: false });
        else await this.#judge(id, await this.#cover(event, id, tails));
      }
      const last = page.at(-1);
      if (page.length < pageSize || last === undefined) return;
      after = last.spec.id;
    }
  }

  /** Learns what other processes have stopped, mended or recovered meanwhile, and what the gate has lost. */
  async refresh(): Promise<void> {
    await this.learnStopped();
    await this.#recheck();
    for (let losses = 1; losses > 0; ) {
      const page = await this.look(this.#lookedTo, lookedAtMax);
      this.#lookedTo = page.next;
      losses = page.next === null ? 0 : page.losses;
    }
  }

  /**
   * Looks at `limit` of the ledger's events behind `after`: those that the gate has lost wait for recovery from now on, and those
   * that it has not served since it was another process are served where that is proved to be safe. `next` is null behind the last;
   * `losses` counts what was not known to be lost before.
   */
  async look(after: string | null, limit: number): Promise<{ readonly next: string | null; readonly losses: number }> {
    const { gate, log, ledger } = this.#context;
    const page = await ledger.events(after, limit);
    const known = page.filter(({ spec }) => !this.#causes.has(spec.id));
    const snapshots = await gate.events(known.map(({ spec }) => spec.id));
    const lost = known.filter((_, index) => snapshots[index] === null);
    for (const { spec } of lost) this.lost(spec.id);
    const fenced = known.filter((_, index) => snapshots[index]?.fenced === true);
    if (fenced.length > 0) {
      const tails = await tailsOf(log, ledger);
      for (const { spec } of fenced)
        await this.#judge(spec.id, await this.#cover(await ledger.event(spec.id), spec.id, tails));
    }
    return { next: page.length < limit ? null : (page.at(-1)?.spec.id ?? null), losses: lost.length };
  }

  async #recheck(): Promise<void> {
    const waiting = [...this.#causes.keys()].filter((eventId) => !this.isStopped(eventId)).slice(0, recheckedMax);
    const snapshots = await this.#context.gate.events(waiting);
    for (const [index, eventId] of waiting.entries()) {
      this.#putLast(eventId);
      if (snapshots[index] != null) await this.heal(eventId);
    }
  }

  /** Learns which events are stopped, and which no more. */
  async learnStopped(): Promise<void> {
    // What this process stops while the ledger is asked is not in its answer.
    const known = this.recovering.filter((eventId) => this.isStopped(eventId));
    const stopped = await this.#context.ledger.stopped();
    const ids = new Set(stopped.map(({ eventId }) => eventId));
    for (const eventId of known) if (!ids.has(eventId) && this.isStopped(eventId)) this.#causes.delete(eventId);
    for (const { eventId, cause } of stopped) this.stop(eventId, cause);
  }

  /** The others come before it when some are looked at again: all have their turn, however many wait. */
  #putLast(eventId: string): void {
    const cause = this.#causes.get(eventId);
    if (cause === undefined) return;
    this.#causes.delete(eventId);
    this.#causes.set(eventId, cause);
  }

  /** Ids of events that are not served, in byte order. */
  get recovering(): string[] {
    return [...this.#causes.keys()].sort();
  }

  isRecovering(eventId: string): boolean {
    return this.#causes.has(eventId);
  }

  causeOf(eventId: string): string | null {
    return this.#causes.get(eventId)?.cause ?? null;
  }

  /** Whether the stores contradict each other, which no rebuild can mend. */
  isStopped(eventId: string): boolean {
    return this.#causes.get(eventId)?.conflict ?? false;
  }

  /** Throws `recovering` where the event is not served. */
  assertServed(eventId: string): void {
    if (this.#causes.size === 0) return;
    const cause = this.causeOf(eventId);
    if (cause !== null) throw new DibsError('recovering', cause);
  }

  /** Serves the event no more: two stores contradict each other. */
  stop(eventId: string, cause: string): void {
    this.#causes.set(eventId, { cause, conflict: true });
  }

  /** The ledger knows an event that the gate has no longer. */
  lost(eventId: string): void {
    if (!this.#causes.has(eventId)) this.#causes.set(eventId, { cause: lostCause, conflict: false });
  }

  recovered(eventId: string): void {
    this.#causes.delete(eventId);
  }

  /** The event as its gate has it, served on first where that is proved to be safe; null where there is none. */
  async snapshotOf(eventId: string): Promise<EventSnapshot | null> {
    const { gate } = this.#context;
    const [event] = await gate.events([eventId]);
    if (event?.fenced !== true) return event ?? null;
    await this.heal(eventId);
    const [healed] = await gate.events([eventId]);
    return healed ?? null;
  }

  /** Does `act` at the gate, and once more where the event was fenced and could be served on: a fenced gate has done nothing. */
  async served<T>(eventId: string, act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof DibsError)) throw error;
      if (error.code === 'event_not_found') throw await this.explainMissing(eventId);
      if (error.code !== 'recovering' || !(await this.#healedFor(eventId))) throw error;
    }
    return act();
  }

  /** As `heal`, for one of many callers: no more of them wait for it than can be kept. */
  async #healedFor(eventId: string): Promise<boolean> {
    if (this.#waiting >= waitingMax) return false;
    this.#waiting += 1;
    try {
      return await this.heal(eventId);
    } finally {
      this.#waiting -= 1;
    }
  }

  /**
   * Serves a fenced event on where its gate covers all that ledger and log know of it; false where it has to wait for a
   * person. Throws where a store does not answer.
   */
  heal(eventId: string): Promise<boolean> {
    const running = this.#healing.get(eventId) ?? this.#heal(eventId).finally(() => this.#healing.delete(eventId));
    this.#healing.set(eventId, running);
    return running;
  }

  async #heal(eventId: string): Promise<boolean> {
    if (this.isStopped(eventId)) return false;
    const { log, ledger } = this.#context;
    // The log first: what is issued while this looks is in the ledger by the time that is asked.
    const tail = await tailOf(log, ledger, eventId);
    return this.#judge(eventId, await this.#cover(await ledger.event(eventId), eventId, tail));
  }

  async #cover(event: LedgerEvent | null, eventId: string, tail: LogTail): Promise<Cover> {
    const lastSlot = await this.#context.ledger.lastSlot(eventId);
    const behind = coverIn(tail, eventId);
    return { won: Math.max(lastSlot, behind.won), revision: Math.max(event?.revision ?? 0, behind.revision) };
  }

  async #judge(eventId: string, cover: Cover): Promise<boolean> {
    const { gate } = this.#context;
    const isServed = await gate.unfence(eventId, cover).catch((error: unknown) => {
      if (error instanceof DibsError && error.code === 'event_not_found') return null;
      throw error;
    });
    const cause = isServed === false ? await this.#explain(eventId, cover) : lostCause;
    // Stopped meanwhile: that is not over because the gate has all that is known.
    if (this.isStopped(eventId)) return false;
    if (isServed === true) this.#causes.delete(eventId);
    else this.#causes.set(eventId, { cause, conflict: false });
    return isServed === true;
  }

  async #explain(eventId: string, cover: Cover): Promise<string> {
    const { gate, log } = this.#context;
    const [snapshot] = await gate.events([eventId]);
    if (snapshot == null) return lostCause;
    const others = log.append === null ? 'the ledger' : 'ledger or log';
    if (snapshot.revision < cover.revision)
      return `The gate is at revision ${snapshot.revision}, ${others} at ${cover.revision}: the gate is an older copy.`;
    if (snapshot.won < cover.won)
      return `The gate has ${snapshot.won} wins, ${others} knows slot ${cover.won}: the gate is an older copy.`;
    return 'The gate has lost a part of this event.';
  }

  /** What a gate's `event_not_found` means: `recovering` where the ledger knows the event, else what it says. */
  async explainMissing(eventId: string): Promise<DibsError> {
    if ((await this.#context.ledger.event(eventId)) === null) {
      return new DibsError('event_not_found', `There is no event ${JSON.stringify(eventId)}.`);
    }
    this.lost(eventId);
    return new DibsError('recovering', this.causeOf(eventId) ?? undefined);
  }
}
