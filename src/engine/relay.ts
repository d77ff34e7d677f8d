import type { Clock } from '../core/clock.ts';
import type { Gate, OutboxExtent } from '../core/gate.ts';
import { compareOutboxIds, type LogRecord, type OutboxId, outboxIdOf, outboxStart } from '../core/record.ts';
import type { Attendance } from '../lib/attendance.ts';
import { backoffMs } from '../lib/backoff.ts';
import { letOthersRun } from '../lib/let-others-run.ts';
import type { EventRegistry } from './event-registry.ts';

/** What the relay works with. */
export interface RelayContext {
  readonly gate: Gate;
  /** Puts records behind all that is in the log. */
  append(records: readonly LogRecord[]): Promise<void>;
  readonly registry: EventRegistry;
  /** How far an event's outbox has come into the log already; its start where that is not known. */
  placeOf(eventId: string): Promise<OutboxId>;
  readonly attendance: Pick<Attendance, 'isMine'>;
  readonly clock: Clock;
  readonly random: () => number;
  /** How often to look for records whose waking did not reach this process. */
  readonly sweepIntervalMs: number;
  /** The log has something new of this event. */
  relayed(eventId: string): void;
  alarm(message: string, error: unknown): void;
}

const pageSize = 500;
// So many wins of one event in one go, and of all: about 300 kB of records, so that no event waits long for another.
const eventWinsMax = 1_000;
const sendWinsMax = 4_000;
const backoff = { baseMs: 50, maxMs: 5_000 };

/** How far an event has been sent by this process. Forgotten as a whole, so that what is under way moves nothing any more. */
interface Cursor {
  at: OutboxId;
  /** The record of the gate's latest rebuilding, once everything has been sent again because of it. */
  rebuilt: OutboxId | null;
}

/** The next records of the events that are due. */
interface Load {
  readonly records: LogRecord[];
  readonly ends: Map<string, { readonly cursor: Cursor; readonly end: OutboxId }>;
}

/**
 * Sends what is in the outboxes to the log, each event's records in their order and nothing before what stands before it is
 * there. Begins at the front of an outbox, which reaches back to what the ledger has, so that a relay that comes later, or
 * whose last send is unknown, repeats and never leaves a gap. Attendance saves the double work of several relays, no more.
 */
export class Relay {
  readonly #context: RelayContext;
  readonly #cursors = new Map<string, Cursor>();
  /** Whose outbox may have more; whoever has had a turn goes to the end. */
  readonly #due = new Set<string>();
  #stopped = false;
  #sleeping: AbortController | null = null;
  #done: Promise<void> | null = null;
  #failedAttempts = 0;

  constructor(context: RelayContext) {
    this.#context = context;
  }

  start(): void {
    this.#done ??= this.#run();
  }

