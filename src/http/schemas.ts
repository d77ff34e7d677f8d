import { type TSchema, Type } from 'typebox';
import { eventIdPattern, userIdPattern } from '../core/claim.ts';
import { failedIssuanceStates } from '../core/coupon.ts';
import { capacityMax, eventStates, limitPerUserMax, nameLengthMax } from '../core/event-spec.ts';
import { claimStatuses, type HeldWins } from '../engine/views.ts';

/*
 * The one source of what is accepted and of what `/openapi.json` says. A description of a request's field goes on from
 * "must be": it is also what its fault says.
 */

const object = <P extends Record<string, TSchema>>(properties: P) =>
  Type.Object(properties, { additionalProperties: false });
const oneOf = <V extends string>(values: readonly V[], description?: string) =>
  Type.Unsafe<V>({ type: 'string', enum: [...values], ...(description === undefined ? {} : { description }) });
const text = (description?: string) => Type.String(description === undefined ? {} : { description });
const textOrNull = (description?: string) =>
  Type.Unsafe<string | null>({ type: ['string', 'null'], ...(description === undefined ? {} : { description }) });
const count = (description?: string) =>
  Type.Integer({ minimum: 0, ...(description === undefined ? {} : { description }) });
const time = (description?: string) =>
  Type.String({ format: 'date-time', ...(description === undefined ? {} : { description }) });
const timeOrNull = (description: string) =>
  Type.Unsafe<string | null>({ type: ['string', 'null'], format: 'date-time', description });

// Stricter than RFC 3339 in one thing: with a space in place of the T parsers differ about what is meant.
const zonedTime = Type.Unsafe<string | null>({
  type: ['string', 'null'],
  format: 'date-time',
  pattern: '^\\d{4}-\\d\\d-\\d\\d[Tt]\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?([Zz]|[+-]\\d\\d:\\d\\d)$',
  description: 'an RFC 3339 time with a zone, like 2027-01-31T10:00:00+09:00, or null',
});
const userId = Type.String({
  pattern: userIdPattern,
  description: '1 to 128 printable ASCII characters without space',
});
const eventId = Type.String({
  pattern: eventIdPattern,
  description: '1 to 64 of A-Z a-z 0-9 _ - . and begin with a letter or a digit',
});
const name = Type.String({ minLength: 1, maxLength: nameLengthMax, description: `1 to ${nameLengthMax} characters` });
const capacity = Type.Integer({ minimum: 1, maximum: capacityMax });

/** What an organiser says of a new event. */
export const newEventSchema = object({
  id: Type.Optional(eventId),
  name,
  capacity,
  limitPerUser: Type.Optional(Type.Integer({ minimum: 1, maximum: limitPerUserMax, default: 1 })),
  opensAt: Type.Optional(zonedTime),
  closesAt: Type.Optional(zonedTime),
});

/** What may be changed of an event; at least one of them. */
export const eventChangeSchema = Type.Object(
  {
    name: Type.Optional(name),
    capacity: Type.Optional(capacity),
    opensAt: Type.Optional(zonedTime),
    closesAt: Type.Optional(zonedTime),
  },
  { additionalProperties: false, minProperties: 1 },
);

/** The body of a claim; only the service must name a user. */
export const newClaimSchema = object({ userId: Type.Optional(userId) });
/** Why an operator gives a failed issuance up. */
export const discardSchema = object({ reason: Type.String({ minLength: 1, maxLength: 500 }) });
/** The body of an act that takes none: nothing, or an empty object. */
export const emptySchema = object({});

const page = {
  cursor: Type.Optional(Type.String({ minLength: 1, maxLength: 512 })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })),
};
/** Which piece of a list; `limit` is turned into a number before it is checked. */
export const pageQuerySchema = object(page);
/** Which failed issuances. */
export const failureQuerySchema = object({ state: Type.Optional(oneOf(failedIssuanceStates)), ...page });
/** Whose claims; only the service must say. */
export const claimQuerySchema = object({ userId: Type.Optional(userId) });

/** An event as anyone may see it. */
export const eventSchema = object({
  id: eventId,
  name,
  state: oneOf(eventStates),
  capacity,
  won: count('Places won; never goes down.'),
  remaining: count(),
  limitPerUser: Type.Integer({ minimum: 1, maximum: limitPerUserMax }),
  opensAt: timeOrNull('Null: open from its creation on.'),
  closesAt: timeOrNull('Null: open until it is closed by hand.'),
  revision: Type.Integer({ minimum: 1, description: 'Counts the changes of the event; also its ETag.' }),
  serverTime: time('By the clock that opens and closes the event.'),
});

