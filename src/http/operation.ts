import type { TSchema } from 'typebox';
import type { Caller } from './credentials.ts';
import { type ProblemCode, statusOf } from './problem.ts';

/** Who may call; each operation names one. */
export const credentials = {
  anyone: [],
  admin: ['admin'],
  admin_or_service: ['admin', 'service'],
  service_or_participant: ['service', 'participant'],
  /** From this machine without a proxy in between anyone, else the admin. */
  loopback_or_admin: ['admin'],
} as const satisfies Record<string, readonly Caller['kind'][]>;
/** The name of one of them. */
export type Credential = keyof typeof credentials;

/** What an answer holds: a schema for JSON, or another media type without one. */
export interface AnswerForm {
  readonly description: string;
  readonly json?: TSchema;
  /** Other media types that the answer may come in. */
  readonly types?: readonly string[];
  readonly headers?: readonly ('ETag' | 'Location')[];
}

/** One call of the API: everything that routing, authorisation, validation and `/openapi.json` need to know of it. */
export interface Operation {
  readonly method: 'GET' | 'POST' | 'PATCH';
  /** With parameters as the router writes them: `/v1/events/:eventId`. */
  readonly path: string;
  readonly credential: Credential;
  readonly tag: 'events' | 'claims' | 'coupons' | 'failed issuances' | 'recovery' | 'operations';
  readonly summary: string;
  readonly description?: string;
  readonly query?: TSchema;
  readonly body?: TSchema;
  /** Whether a call without a body is all right. */
  readonly bodyOptional?: true;
  /** Whether `If-Match: "<revision>"` is heeded. */
  readonly ifMatch?: true;
  /** Whether `Idempotency-Key` is heeded. */
  readonly idempotencyKey?: true;
  readonly answers: Readonly<Record<number, AnswerForm>>;
  /** What it may be refused with, besides what follows from all the rest. */
  readonly problems?: readonly ProblemCode[];
}

/** The names in `path`: `eventId` of `/v1/events/:eventId`. */
export const parametersOf = (path: string): string[] => [...path.matchAll(/:(\w+)/g)].map((match) => match[1] ?? '');

/** Every code that a call may be answered with, in order of status. */
export function problemsOf(operation: Operation): ProblemCode[] {
  const { credential, method, path, query, body } = operation;
  const codes = new Set<ProblemCode>(['malformed_request', 'request_timeout', 'headers_too_large', 'internal']);
  const add = (...more: ProblemCode[]) => {
    for (const code of more) codes.add(code);
  };
  if (credential !== 'anyone') add('unauthorized', 'forbidden');
  if (query !== undefined || body !== undefined) add('invalid_request');
  if (method !== 'GET') add('malformed_json', 'payload_too_large', 'unsupported_media_type', 'unknown_outcome');
  if (path.startsWith('/v1/')) add('unavailable');
  if (parametersOf(path).includes('eventId')) add('event_not_found', 'recovering');
  if (operation.ifMatch === true) add('revision_mismatch');
  add(...(operation.problems ?? []));
  return [...codes].toSorted((a, b) => statusOf[a] - statusOf[b]);
}
