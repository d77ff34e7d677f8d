import type { Ledger, LedgerEvent, NewFailure, StoppedEvent } from '../core/ledger.ts';
import { type LogRecord, type PoisonRecord, parseRecord, type WinsRecord } from '../core/record.ts';
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
  nextAttemptAt(): number;
}

/** What one piece has of one event. */
interface Share {
  /** The greatest slot of the ledger, and then of this piece. */
  last: number;
  /** The claims of this piece by their slots. */
  readonly claims: Map<number, string>;
}

/**
 * Takes records apart into what the ledger is to write. First occurrences are in slot order without a gap; a gap would leave
 * a win unissued for ever, and stops its event, as does another win of a slot that is kept already. A repeat of what is kept
 * without a coupon is let go: what an operator gave up is not issued after all. The wins of a stopped event are kept raw, so
 * that the others of its partition move on; `stops` are events that the ledger itself has just been found to contradict.
 */
export async function pieceOf(
  records: readonly (LogRecord | PoisonRecord)[],
  context: PieceContext,
  stops: readonly StoppedEvent[],
): Promise<Piece> {
  const events: LedgerEvent[] = [];
  const coupons: Issuable[] = [];
  const failures: NewFailure[] = [];
  const aside = new Map<string, Issuable[]>();
  const shares = new Map<string, Share>();
  const newStops = new Map(stops.map((stop) => [stop.eventId, stop]));
  const causeOf = (eventId: string): string | null => newStops.get(eventId)?.cause ?? context.causeOf(eventId);
  const stop = (eventId: string, cause: string): void => {
    if (causeOf(eventId) === null) newStops.set(eventId, { eventId, cause });
  };
  const keep = (issuable: Issuable): NewFailure =>
    failureOf(issuable, `The event is stopped: ${causeOf(issuable.coupon.eventId) ?? ''}`, context.nextAttemptAt());
  for (const record of records) {
    if (record.type === 'poison') {
      failures.push(poisonFailure(record, context.nextAttemptAt()));
      continue;
    }
    const { eventId } = record;
    const share = shares.get(eventId) ?? { last: await context.lastSlotOf(eventId), claims: new Map<number, string>() };
    shares.set(eventId, share);
    if (record.type === 'event') {
      if (record.won > share.last) stop(eventId, `the log is at slot ${record.won} behind slot ${share.last}`);
      events.push(revisionOf(record));
      continue;
    }
    const kept = await keptClaims(context.ledger, record, share.last);
    for (const win of record.wins) {
      const { slot, claimId } = win;
      const standing = share.claims.get(slot) ?? kept.get(slot) ?? null;
      if (standing === claimId) continue;
      const issuable = new WinToIssue(record, win, context.couponOf);
      if (standing !== null) {
        stop(eventId, `slot ${slot} is ${claimId} in the log, and was ${standing} before`);
        // Its slot has a failed issuance already, and a second one of a slot would not be kept.
        failures.push({ ...keep(issuable), slot: null });
        continue;
      }
      if (slot > share.last + 1) stop(eventId, `the log goes on at slot ${slot} behind slot ${share.last}`);
      share.last = Math.max(share.last, slot);
      share.claims.set(slot, claimId);
      if (causeOf(eventId) === null) coupons.push(issuable);
      else aside.set(eventId, [...(aside.get(eventId) ?? []), issuable]);
    }
  }
  for (const [eventId, issuables] of aside)
    failures.push(...(await withoutRepeats(context.ledger, eventId, issuables)).map(keep));
  return { events, coupons, failures, stops: [...newStops.values()] };
}

/** The claims of those of a record's slots that the ledger keeps as failed or given up. */
async function keptClaims(ledger: Ledger, { eventId, wins }: WinsRecord, last: number): Promise<Map<number, string>> {
  const claims = new Map<number, string>();
  const repeats = new Map(wins.filter(({ slot }) => slot <= last).map(({ slot, claimId }) => [slot, claimId]));
  if (repeats.size === 0) return claims;
  for (const { slot, state, record } of await ledger.failuresBySlot(eventId, [...repeats.keys()])) {
    if (slot === null || state === 'reissued') continue;
    const kept = parseRecord(record);
    // What cannot be read is for a person to look at, and no proof of another win.
    const claimId = kept?.type === 'wins' ? kept.wins[0]?.claimId : repeats.get(slot);
    if (claimId !== undefined) claims.set(slot, claimId);
  }
  return claims;
}

const poisonFailure = ({ raw, error }: PoisonRecord, nextAttemptAt: number): NewFailure => ({
  eventId: null,
  slot: null,
  userId: null,
  record: raw,
  error,
  nextAttemptAt,
});

/** Those that the ledger has not issued already as the same win. */
async function withoutRepeats(ledger: Ledger, eventId: string, issuables: readonly Issuable[]): Promise<Issuable[]> {
  const standing = await ledger.couponsBySlot(
    eventId,
    issuables.map(({ coupon }) => coupon.slot),
  );
  const issued = new Set(standing.map(({ claimId }) => claimId));
  return issuables.filter(({ coupon }) => !issued.has(coupon.claimId));
}
