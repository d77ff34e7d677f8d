import type { Clock } from '../core/clock.ts';
import { DibsError } from '../core/errors.ts';
import type { Gate } from '../core/gate.ts';
import type { IssueRate } from '../core/issue-rate.ts';
import type { Ledger, StoppedEvent } from '../core/ledger.ts';
import { isWithinBounds, type OutboxId, outboxIdOf } from '../core/record.ts';
import type { Win } from '../core/win.ts';
import type { LogBatch, WinLog } from '../core/win-log.ts';
import { backoffMs } from '../lib/backoff.ts';
import { letOthersRun } from '../lib/let-others-run.ts';
import { isWonInGate } from './contradictions.ts';
import type { CouponMaker } from './coupon-code.ts';
import type { Observer } from './dibs.ts';
import type { EventRegistry } from './event-registry.ts';
import { issuePiece, type Piece } from './issue-batch.ts';
import { pieceOf } from './piece.ts';

/** What the issuer works with. */
export interface IssuerContext {
  readonly gate: Pick<Gate, 'trim' | 'events' | 'wins' | 'winsOfUser'>;
  readonly log: WinLog;
  readonly ledger: Ledger;
  readonly registry: EventRegistry;
  readonly clock: Clock;
  readonly random: () => number;
  readonly couponOf: CouponMaker;
  readonly rate: IssueRate | null;
  readonly observer: Observer;
  /** How often to look for records whose waking did not reach this process. */
  readonly sweepIntervalMs: number;
  /** Something an operator should know of. */
  alarm(message: string, error: unknown): void;
}

