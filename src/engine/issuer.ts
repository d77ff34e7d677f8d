import type { Clock } from '../core/clock.ts';
import { DibsError } from '../core/errors.ts';
import type { Ledger } from '../core/ledger.ts';
import type { LogRecord } from '../core/record.ts';
import type { WinLog } from '../core/win-log.ts';
import { backoffMs } from '../lib/backoff.ts';
import { letOthersRun } from '../lib/let-others-run.ts';
import type { TokenBucket } from '../lib/token-bucket.ts';
import type { CouponMaker } from './coupon-code.ts';
import type { Observer } from './dibs.ts';
import type { EventRegistry } from './event-registry.ts';
import { issuablesOf, issuePiece } from './issue-batch.ts';

/** What the issuer works with. */
export interface IssuerContext {
  readonly log: WinLog;
  readonly ledger: Ledger;
  readonly registry: EventRegistry;
  readonly clock: Clock;
  readonly random: () => number;
  readonly couponOf: CouponMaker;
  readonly rate: TokenBucket;
  readonly observer: Observer;
  /** Something an operator should know of. */
  alarm(message: string, error: unknown): void;
}

// 500 coupons a transaction: beyond it a larger one gains nothing (4.7 to 4.5 µs a coupon at 5,000), but holds up claims.
export const pieceWinsMax = 500;
// What has come in by then goes into one transaction: 500 coupons in one cost 7.9 µs of CPU each, 100 in one 11.5.
const gatherMs = 30;
// Every record wakes the issuer; the sweep is for those whose waking was lost with a process.
const sweepIntervalMs = 5_000;
const sweepPageSize = 500;
const ledgerBackoff = { baseMs: 50, maxMs: 10_000 };
const rowBackoff = { baseMs: 1_000, maxMs: 3_600_000 };

/** When a failed issuance is tried again after `attempts` attempts. */
export const nextAttemptDelayMs = (attempts: number, random: () => number): number =>
  backoffMs(attempts, rowBackoff, random);

/** Whose new records end a sleep: an event whose piece has just met trouble must not end the rest that follows from it. */
type Wakers = 'any' | 'untroubled' | 'none';

/** How far a partition has been issued. */
interface Cursor {
  position: string | null;
  /** The greatest slot of each event that the ledger has. */
  readonly lastSlots: Map<string, number>;
}

/**
 * Takes records from the log and writes coupons: begins at the ledger's own position, and moves it in the transaction that
 * writes the coupons. One piece is under way at a time, so that claims come in between.
 */
export class Issuer {
  readonly #context: IssuerContext;
  readonly #cursors = new Map<string, Cursor>();
  readonly #dirty = new Set<string>();
  /** Partitions of events that are stopped: not read again before somebody has put the stores in order. */
  readonly #halted = new Set<string>();
  #stopped = false;
  /** Partitions whose last piece met trouble. */
  readonly #troubled = new Set<string>();
  #sleeping: { readonly end: AbortController; readonly wakers: Wakers } | null = null;
  #done: Promise<void> | null = null;
  #failedAttempts = 0;
  issued = 0;

  constructor(context: IssuerContext) {
    this.#context = context;
  }

  start(): void {
    this.#done ??= this.#run();
  }

