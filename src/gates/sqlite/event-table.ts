import type { Clock } from '../../core/clock.ts';
import type { ActOutcome, EventAct } from '../../core/event-act.ts';
import { type EventSnapshot, isDueToClose } from '../../core/event-spec.ts';
import { DibsError } from '../../core/errors.ts';
import { type EventRecord, recordVersion } from '../../core/record.ts';
import type { EventRow, Statements } from './statements.ts';

/** An event and its number in this file. The snapshot is replaced after each commit, never before. */
export interface KnownEvent {
  readonly no: number;
  event: EventSnapshot;
}

/** Runs `act` in one durable transaction and gives what it gave; what it throws has changed nothing, or says that this is not known. */
export type Commit = <T>(act: () => T) => T;

/**
 * The events of one gate file, kept in memory as they stand there: this process is the only writer, so that what it has
 * committed is what stands.
 */
export class EventTable {
  readonly #sql: Statements;
  readonly #clock: Clock;
  readonly #commit: Commit;
  readonly #entries = new Map<string, KnownEvent>();

  constructor(sql: Statements, clock: Clock, commit: Commit) {
    this.#sql = sql;
    this.#clock = clock;
    this.#commit = commit;
  }

  find(eventId: string): KnownEvent | null {
    const cached = this.#entries.get(eventId);
    if (cached !== undefined) return cached;
    const row = this.#sql.eventById.get(eventId);
    if (row === undefined) return null;
    const entry = { no: row.eventNo, event: snapshotOf(row) };
    this.#entries.set(eventId, entry);
    return entry;
  }

  /** Throws `event_not_found`. */
  known(eventId: string): KnownEvent {
    const entry = this.find(eventId);
    if (entry === null) throw new DibsError('event_not_found', `There is no event ${JSON.stringify(eventId)}.`);
    return entry;
  }

  /** The next read takes the event from the file again. */
  forget(eventId: string): void {
    this.#entries.delete(eventId);
  }

  timeOf(event: EventSnapshot): number {
    return Math.max(this.#clock.now(), event.lastTime);
  }

  /** The event with its end by time recorded, so that closed stays closed when the clock steps back. */
  settled(entry: KnownEvent): EventSnapshot {
    const { event } = entry;
    const now = this.timeOf(event);
    if (!isDueToClose(event, now)) return event;
    try {
      return this.act(event, { act: 'close', spec: event.spec, phase: 'closed' }, now);
    } catch (error) {
      // A full disk must not hide the event: by its own closing time it is closed, recorded or not.
      if (error instanceof DibsError && error.code === 'unavailable') return event;
      throw error;
    }
  }

  /** Writes the next revision, with its record. */
  act(event: EventSnapshot, { act, spec, phase }: ActOutcome, now: number): EventSnapshot {
    const next: EventSnapshot = {
      ...event,
      spec,
      phase,
      revision: event.revision + 1,
      acts: event.acts + 1,
      lastTime: now,
    };
    this.write(next, act);
    return next;
  }

  /** Writes an event as it is, and the record of the act that made it so. */
  write(event: EventSnapshot, act: EventAct): void {
    const no = this.#commit(() => this.put(event, act));
    this.#entries.set(event.spec.id, { no, event });
  }

  /** As `write`, within a transaction of the caller's; gives the event's number. */
  put(event: EventSnapshot, act: EventAct): number {
    const { spec, phase, revision, epoch, won, acts, createdAt, lastTime } = event;
    const { id, name, capacity, limitPerUser, opensAt, closesAt } = spec;
    const row = this.#sql.putEvent.get(
      id,
      name,
      capacity,
      limitPerUser,
      opensAt,
      closesAt,
      phase,
      revision,
      epoch,
      won,
      acts,
      createdAt,
      lastTime,
    );
    if (row === undefined) throw new Error('an upsert gave no row');
    const record: EventRecord = {
      v: recordVersion,
      type: 'event',
      eventId: id,
      epoch,
      revision,
      act,
      spec,
      phase,
      won,
      n: acts,
      time: lastTime,
    };
    this.#sql.insertAct.run(row.eventNo, won, acts, JSON.stringify(record));
    return row.eventNo;
  }
}

function snapshotOf(row: EventRow): EventSnapshot {
  const { eventId: id, name, capacity, limitPerUser, opensAt, closesAt } = row;
  const { phase, revision, epoch, won, acts, createdAt, lastTime } = row;
  return {
    spec: { id, name, capacity, limitPerUser, opensAt, closesAt },
    phase,
    revision,
    epoch,
    won,
    acts,
    createdAt,
    lastTime,
  };
}
