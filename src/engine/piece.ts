import type { Ledger, LedgerEvent, NewFailure, StoppedEvent } from '../core/ledger.ts';
import type { LogRecord, PoisonRecord } from '../core/record.ts';
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

/**
 * Takes records apart into what the ledger is to write. First occurrences are in slot order without a gap; a gap would leave
 * a win unissued for ever, and stops its event. The wins of a stopped event are kept raw, so that the others of its
 * partition move on; `stops` are events that the ledger itself has just been found to contradict.
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
  const newStops = new Map(stops.map((stop) => [stop.eventId, stop]));
  const lasts = new Map<string, number>();
  for (const record of records) {
    if (record.type === 'poison') {
      failures.push(poisonFailure(record, context.nextAttemptAt()));
      continue;
    }
    if (record.type === 'event') {
      events.push(revisionOf(record));
      continue;
    }
    const { eventId } = record;
    let last = lasts.get(eventId) ?? (await context.lastSlotOf(eventId));
    for (const win of record.wins) {
      let cause = newStops.get(eventId)?.cause ?? context.causeOf(eventId);
      if (cause === null && win.slot > last + 1) {
        cause = `the log goes on at slot ${win.slot} behind slot ${last}`;
        newStops.set(eventId, { eventId, cause });
      }
      last = Math.max(last, win.slot);
      const issuable = new WinToIssue(record, win, context.couponOf);
      if (cause === null) coupons.push(issuable);
      else aside.set(eventId, [...(aside.get(eventId) ?? []), issuable]);
    }
    lasts.set(eventId, last);
  }
  for (const [eventId, issuables] of aside) {
    const cause = newStops.get(eventId)?.cause ?? context.causeOf(eventId) ?? '';
    const kept = await withoutRepeats(context.ledger, eventId, issuables);
    failures.push(...kept.map((one) => failureOf(one, `The event is stopped: ${cause}`, context.nextAttemptAt())));
  }
  return { events, coupons, failures, stops: [...newStops.values()] };
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