  /** The event's outbox has something new. */
  wake(eventId: string): void {
    if (!this.#context.attendance.isMine(eventId)) return;
    this.#due.add(eventId);
    if (this.#failedAttempts === 0) this.#sleeping?.abort();
  }

  /** The event's gate has been put in order: everything in its outbox is sent again. */
  forget(eventId: string): void {
    this.#cursors.delete(eventId);
    this.wake(eventId);
  }

  /** Resolves once the records in hand are sent. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#sleeping?.abort();
    await this.#done;
  }

  async #run(): Promise<void> {
    const { clock, sweepIntervalMs } = this.#context;
    let sweepAt = clock.now();
    while (!this.#stopped) {
      try {
        const now = clock.now();
        // Between any two sends, or what wakes this process all the time would keep it from what other processes have made.
        if (now >= sweepAt || sweepAt - now > sweepIntervalMs) {
          await this.#sweep();
          sweepAt = now + sweepIntervalMs;
        }
        if (this.#due.size > 0) await this.#send(await this.#gather());
        else await this.#sleep(sweepIntervalMs);
        this.#failedAttempts = 0;
      } catch (error) {
        this.#failedAttempts += 1;
        if (this.#failedAttempts === 1)
          this.#context.alarm('Relaying pauses: gate or log do not answer; nothing is lost', error);
        await this.#sleep(backoffMs(this.#failedAttempts, backoff, this.#context.random));
      }
    }
  }

  async #sleep(ms: number): Promise<void> {
    if (this.#stopped) return;
    this.#sleeping = new AbortController();
    await this.#context.clock.sleep(ms, this.#sleeping.signal);
    this.#sleeping = null;
  }

  /** Looks through all events: those of which more is in the outbox than was sent are due. */
  async #sweep(): Promise<void> {
    const { gate, registry, attendance } = this.#context;
    for (let after: string | null = null; !this.#stopped; ) {
      const page: OutboxExtent[] = await gate.extents(after, pageSize);
      for (const { eventId: id, end, fenced } of page) {
        if (!attendance.isMine(id)) {
          this.#cursors.delete(id);
          this.#due.delete(id);
        } else if (fenced) {
          // Whether it may be served needs the ledger, which must not hold up what needs only gate and log.
          if (!registry.isRecovering(id)) await registry.heal(id).catch(() => false);
        } else if (this.#isBehind(id, end)) this.#due.add(id);
      }
      const last = page.at(-1);
      if (last === undefined || page.length < pageSize) return;
      after = last.eventId;
    }
  }

  #isBehind(eventId: string, end: OutboxId): boolean {
    const cursor = this.#cursors.get(eventId);
    if (cursor === undefined) return true;
    // Sent further than there is: the gate was put back to less, and what it has since is new.
    if (compareOutboxIds(cursor.at, end) > 0) this.#cursors.set(eventId, { at: outboxStart, rebuilt: null });
    return cursor.at !== end;
  }

  async #send({ records, ends }: Load): Promise<void> {
    if (records.length > 0) await this.#context.append(records);
    for (const [eventId, { cursor, end }] of ends) {
      cursor.at = end;
      this.#context.relayed(eventId);
    }
    await letOthersRun();
  }

  /**
   * Up to a bound over all. An event stays due until its outbox has no more. One that cannot be read holds up no other: its part
   * of the gate may be away for long, and the sweep finds it once it is back. Throws where there is no other.
   */
  async #gather(): Promise<Load> {
    const load: Load = { records: [], ends: new Map() };
    const failures = new Map<string, unknown>();
    let wins = 0;
    for (const eventId of Array.from(this.#due)) {
      if (wins >= sendWinsMax) break;
      // Before it is read: what comes in meanwhile makes it due again.
      this.#due.delete(eventId);
      const cursor = this.#cursors.get(eventId) ?? { at: await this.#context.placeOf(eventId), rebuilt: null };
      this.#cursors.set(eventId, cursor);
      const piece = await this.#next(eventId, cursor).catch((error: unknown) => {
        failures.set(eventId, error);
        return [];
      });
      const last = piece.at(-1);
      if (last === undefined) continue;
      this.#due.add(eventId);
      for (const record of piece) {
        load.records.push(record);
        wins += record.type === 'wins' ? record.wins.length : 0;
      }
      load.ends.set(eventId, { cursor, end: outboxIdOf(last) });
    }
    if (load.records.length > 0 || failures.size === 0) return load;
    for (const eventId of failures.keys()) this.#due.add(eventId);
    const [failure] = failures.values();
    throw failure;
  }

  async #next(eventId: string, cursor: Cursor): Promise<LogRecord[]> {
    const { gate, registry } = this.#context;
    // A gate that is an older copy may say otherwise than the log already does.
    if (registry.isRecovering(eventId) && !registry.isStopped(eventId)) return [];
    const piece = await gate.outbox(eventId, cursor.at, eventWinsMax);
    const rebuilding = piece.findLast((record) => record.type === 'event' && record.act === 'recover');
    if (rebuilding === undefined || cursor.at === outboxStart || cursor.rebuilt === outboxIdOf(rebuilding))
      return piece;
    // Another process has rebuilt the event: the outbox is another, and is sent from its front.
    cursor.rebuilt = outboxIdOf(rebuilding);
    return gate.outbox(eventId, outboxStart, eventWinsMax);
  }
}
