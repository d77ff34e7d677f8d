import { type TroubleCode, type TroubleDetails, troubles } from '../core/errors.ts';

/** Trouble of a start or of a store's settings: for the log, never for a client. */
const inwardCodes = ['invalid_configuration', 'store_locked', 'store_unfit', 'store_not_migrated'] as const;
type InwardCode = (typeof inwardCodes)[number];

/** The codes that a problem document may carry. */
export type ProblemCode = Exclude<TroubleCode, InwardCode>;

/** The one status of each code. */
export const statusOf = {
  malformed_json: 400,
  malformed_request: 400,
  idempotency_key_required: 400,
  invalid_idempotency_key: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  event_not_found: 404,
  claim_not_found: 404,
  failed_issuance_not_found: 404,
  method_not_allowed: 405,
  request_timeout: 408,
  event_exists: 409,
  capacity_below_won: 409,
  already_open: 409,
  not_failed: 409,
  reissue_refused: 409,
  not_recovering: 409,
  recovery_conflict: 409,
  closed: 409,
  not_open: 409,
  paused: 409,
  limit_reached: 409,
  sold_out: 409,
  revision_mismatch: 412,
  payload_too_large: 413,
  unsupported_media_type: 415,
  invalid_request: 422,
  headers_too_large: 431,
  internal: 500,
  invariant_broken: 500,
  unavailable: 503,
  overloaded: 503,
  recovering: 503,
  unknown_outcome: 503,
} as const satisfies Record<ProblemCode, number>;

/** The code under which trouble leaves: a store that is unfit is, to a client, a service that cannot decide. */
export const problemCodeOf = (code: TroubleCode): ProblemCode =>
  (inwardCodes as readonly string[]).includes(code) ? 'unavailable' : (code as ProblemCode);

/** An answer with a status of 400 or above, as RFC 9457 has it. */
export interface Problem {
  readonly status: number;
  /** Without content type and length. */
  readonly headers: Readonly<Record<string, string>>;
  /** The document, as JSON. */
  readonly body: string;
}

/** The path that explains a code; it is the `type` of its problems. */
export const problemPath = (code: TroubleCode): string => `/problems/${code}`;

/**
 * The problem document of `code`. `detail` says what it is about this time (the remedy where it is absent); `details`
 * come after the members that every problem has, and never in place of one.
 */
export function problem(
  code: ProblemCode,
  detail?: string,
  details: TroubleDetails = {},
  headers: Readonly<Record<string, string>> = {},
): Problem {
  const { title, remedy } = troubles[code];
  const status = statusOf[code];
  const members = { type: problemPath(code), title, status, detail: detail ?? remedy, code };
  const document = { ...members, ...details, ...members };
  return { status, headers: { ...retryHeaders(code, status), ...headers }, body: JSON.stringify(document) };
}

let turn = 0;

/** Seconds. Whoever was refused in a crowd is asked back spread over three seconds: all at once would be the crowd again. */
function retryHeaders(code: ProblemCode, status: number): Record<string, string> {
  if (status !== 503) return {};
  turn = (turn + 1) % 3;
  return { 'Retry-After': String(code === 'recovering' ? 5 + turn : 1 + turn) };
}
