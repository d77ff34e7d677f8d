/** One code of trouble: what it is called, whether the same call may succeed later, and what to do about it. */
export interface Trouble {
  readonly title: string;
  /** True when the same call, with the same idempotency key, may succeed later without any change by the caller. */
  readonly retryable: boolean;
  readonly remedy: string;
}

const trouble = (title: string, retryable: boolean, remedy: string): Trouble => ({ title, retryable, remedy });

/** Every code that Dibs gives, in one closed list; `docs/problems.md` explains each of them. */
export const troubles = {
  // What the caller sent.
  malformed_json: trouble('The body is not JSON', false, 'Send one complete JSON object.'),
  malformed_request: trouble('The request is not well formed', false, 'Mend what the detail names.'),
  invalid_request: trouble('The request does not fit the schema', false, 'Mend each field that `errors` names.'),
  idempotency_key_required: trouble(
    'This event needs an Idempotency-Key',
    false,
    'Send a key of your own for each intended claim, and the same key again for a retry.',
  ),
  invalid_idempotency_key: trouble(
    'The Idempotency-Key is malformed',
    false,
    'Send one key of 1 to 128 printable ASCII characters without space.',
  ),
  payload_too_large: trouble('The body is too large', false, 'Send a smaller body.'),
  headers_too_large: trouble('The headers are too large', false, 'Send fewer or shorter headers.'),
  unsupported_media_type: trouble('The body is not declared as JSON', false, 'Send Content-Type: application/json.'),
  request_timeout: trouble('The request took too long to arrive', true, 'Send the whole request at once.'),
  not_found: trouble('There is no such address', false, 'See /openapi.json for the addresses there are.'),
  method_not_allowed: trouble('This address does not answer that method', false, 'Use a method that `Allow` names.'),
  // Who the caller is.
  unauthorized: trouble(
    'A valid credential is needed',
    false,
    'Send Authorization: Bearer with a key or a token that is still valid.',
  ),
  forbidden: trouble('This credential may not do that', false, 'Use a credential of the right kind for this call.'),
  // What the caller names.
  event_not_found: trouble('There is no such event', false, 'Check the event id.'),
  claim_not_found: trouble('There is no such claim', false, 'Check the claim id and whose it is.'),
  failed_issuance_not_found: trouble('There is no such failed issuance', false, 'List them to find its id.'),
  // What stands against it.
  event_exists: trouble(
    'The event exists with another content',
    false,
    'Choose another id, or change the event that stands.',
  ),
  capacity_below_won: trouble(
    'The capacity is below what has been won',
    false,
    'Choose a capacity of at least what has been won.',
  ),
  already_open: trouble('The event has opened', false, 'Its opening time is fixed now; pause or close it instead.'),
  revision_mismatch: trouble('The event has changed since', false, 'Read the event again and decide anew.'),
  not_failed: trouble('This issuance does not wait for a decision', false, 'Nothing is left to do for it.'),
  reissue_refused: trouble(
    'The ledger refused the coupon again',
    true,
    'Remove the cause that the detail names, then reissue.',
  ),
  not_recovering: trouble('The event does not need recovery', false, 'Nothing is left to do for it.'),
  recovery_conflict: trouble(
    'The stores contradict each other',
    false,
    'Compare the findings by hand before anything is rebuilt.',
  ),
  // The event's own answers to a claim, in order of precedence.
  closed: trouble('The event is closed', false, 'Nothing; it is closed for ever.'),
  not_open: trouble('The event has not opened yet', true, 'Claim again from `opensAt` on.'),
  paused: trouble('The event is paused', true, 'Claim again once it is resumed.'),
  limit_reached: trouble(
    'This user has all that one user may have',
    false,
    'Nothing; `claims` lists what the user has.',
  ),
  sold_out: trouble('Everything has been won', false, 'Nothing, unless the organiser raises the capacity.'),
  // Trouble on this side: nothing is promised, and nothing is refused.
  unavailable: trouble('The service cannot decide right now', true, 'Retry with the same key after `Retry-After`.'),
  overloaded: trouble('Too much is waiting already', true, 'Retry with the same key after `Retry-After`.'),
  recovering: trouble('The event waits for recovery', true, 'Retry later; an operator runs `dibs recover`.'),
  unknown_outcome: trouble(
    'It is not known whether this was decided',
    true,
    'Retry with the same key: a win is then replayed.',
  ),
  internal: trouble(
    'Something unforeseen went wrong',
    true,
    'Retry with the same key; the log of the server has the cause.',
  ),
  // At start and in the stores.
  invalid_configuration: trouble('The configuration is not usable', false, 'Mend each fault that is listed.'),
  store_locked: trouble(
    'Another process holds this store',
    false,
    'Stop or close the other, or choose another data folder.',
  ),
  store_unfit: trouble('The store does not carry what is promised', false, 'Mend the setting that the detail names.'),
  store_not_migrated: trouble('The schema of the store is not the one of this version', false, 'Run `dibs migrate`.'),
  invariant_broken: trouble(
    'Two stores contradict each other',
    false,
    'Run the audit and compare by hand; the event is stopped.',
  ),
} as const satisfies Record<string, Trouble>;

export type TroubleCode = keyof typeof troubles;

/** One field that does not fit, named by its JSON pointer (`''` is the whole). */
export interface FieldFault {
  readonly path: string;
  readonly message: string;
}

/** More about one trouble; the keys reach the problem document under the same names. */
export interface TroubleDetails {
  readonly errors?: readonly FieldFault[];
  readonly [name: string]: unknown;
}

/**
 * Trouble of any kind: bad input, a store that does not answer, an event that waits for recovery. An event's refusal of a
 * claim is not trouble but a value, see `Decision`.
 */
export class DibsError extends Error {
  override readonly name = 'DibsError';
  readonly code: TroubleCode;
  readonly retryable: boolean;
  /** What to do about it, in one sentence. */
  readonly remedy: string;
  readonly details: TroubleDetails;

  constructor(code: TroubleCode, detail?: string, options: { details?: TroubleDetails; cause?: unknown } = {}) {
    super(detail ?? troubles[code].title, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = troubles[code].retryable;
    this.remedy = troubles[code].remedy;
    this.details = options.details ?? {};
  }
}

/** Throws `invalid_request` naming all `faults`; returns when there are none. */
export function refuseFaults(faults: readonly FieldFault[]): void {
  if (faults.length === 0) return;
  const text = faults.map((fault) => (fault.path === '' ? fault.message : `${fault.path} ${fault.message}`)).join('; ');
  throw new DibsError('invalid_request', text, { details: { errors: faults } });
}