const slot = Type.Integer({ minimum: 1, description: 'The number of the place in its event, given once.' });
const nth = Type.Integer({ minimum: 1, description: 'The number of the win among those of its user.' });
const claimId = text('<slot>-<tag>; names one win for ever.');

/** A claim that has won. */
export const claimSchema = object({
  id: claimId,
  eventId,
  userId,
  slot,
  nth,
  status: oneOf(claimStatuses, 'won until the ledger has it, then issued; or discarded, by an operator.'),
  wonAt: time(),
  code: textOrNull('Null until issued.'),
  issuedAt: timeOrNull('Null until issued.'),
});
/** The answer to a claim that has won, now or before. */
export const wonSchema = object({ replayed: Type.Boolean(), claim: claimSchema });

/** A coupon as the organiser sees it. */
export const couponSchema = object({
  slot,
  userId,
  nth,
  claimId,
  code: text(),
  wonAt: time(),
  issuedAt: time(),
});

/** A failed issuance as the operator sees it. */
export const failedIssuanceSchema = object({
  id: Type.Integer(),
  eventId: textOrNull(),
  slot: Type.Unsafe<number | null>({
    type: ['integer', 'null'],
    description: 'The slot that it holds; null for what is no win of its event, or no record of one.',
  }),
  userId: textOrNull('Null where the record names nobody that could be read.'),
  record: text('As the log had it.'),
  error: text('What the ledger said last.'),
  attempts: count(),
  nextAttemptAt: timeOrNull('Null once nothing more will be tried.'),
  state: oneOf(failedIssuanceStates),
  reason: textOrNull('Why an operator discarded it.'),
});

const finding = object({ rule: text('The invariant that is broken.'), message: text() });

/** What an audit found. */
export const auditSchema = object({
  ok: Type.Boolean({ description: 'True when there are no findings; wins that wait to be issued are none.' }),
  capacity,
  won: count('issued + unissued + failed + discarded'),
  logged: count(),
  issued: count(),
  unissued: count(),
  failed: count(),
  discarded: count(),
  findings: Type.Array(finding),
});

/** What the stores hold of an event, and what recovery would do. */
export const recoveryPlanSchema = object({
  eventId,
  needed: Type.Boolean(),
  cause: text(),
  gate: Type.Unsafe<{ won: number; revision: number } | null>({
    type: ['object', 'null'],
    properties: { won: count(), revision: count() },
    required: ['won', 'revision'],
    additionalProperties: false,
  }),
  outbox: Type.Unsafe<HeldWins | null>({
    type: ['object', 'null'],
    description: 'The wins that are left in the outbox of the gate; null where nothing need be done.',
    properties: { wins: count(), lastSlot: count() },
    required: ['wins', 'lastSlot'],
    additionalProperties: false,
  }),
  log: Type.Unsafe<(HeldWins & { revision: number }) | null>({
    type: ['object', 'null'],
    description: 'What the log holds that the ledger has not been given; null where the log is the outbox itself.',
    properties: { wins: count(), lastSlot: count(), revision: count() },
    required: ['wins', 'lastSlot', 'revision'],
    additionalProperties: false,
  }),
  ledger: object({ won: count(), revision: count(), issued: count(), failed: count(), discarded: count() }),
  after: object({ won: count(), remaining: count(), nextSlot: count() }),
  lost: text('What no store can bring back.'),
  findings: Type.Array(finding),
});

/** That claims can be decided, and what some events lack; where none can be decided it comes as a problem. */
export const readinessSchema = object({
  ready: Type.Boolean(),
  missing: Type.Array(object({ store: text(), message: text() })),
});
/** That the process answers. */
export const livenessSchema = object({ live: Type.Literal(true) });

/** The members that every problem has, and those that some have. */
export const problemSchema = Type.Object({
  type: text('A path that explains the code.'),
  title: text(),
  status: Type.Integer({ minimum: 400, maximum: 599 }),
  detail: text('What it is about this time.'),
  code: text(),
  errors: Type.Optional(
    Type.Array(object({ path: text('JSON pointer to the field; empty: the whole.'), message: text() })),
  ),
  opensAt: Type.Optional(time('With not_open.')),
  claims: Type.Optional(Type.Array(claimSchema)),
  missing: Type.Optional(Type.Array(object({ store: text(), message: text() }))),
});

/** One piece of a list. */
export const listOf = <S extends TSchema>(item: S) =>
  object({ items: Type.Array(item), nextCursor: textOrNull('Null at the end; else the `cursor` of the next piece.') });