  /** The event's partition has something new. */
  wake(eventId: string): void {
    const partition = this.#context.log.partitionOf(eventId);
    this.#dirty.add(partition);
    if (this.#sleeping === null) return;
    const { wakers, end } = this.#sleeping;
    if (wakers === 'any' || (wakers === 'untroubled' && !this.#troubled.has(partition))) end.abort();
  }

  /** Resolves once the piece in hand is done. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#sleeping?.end.abort();
    await this.#done;
  }

  /** The greatest slot of the event that the ledger has, as far as this issuer knows; null before its first look. */
  lastSlotOf(eventId: string): number | null {
    return this.#cursors.get(this.#context.log.partitionOf(eventId))?.lastSlots.get(eventId) ?? null;
  }

  /** Forgets what it knows of the event's partition: the stores have been put in order by hand. */
  forget(eventId: string): void {
    const partition = this.#context.log.partitionOf(eventId);
    this.#cursors.delete(partition);
    this.#halted.delete(partition);
    this.wake(eventId);
  }

  async #run(): Promise<void> {
    let sweepAt = this.#context.clock.now();
    while (!this.#stopped) {
      const now = this.#context.clock.now();
      try {
        // The clock may have been set back: then the next sweep must not be as far away as that.
        if (now >= sweepAt || sweepAt - now > sweepIntervalMs) {
          await this.#sweep();
          sweepAt = now + sweepIntervalMs;
        }
        const pass = await this.#issueDirty();
        this.#failedAttempts = 0;
        if (pass > 0) await this.#sleep(pass, 'none');
        else if (this.#dirty.size === 0) await this.#sleep(sweepIntervalMs, 'any');
      } catch (error) {
        await this.#recoverFrom(error);
      }
    }
  }

  /** Nothing has been advanced, so that waiting and trying again is all there is to do. */
  async #recoverFrom(error: unknown): Promise<void> {
    this.#failedAttempts += 1;
    if (this.#failedAttempts === 1) this.#context.alarm('Issuing pauses: a store does not answer', error);
    await this.#sleep(backoffMs(this.#failedAttempts, ledgerBackoff, this.#context.random), 'untroubled');
  }

  async #sleep(ms: number, wakers: Wakers): Promise<void> {
    if (this.#stopped) return;
    const end = new AbortController();
    this.#sleeping = { end, wakers };
    await this.#context.clock.sleep(ms, end.signal);
    this.#sleeping = null;
  }

  async #sweep(): Promise<void> {
    const { log } = this.#context;
    for (let after: string | null = null; !this.#stopped; ) {
      const page: { readonly partition: string; readonly end: string }[] = await log.ends(after, sweepPageSize);
      for (const { partition, end } of page) {
        const cursor = await this.#cursor(partition);
        if (log.compare(cursor.position ?? log.start, end) < 0) this.#dirty.add(partition);
      }
      const last = page.at(-1);
      if (last === undefined || page.length < sweepPageSize) return;
      after = last.partition;
    }
  }

  /**
   * One piece of each partition in turn, so that a large event does not hold up a small one. Gives how many milliseconds to
   * wait before the next round: for the rate, or for more to gather where no piece was whole.
   */
  async #issueDirty(): Promise<number> {
    const { rate, clock } = this.#context;
    let wholePieces = 0;
    let parts = 0;
    for (const partition of Array.from(this.#dirty)) {
      if (this.#stopped) return 0;
      const allowed = Math.min(pieceWinsMax, rate.available(clock.now()));
      if (allowed === 0) return rate.msUntilAvailable(clock.now());
      // Cleared before it is read: what comes in meanwhile sets it again.
      this.#dirty.delete(partition);
      if (this.#halted.has(partition)) continue;
      try {
        const issued = await this.#issueNext(partition, allowed);
        this.#troubled.delete(partition);
        if (issued === null) continue;
        this.#dirty.add(partition);
        if (issued >= allowed) wholePieces += 1;
        else parts += 1;
      } catch (error) {
        this.#dirty.add(partition);
        this.#troubled.add(partition);
        throw error;
      }
      await letOthersRun();
    }
    return wholePieces === 0 && parts > 0 ? gatherMs : 0;
  }

  /** Issues the next piece of a partition, of at most `winsMax` wins; gives how many there were, or null where there is nothing to go on with. */
  async #issueNext(partition: string, winsMax: number): Promise<number | null> {
    const { log, ledger, clock, couponOf, random, rate, observer } = this.#context;
    const cursor = await this.#cursor(partition);
    const { records, position } = await log.read(partition, cursor.position ?? log.start, winsMax);
    if (records.length === 0) return null;
    const gap = await this.#gapIn(cursor, records);
    if (gap !== null) return this.#stopEvent(partition, gap.eventId, gap.message);
    const issuables = issuablesOf(records, couponOf);
    const startedAt = clock.now();
    const place = { partition, from: cursor.position, to: position };
    const { outcome, failed } = await issuePiece(
      ledger,
      place,
      issuables,
      () => startedAt + nextAttemptDelayMs(1, random),
    );
    switch (outcome.outcome) {
      case 'issued': {
        cursor.position = position;
        this.#advance(cursor, records);
        // The ledger works, so that whatever met trouble before it must not hold up the others by its long waits.
        this.#failedAttempts = Math.min(this.#failedAttempts, 1);
        const written = issuables.coupons.length - failed - outcome.repeats;
        rate.take(written, clock.now());
        this.issued += written;
        if (written > 0) observer.issued?.(written, (clock.now() - startedAt) / 1000);
        if (failed > 0)
          this.#context.alarm(`The ledger refused ${failed} coupons; they are kept in failed_issuances`, null);
        await log.trim(partition, position);
        return issuables.coupons.length;
      }
      case 'moved':
        this.#cursors.delete(partition);
        return winsMax;
      case 'conflict':
        return this.#stopEvent(partition, outcome.eventId, outcome.message);
      case 'refused':
        throw new DibsError('unavailable', `The ledger refuses rows by turns: ${outcome.error}`);
    }
  }

  /** First occurrences are in slot order without a gap; a gap would leave a win unissued for ever. */
  async #gapIn(cursor: Cursor, records: readonly LogRecord[]): Promise<{ eventId: string; message: string } | null> {
    const lasts = new Map<string, number>();
    for (const record of records) {
      if (record.type !== 'wins') continue;
      const { eventId, wins } = record;
      let last = lasts.get(eventId) ?? (await this.#lastSlot(cursor, eventId));
      for (const { slot } of wins) {
        if (slot > last + 1) return { eventId, message: `the log goes on at slot ${slot} behind slot ${last}` };
        last = Math.max(last, slot);
      }
      lasts.set(eventId, last);
    }
    return null;
  }

  #advance(cursor: Cursor, records: readonly LogRecord[]): void {
    for (const record of records) {
      if (record.type !== 'wins') continue;
      const last = cursor.lastSlots.get(record.eventId) ?? 0;
      cursor.lastSlots.set(record.eventId, Math.max(last, record.wins.at(-1)?.slot ?? 0));
    }
  }

  async #lastSlot(cursor: Cursor, eventId: string): Promise<number> {
    const known = cursor.lastSlots.get(eventId);
    if (known !== undefined) return known;
    const { lastSlot } = await this.#context.ledger.totals(eventId);
    cursor.lastSlots.set(eventId, lastSlot);
    return lastSlot;
  }

  #stopEvent(partition: string, eventId: string, message: string): null {
    this.#halted.add(partition);
    this.#context.registry.stop(eventId, message);
    this.#context.alarm(`Event ${eventId} is stopped: ${message}`, null);
    return null;
  }

  async #cursor(partition: string): Promise<Cursor> {
    const known = this.#cursors.get(partition);
    if (known !== undefined) return known;
    const cursor: Cursor = { position: await this.#context.ledger.position(partition), lastSlots: new Map() };
    this.#cursors.set(partition, cursor);
    return cursor;
  }
}
