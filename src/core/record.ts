import { isEventId, isUserId } from './claim.ts';
import { type EventAct, eventActs } from './event-act.ts';
import { capacityMax, type EventPhase, type EventSnapshot, type EventSpec, limitPerUserMax } from './event-spec.ts';
import type { Win } from './win.ts';

/** The version of the records' schema; a reader refuses one that it does not know. */
export const recordVersion = 1;

/** One act on an event: the whole spec and phase after it, so that the record is a complete statement. */
export interface EventRecord {
  readonly v: typeof recordVersion;
  readonly type: 'event';
  readonly eventId: string;
  readonly epoch: number;
  readonly revision: number;
  readonly act: EventAct;
  readonly spec: EventSpec;
  readonly phase: EventPhase;
  /** How many had been won, and the record's number after that slot, from 1: its outbox id is `<won>-<n>`. */
  readonly won: number;
  readonly n: number;
  readonly time: number;
}

/** The wins of one batch, in slot order without a gap. Its outbox id is `<last slot>-0`. */
export interface WinsRecord {
  readonly v: typeof recordVersion;
  readonly type: 'wins';
  readonly eventId: string;
  readonly epoch: number;
  readonly revision: number;
  readonly wins: readonly Win[];
}

/** Everything that happens to an event is one of these, in the gate's outbox and then in the log. */
export type LogRecord = EventRecord | WinsRecord;

/** What stood in the log and is no record that this reader knows: kept as it is, for a person to look at. */
export interface PoisonRecord {
  readonly type: 'poison';
  /** Its text; `base64:` and its bytes where they are no text that a database can keep. */
  readonly raw: string;
  readonly error: string;
}

/** A place in an event's outbox, `<slot>-<n>`; places are ordered by slot, then by n. */
export type OutboxId = `${number}-${number}`;
export const outboxStart: OutboxId = '0-0';

/** The outbox id of a record. */
export function outboxIdOf(record: LogRecord): OutboxId {
  return record.type === 'event' ? `${record.won}-${record.n}` : `${record.wins.at(-1)?.slot ?? 0}-0`;
}

/** The end of an event's outbox. */
export const outboxEnd = (event: Pick<EventSnapshot, 'won' | 'acts'>): OutboxId => `${event.won}-${event.acts}`;

/** Takes an outbox id apart; throws on what is none, which only a damaged store can hold. */
export function parseOutboxId(id: string): { readonly slot: number; readonly n: number } {
  const match = /^(0|[1-9][0-9]{0,7})-(0|[1-9][0-9]{0,8})$/.exec(id);
  if (match === null) throw new RangeError(`not an outbox id: ${JSON.stringify(id)}`);
  return { slot: Number(match[1]), n: Number(match[2]) };
}

/** Negative when `a` stands before `b`, 0 when they are one place. */
export function compareOutboxIds(a: string, b: string): number {
  const left = parseOutboxId(a);
  const right = parseOutboxId(b);
  return left.slot - right.slot || left.n - right.n;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
const isText = (value: unknown): value is string => typeof value === 'string';
const isOptional = <T>(value: unknown, is: (value: unknown) => value is T): value is T | null =>
  value === null || is(value);

const isSpec = (value: unknown): value is EventSpec =>
  isObject(value) &&
  isText(value['id']) &&
  isText(value['name']) &&
  isCount(value['capacity']) &&
  isCount(value['limitPerUser']) &&
  isOptional(value['opensAt'], isCount) &&
  isOptional(value['closesAt'], isCount);

const isWin = (value: unknown): value is Win =>
  isObject(value) &&
  isCount(value['slot']) &&
  isText(value['userId']) &&
  isCount(value['nth']) &&
  isText(value['claimId']) &&
  isOptional(value['key'], isText) &&
  isCount(value['wonAt']);

const isEventRecord = (value: Record<string, unknown>): boolean =>
  value['type'] === 'event' &&
  (eventActs as readonly unknown[]).includes(value['act']) &&
  ['active', 'paused', 'closed'].includes(value['phase'] as string) &&
  isSpec(value['spec']) &&
  isCount(value['won']) &&
  isCount(value['n']) &&
  isCount(value['time']);

const isWinsRecord = (value: Record<string, unknown>): boolean =>
  value['type'] === 'wins' && Array.isArray(value['wins']) && value['wins'].length > 0 && value['wins'].every(isWin);

/** Whether a gate can have written a record at all. What it cannot, no ledger has a place to keep by event, slot and user. */
export function isWithinBounds(record: LogRecord): boolean {
  if (!isEventId(record.eventId)) return false;
  if (record.type === 'event') return record.won <= capacityMax;
  return record.wins.every(
    ({ slot, userId, nth, key }) =>
      slot >= 1 &&
      slot <= capacityMax &&
      nth >= 1 &&
      nth <= limitPerUserMax &&
      isUserId(userId) &&
      (key === null || isUserId(key)),
  );
}

/** Reads one record from JSON; null where it is not a whole record of a version that this reader knows (a poison record). */
export function parseRecord(json: string): LogRecord | null {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return null;
  }
  if (!isObject(value) || value['v'] !== recordVersion || !isText(value['eventId'])) return null;
  if (!isCount(value['epoch']) || !isCount(value['revision'])) return null;
  return isEventRecord(value) || isWinsRecord(value) ? (value as unknown as LogRecord) : null;
}
