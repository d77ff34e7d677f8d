import type { NewCoupon } from '../../core/coupon.ts';
import { DibsError } from '../../core/errors.ts';
import { type IssueRate, msUntilDue, type RateState, refilled, taken } from '../../core/issue-rate.ts';
import type { IssueBatch, LedgerEvent, NewFailure, StoppedEvent } from '../../core/ledger.ts';
import { firstFault, firstMissing, readStanding } from './conflicts.ts';
import type { Fault, SqlRow, SqlSession } from './session.ts';
import { Stop } from './stop.ts';
import { keepable } from './text.ts';
import { messageOf, Rollback } from './transactions.ts';

/** Thrown where the database refuses a coupon for its own sake, with what it says. */
export class CouponsRefused extends Rollback {
  /** Whether a key of it is taken. */
  readonly isKey: boolean;

  constructor(error: unknown, isKey: boolean) {
    super(messageOf(error));
    this.isKey = isKey;
  }
}

/** Moves the position as the batch says, which locks it; a probe's move is rolled back with the rest. Throws `Stop` where it has moved. */
export async function claimPosition(session: SqlSession, { partition, from, to }: IssueBatch): Promise<void> {
  const next = to ?? '';
  const changed =
    from === null
      ? await session.change('insert-position', [partition, next])
      : await session.change('move-position', [partition, from, next]);
  if (changed === 1) return;
  const position = (await session.read('position', [partition]))[0]?.position ?? null;
  // A move to where it is changes nothing on MySQL within one millisecond, and locks it all the same.
  if (from !== null && from === to && from === position) return;
  throw new Stop({ outcome: 'moved', position });
}

/** What is left of the rate, locked until the transaction ends. */
export async function lockRate(session: SqlSession): Promise<RateState> {
  const [standing] = await session.read('lock-rate', []);
  if (standing !== undefined) return standing;
  await session.change('insert-rate', []);
  const [fresh] = await session.read('lock-rate', []);
  if (fresh === undefined) throw new DibsError('unavailable', 'The rate of issuing was not kept.');
  return fresh;
}

/** The time of the database, in milliseconds. */
export async function readNow(session: SqlSession): Promise<number> {
  const [row] = await session.read('now', []);
  if (row === undefined) throw new DibsError('unavailable', 'The database did not tell its time.');
  return row.now;
}

/** The rate as it is at `now`. Throws `Stop` where it is used up. */
export function dueRate(state: RateState, rate: IssueRate, now: number): RateState {
  const due = refilled(state, rate, now);
  const waitMs = msUntilDue(due, rate);
  if (waitMs > 0) throw new Stop({ outcome: 'throttled', waitMs });
  return due;
}

/** Keeps what is left of the rate once `count` coupons were written. */
export async function keepRate(session: SqlSession, state: RateState, count: number): Promise<void> {
  const { tokens, filledAt } = taken(state, count);
  await session.change('put-rate', [tokens, filledAt]);
}

/**
 * Writes coupons and gives how many stood there already, the same. Throws `Stop` where another win stands in the way, and
 * `CouponsRefused`; where a key is taken, it may be another win's.
 */
export async function writeCoupons(
  session: SqlSession,
  coupons: readonly NewCoupon[],
  issuedAt: number,
  faultOf: (error: unknown) => Fault,
): Promise<number> {
  if (coupons.length === 0) return 0;
  const rows = coupons.map(({ eventId, slot, userId, nth, claimId, key, code, wonAt }): SqlRow => {
    return [eventId, slot, userId, nth, claimId, key, code, wonAt, issuedAt];
  });
  let written: number;
  try {
    written = await session.insert('insert-coupons', rows);
  } catch (error) {
    const fault = faultOf(error);
    if (fault === 'row' || fault === 'key') throw new CouponsRefused(error, fault === 'key');
    throw error;
  }
  if (written === coupons.length) return 0;
  const standing = await readStanding(session, coupons);
  const fault = firstFault(coupons, standing);
  if (fault !== null) throw new Stop(fault);
  const missing = firstMissing(coupons, standing);
  if (missing === null) return coupons.length - written;
  const text = `slot ${missing.slot} of ${missing.eventId} takes a key that is taken, of a unique index that is not Dibs's own`;
  throw new Stop({ outcome: 'refused', error: text });
}

/** Writes events, each unless a later revision stands. */
export async function putEvents(session: SqlSession, events: readonly LedgerEvent[]): Promise<void> {
  for (const { spec, phase, revision, epoch, createdAt, updatedAt } of events) {
    const text = JSON.stringify(spec);
    await session.change('put-event', [spec.id, text, phase, revision, epoch, createdAt, updatedAt]);
  }
}

// A statement must fit in one packet of the server: 16 MB on MariaDB, and a character may take three bytes and an escape.
const statementCharsMax = 2_000_000;

/** Keeps failed issuances; where one stands for the slot, it stays as it is. */
export async function keepFailures(session: SqlSession, failures: readonly NewFailure[]): Promise<void> {
  let rows: SqlRow[] = [];
  let chars = 0;
  let count = 0;
  const flush = async (): Promise<void> => {
    if (rows.length > 0) count += await session.insert('insert-failures', rows);
    [rows, chars] = [[], 0];
  };
  for (const { eventId, slot, userId, record, error, nextAttemptAt } of failures) {
    const size = record.length + error.length;
    if (chars + size > statementCharsMax) await flush();
    rows.push([eventId, slot, userId, keepable(record), keepable(error), 1, nextAttemptAt, 'waiting']);
    chars += size;
  }
  await flush();
  if (count < failures.length) await demandKept(session, failures);
}

/** Were one of them kept by nobody, a win would be lost without a trace. */
async function demandKept(session: SqlSession, failures: readonly NewFailure[]): Promise<void> {
  const placed = failures.filter((one) => one.eventId !== null && one.slot !== null);
  for (const [eventId, own] of Map.groupBy(placed, (one) => one.eventId ?? '')) {
    const slots = [...new Set(own.map((one) => one.slot))];
    const kept = await session.read('failures-by-slot', [eventId, slots]);
    if (kept.length === slots.length) continue;
    const text = `failed_issuances has a unique index that is not Dibs's own, and refuses failures of ${eventId} by it`;
    throw new DibsError('unavailable', `${text}; drop it.`);
  }
}

/** Stops events; one that is stopped already keeps its first cause. */
export async function stopEvents(session: SqlSession, stops: readonly StoppedEvent[], now: number): Promise<void> {
  if (stops.length === 0) return;
  const rows = stops.map(({ eventId, cause }): SqlRow => [eventId, keepable(cause), now]);
  await session.insert('insert-stops', rows);
}
