import { eventIdRule, isEventId } from './claim.ts';
import { type FieldFault, refuseFaults } from './errors.ts';

/** What an organiser says of one drop. Times are milliseconds since 1970. */
export interface EventSpec {
  readonly id: string;
  readonly name: string;
  /** 1 to 10,000,000. */
  readonly capacity: number;
  /** 1 to 100. */
  readonly limitPerUser: number;
  /** Null: open from its creation on. */
  readonly opensAt: number | null;
  /** Null: open until it is closed by hand. */
  readonly closesAt: number | null;
}

/** What has been done to an event, as its last record says; time does the rest, see `stateAt`. */
export type EventPhase = 'active' | 'paused' | 'closed';

/** What an event is at a given time. `recovering`: the ledger knows it and the gate does not, or not all of it. */
export const eventStates = ['scheduled', 'open', 'paused', 'closed', 'recovering'] as const;
export type EventState = (typeof eventStates)[number];

/** An event as its gate has it. */
export interface EventSnapshot {
  readonly spec: EventSpec;
  readonly phase: EventPhase;
  /** Counts the acts on this event, from 1. */
  readonly revision: number;
  /** 1 until recovery by the log exists; every record has it from the first day. */
  readonly epoch: number;
  /** How many slots are allotted: 1 to `won` are, each once. */
  readonly won: number;
  /** How many event records follow the last win in the outbox; `<won>-<acts>` is the end of the outbox. */
  readonly acts: number;
  readonly createdAt: number;
  /** The latest time that the gate has recorded for this event; its clock never runs back behind it. */
  readonly lastTime: number;
  /**
   * Present where nothing is decided for the event before `Gate.unfence` has served it on: the store's process is another
   * than the one that wrote it last, or part of what belongs together is missing.
   */
  readonly fenced?: true;
}

/** What may be changed of an event while it lives; what is absent stays. */
export interface SpecChange {
  readonly name?: string;
  readonly capacity?: number;
  readonly opensAt?: number | null;
  readonly closesAt?: number | null;
}

export const capacityMax = 10_000_000;
export const limitPerUserMax = 100;
export const nameLengthMax = 200;
// 9999-12-31T23:59:59.999Z: the last moment that RFC 3339 can write.
const timeMax = 253_402_300_799_999;

/** Which state the event is in at `now`, by the gate's clock. */
export function stateAt(event: Pick<EventSnapshot, 'spec' | 'phase'>, now: number): Exclude<EventState, 'recovering'> {
  const { opensAt, closesAt } = event.spec;
  if (event.phase === 'closed' || (closesAt !== null && now >= closesAt)) return 'closed';
  if (opensAt !== null && now < opensAt) return 'scheduled';
  return event.phase === 'paused' ? 'paused' : 'open';
}

/** Whether time has closed an event whose last record does not say so yet. */
export const isDueToClose = (event: Pick<EventSnapshot, 'spec' | 'phase'>, now: number): boolean =>
  event.phase !== 'closed' && event.spec.closesAt !== null && now >= event.spec.closesAt;

const isWholeNumber = (value: unknown, max: number): boolean =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 1 && value <= max;

const isTime = (value: unknown): boolean =>
  value === null || (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= timeMax);

function nameFault(name: unknown): string | null {
  if (typeof name !== 'string' || !name.isWellFormed()) return 'must be well-formed text';
  if (/\p{Cc}/u.test(name)) return 'must not contain control characters';
  const length = Array.from(name).length;
  return length >= 1 && length <= nameLengthMax && name.trim() !== ''
    ? null
    : `must be 1 to ${nameLengthMax} characters, not all space`;
}

function changeFaults(change: SpecChange): FieldFault[] {
  const faults: FieldFault[] = [];
  const fault = (path: string, message: string) => faults.push({ path, message });
  if (change.name !== undefined) {
    const message = nameFault(change.name);
    if (message !== null) fault('/name', message);
  }
  if (change.capacity !== undefined && !isWholeNumber(change.capacity, capacityMax)) {
    fault('/capacity', `must be a whole number from 1 to ${capacityMax}`);
  }
  if (change.opensAt !== undefined && !isTime(change.opensAt))
    fault('/opensAt', 'must be a time between 1970 and 9999');
  if (change.closesAt !== undefined && !isTime(change.closesAt))
    fault('/closesAt', 'must be a time between 1970 and 9999');
  return faults;
}

function windowFaults(spec: Pick<EventSpec, 'opensAt' | 'closesAt'>): FieldFault[] {
  if (spec.opensAt === null || spec.closesAt === null || spec.closesAt > spec.opensAt) return [];
  return [{ path: '/closesAt', message: 'must be after opensAt' }];
}

/** Throws `invalid_request` with every fault of `spec` at once. */
export function checkSpec(spec: EventSpec): void {
  const faults = changeFaults(spec);
  if (!isEventId(spec.id)) faults.push({ path: '/id', message: eventIdRule });
  if (!isWholeNumber(spec.limitPerUser, limitPerUserMax)) {
    faults.push({ path: '/limitPerUser', message: `must be a whole number from 1 to ${limitPerUserMax}` });
  }
  refuseFaults(faults.length > 0 ? faults : windowFaults(spec));
}

/** `spec` with `change` made; throws `invalid_request` where the outcome would not be a valid spec. */
export function changedSpec(spec: EventSpec, change: SpecChange): EventSpec {
  refuseFaults(changeFaults(change));
  const next: EventSpec = {
    ...spec,
    name: change.name ?? spec.name,
    capacity: change.capacity ?? spec.capacity,
    opensAt: change.opensAt === undefined ? spec.opensAt : change.opensAt,
    closesAt: change.closesAt === undefined ? spec.closesAt : change.closesAt,
  };
  refuseFaults(windowFaults(next));
  return next;
}

/** Whether two specs say the same. */
export const sameSpec = (a: EventSpec, b: EventSpec): boolean =>
  a.id === b.id &&
  a.name === b.name &&
  a.capacity === b.capacity &&
  a.limitPerUser === b.limitPerUser &&
  a.opensAt === b.opensAt &&
  a.closesAt === b.closesAt;
