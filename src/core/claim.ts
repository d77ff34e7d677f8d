import { type FieldFault, refuseFaults } from './errors.ts';

/** One request of one user for one place of one event. */
export interface Claim {
  readonly eventId: string;
  /** 1 to 128 printable ASCII characters without space, compared byte for byte. */
  readonly userId: string;
  /** The idempotency key, scoped to event and user, of the same form as a user id; null where none was sent. */
  readonly key: string | null;
}

/** The form of user ids and idempotency keys: `auth0|…` and e-mail addresses fit. */
export const userIdPattern = '^[\\x21-\\x7e]{1,128}$';
/** The form of event ids; the first character keeps `.`, `..` and hidden files out of paths. */
export const eventIdPattern = '^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$';

const userIdForm = new RegExp(userIdPattern);
const eventIdForm = new RegExp(eventIdPattern);

export const isUserId = (value: unknown): value is string => typeof value === 'string' && userIdForm.test(value);
export const isEventId = (value: unknown): value is string => typeof value === 'string' && eventIdForm.test(value);

export const userIdRule = 'must be 1 to 128 printable ASCII characters without space';
export const eventIdRule = 'must be 1 to 64 of A-Z a-z 0-9 _ - . and begin with a letter or a digit';

/** Throws `invalid_request` unless user id and key have their form; the event id is judged by whether it exists. */
export function checkClaim(claim: { readonly userId: unknown; readonly key?: unknown }): void {
  if (typeof claim !== 'object' || claim === null) refuseFaults([{ path: '', message: 'must be an object' }]);
  if (isUserId(claim.userId) && (claim.key === undefined || claim.key === null || isUserId(claim.key))) return;
  const faults: FieldFault[] = [];
  if (!isUserId(claim.userId)) faults.push({ path: '/userId', message: userIdRule });
  if (claim.key !== undefined && claim.key !== null && !isUserId(claim.key)) {
    faults.push({ path: '/key', message: userIdRule });
  }
  refuseFaults(faults);
}
