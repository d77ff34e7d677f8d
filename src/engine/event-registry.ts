import type { EventSnapshot } from '../core/event-spec.ts';
import { DibsError } from '../core/errors.ts';
import type { Gate } from '../core/gate.ts';
import type { Ledger, LedgerEvent } from '../core/ledger.ts';

const pageSize = 500;

/**
 * Which events are served and which are not: `recovering` where the ledger has more than the gate, stopped where the
 * stores contradict each other. What is in neither list is served.
 */
export class EventRegistry {
  readonly #gate: Gate;
  readonly #ledger: Ledger;
  readonly #causes = new Map<string, { readonly cause: string; readonly conflict: boolean }>();

  constructor(gate: Gate, ledger: Ledger) {
    this.#gate = gate;
    this.#ledger = ledger;
  }

  /** Compares gate and ledger once, at start: an event whose gate does not cover the ledger waits for a person. */
  async start(): Promise<void> {
    for (let after: string | null = null; ; ) {
      const page: LedgerEvent[] = await this.#ledger.events(after, pageSize);
      const snapshots = await this.#gate.events(page.map((event) => event.spec.id));
      for (const [index, event] of page.entries()) {
        const cause = await this.#causeOf(event, snapshots[index] ?? null);
        if (cause !== null) this.#causes.set(event.spec.id, { cause, conflict: false });
      }
      const last = page.at(-1);
      if (page.length < pageSize || last === undefined) return;
      after = last.spec.id;
    }
  }

  async #causeOf(event: LedgerEvent, snapshot: EventSnapshot | null): Promise<string | null> {
    if (snapshot === null) return 'The gate has lost this event; the ledger has it.';
    if (snapshot.revision < event.revision) {
      return `The gate is at revision ${snapshot.revision}, the ledger at ${event.revision}: the gate is an older copy.`;
    }
    const { lastSlot } = await this.#ledger.totals(event.spec.id);
    if (snapshot.won >= lastSlot) return null;
    return `The gate has ${snapshot.won} wins, the ledger knows slot ${lastSlot}: the gate is an older copy.`;
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
    if (!this.#causes.has(eventId))
      this.#causes.set(eventId, { cause: 'The gate has lost this event; the ledger has it.', conflict: false });
  }

  recovered(eventId: string): void {
    this.#causes.delete(eventId);
  }

  /** What a gate's `event_not_found` means: `recovering` where the ledger knows the event, else what it says. */
  async explainMissing(eventId: string): Promise<DibsError> {
    if ((await this.#ledger.event(eventId)) === null) {
      return new DibsError('event_not_found', `There is no event ${JSON.stringify(eventId)}.`);
    }
    this.lost(eventId);
    return new DibsError('recovering', this.causeOf(eventId) ?? undefined);
  }
}