// 500 coupons a transaction: beyond it a larger one gains nothing (4.7 to 4.5 µs a coupon at 5,000), but holds up claims.
export const pieceWinsMax = 500;
// What has come in by then goes into one transaction: 500 coupons in one cost 7.9 µs of CPU each, 100 in one 11.5.
const gatherMs = 30;
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

  /** About how many records of each partition of this process, at most `limit` of them, are not issued. */
  async lags(limit: number): Promise<Map<string, number>> {
    const { log } = this.#context;
    const lags = new Map<string, number>();
    for (const { partition, end } of await log.ends(null, limit)) {
      const cursor = this.#cursors.get(partition);
      if (cursor !== undefined) lags.set(partition, Math.max(0, log.distance(cursor.position ?? log.start, end)));
    }
    return lags;
  }

  /** Forgets what it knows of the event's partition: the stores have been put in order by hand. */
  forget(eventId: string): void {
    const partition = this.#context.log.partitionOf(eventId);
    this.#cursors.delete(partition);
    this.wake(eventId);
  }

  async #run(): Promise<void> {
    let sweepAt = this.#context.clock.now();
    while (!this.#stopped) {
      const now = this.#context.clock.now();
      try {
        // The clock may have been set back: then the next sweep must not be as far away as that.
        if (now >= sweepAt || sweepAt - now > this.#context.sweepIntervalMs) {
          await this.#sweep();
          sweepAt = now + this.#context.sweepIntervalMs;
        }
        const pass = await this.#issueDirty();
        this.#failedAttempts = 0;
        if (pass > 0) await this.#sleep(pass, 'none');
        else if (this.#dirty.size === 0) await this.#sleep(this.#context.sweepIntervalMs, 'any');
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
    const { log, registry } = this.#context;
    let hasLearnt = false;
    for (let after: string | null = null; !this.#stopped; ) {
      const page: { readonly partition: string; readonly end: string }[] = await log.ends(after, sweepPageSize);
      for (const { partition, end } of page) {
        if (!log.holds(partition)) {
          this.#release(partition);
          continue;
        }
        // Once for all that are new, which at a start may be thousands.
        if (!hasLearnt && !this.#cursors.has(partition)) {
          await registry.learnStopped();
          hasLearnt = true;
        }
        const cursor = this.#cursors.get(partition) ?? (await this.#begin(partition));
        const lag = log.distance(cursor.position ?? log.start, end);
        // A log apart that ends before what was read has lost what it had, and says so when it is read.
        if (lag > 0 || (lag < 0 && log.append !== null)) this.#dirty.add(partition);
      }
      const last = page.at(-1);
      if (last === undefined || page.length < sweepPageSize) return;
      after = last.partition;
    }
  }

  /** Another worker has it now: what is known of it would grow stale. */
  #release(partition: string): void {
    this.#cursors.delete(partition);
    this.#dirty.delete(partition);
  }

  /**
   * One piece of each partition in turn, so that a large event does not hold up a small one. Gives how many milliseconds to
   * wait before the next round: for the rate, or for more to gather where no piece was whole.
   */
  async #issueDirty(): Promise<number> {
    const { rate, log } = this.#context;
    const winsMax = Math.min(pieceWinsMax, rate?.pieceMax ?? pieceWinsMax);
    let wholePieces = 0;
    let parts = 0;
    for (const partition of Array.from(this.#dirty)) {
      if (this.#stopped) return 0;
      // Cleared before it is read: what comes in meanwhile sets it again.
      this.#dirty.delete(partition);
      if (!log.holds(partition)) continue;
      try {
        const issued = await this.#issueNext(partition, winsMax);
        this.#troubled.delete(partition);
        if (issued === null) continue;
        this.#dirty.add(partition);
        if (issued.waitMs > 0) return issued.waitMs;
        if (issued.wins >= winsMax) wholePieces += 1;
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

  /** Issues the next piece of a partition, of about `winsMax` wins; null where there is nothing to go on with. */
  async #issueNext(partition: string, winsMax: number): Promise<{ wins: number; waitMs: number } | null> {
    const { log, ledger, clock } = this.#context;
    const cursor = this.#cursors.get(partition) ?? (await this.#take(partition));
    const batch = await log.read(partition, cursor.position ?? log.start, winsMax);
    if (batch.records.length === 0) return null;
    const stops: StoppedEvent[] = [];
    for (;;) {
      const piece = await this.#pieceOf(cursor, batch, stops);
      const startedAt = clock.now();
      const place = { partition, from: cursor.position, to: batch.position, rate: this.#context.rate };
      const { outcome, written, failed } = await issuePiece(ledger, place, piece, () => this.#nextAttemptAt());
      switch (outcome.outcome) {
        case 'issued':
          cursor.position = batch.position;
          this.#settled(cursor, batch, piece, written, failed, clock.now() - startedAt);
          await this.#trim(batch);
          return { wins: piece.coupons.length, waitMs: 0 };
        case 'throttled':
          return { wins: 0, waitMs: outcome.waitMs };
        case 'moved':
          this.#cursors.delete(partition);
          return { wins: winsMax, waitMs: 0 };
        case 'conflict':
          // Its wins are kept raw the next time round, so that each event can contradict the ledger once.
          if (stops.some(({ eventId }) => eventId === outcome.eventId))
            throw new DibsError('unavailable', `The ledger contradicts itself: ${outcome.message}`);
          stops.push({ eventId: outcome.eventId, cause: outcome.message });
          continue;
        case 'refused':
          throw new DibsError('unavailable', `The ledger refuses rows by turns: ${outcome.error}`);
      }
    }
  }

  #pieceOf(cursor: Cursor, batch: LogBatch, stops: readonly StoppedEvent[]): Promise<Piece> {
    const { gate, ledger, couponOf, registry } = this.#context;
    let isGateAway = false;
    const context = {
      ledger,
      couponOf,
      lastSlotOf: (eventId: string) => this.#lastSlot(cursor, eventId),
      causeOf: (eventId: string) => (registry.isStopped(eventId) ? registry.causeOf(eventId) : null),
      isWon: async (eventId: string, win: Win) => {
        if (isGateAway) return null;
        return await isWonInGate({ gate, ledger }, eventId, win).catch(() => {
          // Asked once for a piece: a stopped event must not hold up the others of its partition by waiting for each win.
          isGateAway = true;
          return null;
        });
      },
      nextAttemptAt: () => this.#nextAttemptAt(),
    };
    return pieceOf(batch.records, context, stops);
  }

  #nextAttemptAt(): number {
    return this.#context.clock.now() + nextAttemptDelayMs(1, this.#context.random);
  }

  #settled(cursor: Cursor, batch: LogBatch, piece: Piece, written: number, failed: number, ms: number): void {
    const { observer, registry } = this.#context;
    const alarm = (message: string): void => this.#context.alarm(message, null);
    // Not by the records: what they say of slots that nobody has won must not be taken for a place that was reached.
    for (const { eventId, slot } of [...piece.coupons.map(({ coupon }) => coupon), ...piece.failures]) {
      if (eventId !== null && slot !== null)
        cursor.lastSlots.set(eventId, Math.max(cursor.lastSlots.get(eventId) ?? 0, slot));
    }
    // The ledger works, so that whatever met trouble before it must not hold up the others by its long waits.
    this.#failedAttempts = Math.min(this.#failedAttempts, 1);
    this.issued += written;
    if (written > 0) observer.issued?.(written, ms / 1000);
    if (failed > 0) alarm(`The ledger refused ${failed} coupons; they are kept in failed_issuances`);
    const poison = piece.failures.filter(({ eventId }) => eventId === null).length;
    if (poison > 0) alarm(`The log had ${poison} records that cannot be read; they are kept in failed_issuances`);
    for (const { eventId, cause } of piece.stops) {
      registry.stop(eventId, cause);
      alarm(`Event ${eventId} is stopped: ${cause}`);
    }
  }

  /** What the ledger has, the gate need not keep for the log. Losing this costs room until the next piece, and nothing else. */
  async #trim({ records }: LogBatch): Promise<void> {
    const { gate, registry } = this.#context;
    const ends = new Map<string, OutboxId>();
    for (const record of records)
      if (record.type !== 'poison' && isWithinBounds(record)) ends.set(record.eventId, outboxIdOf(record));
    for (const [eventId, end] of ends) {
      if (!registry.isStopped(eventId)) await gate.trim(eventId, end).catch(() => undefined);
    }
  }

  async #lastSlot(cursor: Cursor, eventId: string): Promise<number> {
    const known = cursor.lastSlots.get(eventId);
    if (known !== undefined) return known;
    const lastSlot = await this.#context.ledger.lastSlot(eventId);
    cursor.lastSlots.set(eventId, lastSlot);
    return lastSlot;
  }

  /** Begins with a partition that another worker may have had: with what that one has learnt of its events as well. */
  async #take(partition: string): Promise<Cursor> {
    await this.#context.registry.learnStopped();
    return this.#begin(partition);
  }

  async #begin(partition: string): Promise<Cursor> {
    const cursor: Cursor = { position: await this.#context.ledger.position(partition), lastSlots: new Map() };
    this.#cursors.set(partition, cursor);
    return cursor;
  }
}
