import type { Clock } from '../core/clock.ts';
import type { EventSnapshot } from '../core/event-spec.ts';
import type { Gate } from '../core/gate.ts';
import { compareOutboxIds, type LogRecord, type OutboxId, outboxEnd, outboxIdOf, outboxStart } from '../core/record.ts';
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

/**
 * Sends what is in the outboxes to the log, each event's records in their order and nothing before what stands before it is
 * there. Begins at the front of an outbox, which reaches back to what the ledger has, so that a relay that comes later, or
 * whose last send is unknown, repeats and never leaves a gap. Attendance saves the double work of several relays, no more.
 */
export class Relay {
  readonly #context: RelayContext;
  /** How far each event has been sent by this process. */
  readonly #cursors = new Map<string, OutboxId>();
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
        if (now >= sweepAt || sweepAt - now > sweepIntervalMs) {
          await this.#sweep();
          sweepAt = now + sweepIntervalMs;
        }
        await this.#sendDue();
        this.#failedAttempts = 0;
        if (this.#due.size === 0) await this.#sleep(sweepIntervalMs);
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
      const page: EventSnapshot[] = await gate.list(after, pageSize);
      for (const event of page) {
        const { id } = event.spec;
        if (!attendance.isMine(id)) this.#cursors.delete(id);
        else if (event.fenced === true) {
          if (!registry.isRecovering(id)) await registry.heal(id);
        } else if (this.#isBehind(id, outboxEnd(event))) this.#due.add(id);
      }
      const last = page.at(-1);
      if (last === undefined || page.length < pageSize) return;
      after = last.spec.id;
    }
  }

  #isBehind(eventId: string, end: OutboxId): boolean {
    const cursor = this.#cursors.get(eventId);
    if (cursor === undefined) return true;
    // Sent further than there is: the gate was put back to less, and what it has since is new.
    if (compareOutboxIds(cursor, end) > 0) this.#cursors.delete(eventId);
    return cursor !== end;
  }

  async #sendDue(): Promise<void> {
    while (this.#due.size > 0 && !this.#stopped) {
      const { records, ends } = await this.#gather();
      try {
        if (records.length > 0) await this.#context.append(records);
      } catch (error) {
        for (const eventId of ends.keys()) this.#due.add(eventId);
        throw error;
      }
      for (const [eventId, end] of ends) {
        this.#cursors.set(eventId, end);
        this.#context.relayed(eventId);
      }
      await letOthersRun();
    }
  }

  /** The next records of each event that is due, up to a bound over all. An event stays due until its outbox has no more. */
  async #gather(): Promise<{ records: LogRecord[]; ends: Map<string, OutboxId> }> {
    const { gate, registry } = this.#context;
    const records: LogRecord[] = [];
    const ends = new Map<string, OutboxId>();
    let wins = 0;
    for (const eventId of Array.from(this.#due)) {
      if (wins >= sendWinsMax) break;
      // A gate that is an older copy may say otherwise than the log already does.
      if (registry.isRecovering(eventId) && !registry.isStopped(eventId)) {
        this.#due.delete(eventId);
        continue;
      }
      const piece = await gate.outbox(eventId, this.#cursors.get(eventId) ?? outboxStart, eventWinsMax);
      const last = piece.at(-1);
      if (last === undefined) {
        this.#due.delete(eventId);
        continue;
      }
      for (const record of piece) {
        records.push(record);
        wins += record.type === 'wins' ? record.wins.length : 0;
      }
      ends.set(eventId, outboxIdOf(last));
    }
    return { records, ends };
  }
}
