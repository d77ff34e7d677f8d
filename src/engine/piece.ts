import type { Ledger, LedgerEvent, NewFailure, StoppedEvent } from '../core/ledger.ts';
import { isWithinBounds, type LogRecord, type PoisonRecord, type WinsRecord } from '../core/record.ts';
import { sameWin, type Win } from '../core/win.ts';
import { keptWinOf, nameOf } from './contradictions.ts';
import type { CouponMaker } from './coupon-code.ts';
import { failureOf, type Issuable, type Piece, revisionOf, WinToIssue } from './issue-batch.ts';

/** What taking records apart needs to know. */
export interface PieceContext {
  readonly ledger: Ledger;
  readonly couponOf: CouponMaker;
  /** The greatest slot of an event that the ledger has. */
  lastSlotOf(eventId: string): Promise<number>;
  /** Why an event is stopped; null where it is not. */
  causeOf(eventId: string): string | null;
  /** Whether the gate has given out this very win; null where it cannot tell now. Asked of what is kept, which is rare. */
  isWon(eventId: string, win: Win): Promise<boolean | null>;
  nextAttemptAt(): number;
}

/** What one piece has of one event. */
interface Share {
  /** The greatest slot of the ledger, and then of this piece. */
  last: number;
  /** The wins of this piece by their slots. */
  readonly wins: Map<number, Win>;
}

/** A win that is kept and not issued. */
interface Aside {
  readonly win: Win;
  readonly issuable: Issuable;
  readonly isWon: boolean | null;
  /** Whether another win of its slot came before it. */
  readonly isSecond: boolean;
}

/**
 * Takes records apart into what the ledger is to write. First occurrences are in slot order without a gap; a gap would leave
 * a win unissued for ever, and stops its event, as does another win of a slot that is kept already. A repeat of what is kept
 * without a coupon is let go: what an operator gave up is not issued after all. The wins of a stopped event are kept raw, so
 * that the others of its partition move on; `stops` are events that the ledger itself has just been found to contradict.
 * What the gate has given to nobody holds no slot: it is kept for a person to look at, and is counted as no win.
 */
export async function pieceOf(
  records: readonly (LogRecord | PoisonRecord)[],
  context: PieceContext,
  stops: readonly StoppedEvent[],
): Promise<Piece> {
  const events: LedgerEvent[] = [];
  const coupons: Issuable[] = [];
  const failures: NewFailure[] = [];
  const aside = new Map<string, Aside[]>();
  const shares = new Map<string, Share>();
  const newStops = new Map(stops.map((stop) => [stop.eventId, stop]));
  const causeOf = (eventId: string): string | null => newStops.get(eventId)?.cause ?? context.causeOf(eventId);
  const stop = (eventId: string, cause: string): void => {
    if (causeOf(eventId) === null) newStops.set(eventId, { eventId, cause });
  };
  for (const record of records) {
    if (record.type === 'poison') {
      failures.push(poisonFailure(record, context.nextAttemptAt()));
      continue;
    }
    if (!isWithinBounds(record)) {
      const error = 'it names an event, a slot or a user that there cannot be';
      failures.push(poisonFailure({ raw: JSON.stringify(record), error }, context.nextAttemptAt()));
      continue;
    }
    const { eventId } = record;
    const share = shares.get(eventId) ?? { last: await context.lastSlotOf(eventId), wins: new Map<number, Win>() };
    shares.set(eventId, share);
    if (record.type === 'event') {
      if (record.won > share.last) stop(eventId, `the log is at slot ${record.won} behind slot ${share.last}`);
      events.push(revisionOf(record));
      continue;
    }
    const kept = await keptWins(context.ledger, record, share.last);
    for (const win of record.wins) {
      const { slot } = win;
      const standing = share.wins.get(slot) ?? kept.get(slot) ?? null;
      if (standing !== null && sameWin(standing, win)) continue;
      if (standing !== null)
        stop(eventId, `slot ${slot} is ${nameOf(win)} in the log, and was ${nameOf(standing)} before`);
      else if (slot > share.last + 1) stop(eventId, `the log goes on at slot ${slot} behind slot ${share.last}`);
      const issuable = new WinToIssue(record, win, context.couponOf);
      const isStopped = causeOf(eventId) !== null;
      const isWon = isStopped ? await context.isWon(eventId, win) : null;
      const one = { win, issuable, isWon, isSecond: standing !== null };
      if (isStopped) aside.set(eventId, [...(aside.get(eventId) ?? []), one]);
      else coupons.push(issuable);
      if (isWon === false || standing !== null) continue;
      share.last = Math.max(share.last, slot);
      share.wins.set(slot, win);
    }
  }
  for (const [eventId, ones] of aside)
    failures.push(...(await keep(context, eventId, ones, `The event is stopped: ${causeOf(eventId) ?? ''}`)));
  return { events, coupons, failures, stops: [...newStops.values()] };
}

/** The wins of those of a record's slots that the ledger keeps as failed or given up. */
async function keptWins(ledger: Ledger, { eventId, wins }: WinsRecord, last: number): Promise<Map<number, Win>> {
  const found = new Map<number, Win>();
  const repeats = new Map(wins.filter(({ slot }) => slot <= last).map((win) => [win.slot, win]));
  if (repeats.size === 0) return found;
  for (const failure of await ledger.failuresBySlot(eventId, [...repeats.keys()])) {
    const { slot, state } = failure;
    if (slot === null || state === 'reissued') continue;
    // What cannot be read is for a person to look at, and no proof of another win.
    const win = keptWinOf(failure) ?? repeats.get(slot);
    if (win !== undefined) found.set(slot, win);
  }
  return found;
}

/** What is kept of an event: all that the ledger has not issued already as the same win, each slot held once. */
async function keep(
  context: PieceContext,
  eventId: string,
  ones: readonly Aside[],
  cause: string,
): Promise<NewFailure[]> {
  const slots = [...new Set(ones.map(({ win }) => win.slot))];
  const issued = new Map((await context.ledger.couponsBySlot(eventId, slots)).map((coupon) => [coupon.slot, coupon]));
  const held = new Set((await context.ledger.failuresBySlot(eventId, slots)).map(({ slot }) => slot));
  const failures: NewFailure[] = [];
  for (const { win, issuable, isWon, isSecond } of ones) {
    const coupon = issued.get(win.slot);
    if (coupon !== undefined && sameWin(coupon, win)) continue;
    const error = isWon === false ? `The gate has no win ${nameOf(win)}. ${cause}` : cause;
    const failure = failureOf(issuable, error, context.nextAttemptAt());
    // A second failed issuance of a slot would not be kept.
    const holdsNone = isWon === false || held.has(win.slot) || (isSecond && isWon !== true);
    if (!holdsNone) held.add(win.slot);
    failures.push(holdsNone ? { ...failure, slot: null } : failure);
  }
  return failures;
}

const poisonFailure = ({ raw, error }: Omit<PoisonRecord, 'type'>, nextAttemptAt: number): NewFailure => ({
  eventId: null,
  slot: null,
  userId: null,
  record: raw,
  error,
  nextAttemptAt,
});
