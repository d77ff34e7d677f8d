import type { Clock } from '../core/clock.ts';
import type { Ledger } from '../core/ledger.ts';
import { compareOutboxIds, type OutboxId, outboxIdOf, outboxStart } from '../core/record.ts';
import type { WinLog } from '../core/win-log.ts';
import { recordsBehind } from './log-tail.ts';

const freshMs = 1_000;

/**
 * How far the outboxes have come into the log already, as whoever takes an event over has to know: without it a worker that
 * starts would send a backlog of hours once more. Never further than the log is, so that what follows leaves no gap.
 */
export class LogPlaces {
  readonly #log: WinLog;
  readonly #ledger: Ledger;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #partitions = new Map<
    string,
    { readonly readAt: number; readonly places: Promise<Map<string, OutboxId>> }
  >();

  constructor(log: WinLog, ledger: Ledger, clock: Pick<Clock, 'now'>) {
    this.#log = log;
    this.#ledger = ledger;
    this.#clock = clock;
  }

  /** The place of the event's last record that waits in the log; the outbox's start where none does, as it is trimmed up to the ledger. */
  async placeOf(eventId: string): Promise<OutboxId> {
    const partition = this.#log.partitionOf(eventId);
    const now = this.#clock.now();
    const known = this.#partitions.get(partition);
    // Many events are taken over at once: one reading serves those of its partition.
    const isFresh = known !== undefined && Math.abs(now - known.readAt) < freshMs;
    const reading = isFresh ? known : { readAt: now, places: this.#read(partition) };
    if (!isFresh) this.#partitions.set(partition, reading);
    // A ledger that is away is no reason to wait: everything is sent, and what was there already is there twice.
    const places = await reading.places.catch(() => new Map<string, OutboxId>());
    return places.get(eventId) ?? outboxStart;
  }

  async #read(partition: string): Promise<Map<string, OutboxId>> {
    const places = new Map<string, OutboxId>();
    for await (const record of recordsBehind(this.#log, this.#ledger, partition)) {
      const place = outboxIdOf(record);
      if (compareOutboxIds(place, places.get(record.eventId) ?? outboxStart) > 0) places.set(record.eventId, place);
    }
    return places;
  }
}
