import { Type } from 'typebox';
import type { Operation } from './operation.ts';
import {
  auditSchema,
  claimQuerySchema,
  claimSchema,
  couponSchema,
  discardSchema,
  emptySchema,
  eventChangeSchema,
  eventSchema,
  failedIssuanceSchema,
  failureQuerySchema,
  listOf,
  livenessSchema,
  newClaimSchema,
  newEventSchema,
  pageQuerySchema,
  readinessSchema,
  recoveryPlanSchema,
  wonSchema,
} from './schemas.ts';

const eventPath = '/v1/events/:eventId';
const event200 = { 200: { description: 'The event as it is now.', json: eventSchema, headers: ['ETag'] } } as const;
const act = { method: 'POST', tag: 'events', credential: 'admin', body: emptySchema, bodyOptional: true } as const;
const page = (description: string, item: Parameters<typeof listOf>[0]) =>
  ({ 200: { description, json: listOf(item) } }) as const;

/** All calls there are: a route that is not in this table is not served, and each names who may call it. */
export const operations = {
  createEvent: {
    method: 'POST',
    path: '/v1/events',
    credential: 'admin',
    tag: 'events',
    summary: 'Create an event',
    description: 'The same again, with the same id, is answered 200 with the event that stands.',
    body: newEventSchema,
    answers: {
      200: { description: 'The same event stood already.', json: eventSchema, headers: ['ETag'] },
      201: { description: 'The event is created.', json: eventSchema, headers: ['ETag', 'Location'] },
    },
    problems: ['event_exists', 'recovering'],
  },
  listEvents: {
    method: 'GET',
    path: '/v1/events',
    credential: 'admin_or_service',
    tag: 'events',
    summary: 'List the events',
    query: pageQuerySchema,
    answers: page('Events in byte order of their ids.', eventSchema),
  },
  getEvent: {
    method: 'GET',
    path: eventPath,
    credential: 'anyone',
    tag: 'events',
    summary: 'See an event',
    answers: event200,
  },
  changeEvent: {
    method: 'PATCH',
    path: eventPath,
    credential: 'admin',
    tag: 'events',
    summary: 'Change an event',
    description: 'What is absent stays. The capacity may be raised at any time, opensAt changed until it has opened.',
    body: eventChangeSchema,
    ifMatch: true,
    answers: event200,
    problems: ['closed', 'already_open', 'capacity_below_won'],
  },
  pauseEvent: {
    ...act,
    path: `${eventPath}/pause`,
    summary: 'Pause an event',
    ifMatch: true,
    answers: event200,
    problems: ['closed'],
  },
  resumeEvent: {
    ...act,
    path: `${eventPath}/resume`,
    summary: 'Resume a paused event',
    ifMatch: true,
    answers: event200,
    problems: ['closed'],
  },
  closeEvent: {
    ...act,
    path: `${eventPath}/close`,
    summary: 'Close an event for ever',
    ifMatch: true,
    answers: event200,
    problems: ['closed'],
  },

  claim: {
    method: 'POST',
    path: `${eventPath}/claims`,
    credential: 'service_or_participant',
    tag: 'claims',
    summary: 'Claim one place',
    description:
      'The service names the user; a participant is the user of the token and may send no body. An answer of 503 promises nothing: send the same request with the same key again.',
    body: newClaimSchema,
    bodyOptional: true,
    idempotencyKey: true,
    answers: {
      200: { description: 'A win that this user had already, with this key or at all.', json: wonSchema },
      201: { description: 'A new win.', json: wonSchema, headers: ['Location'] },
    },
    problems: [
      'idempotency_key_required',
      'invalid_idempotency_key',
      'closed',
      'not_open',
      'paused',
      'limit_reached',
      'sold_out',
      'overloaded',
    ],
  },
  getClaim: {
    method: 'GET',
    path: `${eventPath}/claims/:claimId`,
    credential: 'service_or_participant',
    tag: 'claims',
    summary: 'See a claim that has won',
    description: 'A participant sees his own; of another there is none.',
    answers: { 200: { description: 'The claim as it is now.', json: claimSchema } },
    problems: ['claim_not_found'],
  },
  listClaims: {
    method: 'GET',
    path: `${eventPath}/claims`,
    credential: 'service_or_participant',
    tag: 'claims',
    summary: 'List the claims of one user that have won',
    description: 'The service names the user; a participant may leave it out.',
    query: claimQuerySchema,
    answers: page('All of them, in order of nth.', claimSchema),
    problems: ['claim_not_found'],
  },

  listCoupons: {
    method: 'GET',
    path: `${eventPath}/coupons`,
    credential: 'admin',
    tag: 'coupons',
    summary: 'List what has been issued',
    description: 'With `Accept: text/csv` all of it in one answer, without `cursor` and `limit`.',
    query: pageQuerySchema,
    answers: {
      200: { description: 'Coupons in order of slot.', json: listOf(couponSchema), types: ['text/csv'] },
    },
  },
  audit: {
    method: 'GET',
    path: `${eventPath}/audit`,
    credential: 'admin',
    tag: 'recovery',
    summary: 'Compare gate, log and ledger, slot by slot',
    answers: { 200: { description: 'What was found.', json: auditSchema } },
    problems: ['invariant_broken'],
  },
  recoveryPlan: {
    method: 'GET',
    path: `${eventPath}/recovery`,
    credential: 'admin',
    tag: 'recovery',
    summary: 'See what the stores hold of an event, and what recovery would do',
    answers: { 200: { description: 'The plan; nothing is changed.', json: recoveryPlanSchema } },
  },
  recover: {
    ...act,
    path: `${eventPath}/recover`,
    tag: 'recovery',
    summary: 'Rebuild an event from the ledger',
    answers: event200,
    problems: ['not_recovering', 'recovery_conflict'],
  },

  listFailedIssuances: {
    method: 'GET',
    path: '/v1/failed-issuances',
    credential: 'admin',
    tag: 'failed issuances',
    summary: 'List the wins that the ledger refused',
    query: failureQuerySchema,
    answers: page('In order of their ids.', failedIssuanceSchema),
  },
  reissue: {
    ...act,
    path: '/v1/failed-issuances/:id/reissue',
    tag: 'failed issuances',
    summary: 'Try to issue a failed one now',
    answers: { 200: { description: 'The coupon stands.', json: failedIssuanceSchema } },
    problems: ['failed_issuance_not_found', 'not_failed', 'reissue_refused'],
  },
  discard: {
    method: 'POST',
    path: '/v1/failed-issuances/:id/discard',
    credential: 'admin',
    tag: 'failed issuances',
    summary: 'Give a failed one up, for a reason',
    body: discardSchema,
    answers: { 200: { description: 'It is given up.', json: failedIssuanceSchema } },
    problems: ['failed_issuance_not_found', 'not_failed'],
  },

  stream: {
    method: 'GET',
    path: '/v1/stream',
    credential: 'admin',
    tag: 'operations',
    summary: 'Follow the live figures',
    description: 'Server-sent events: `figures` at once and every second, `trouble` where there are none.',
    answers: { 200: { description: 'A stream without end.', types: ['text/event-stream'] } },
    problems: ['overloaded'],
  },
  livez: {
    method: 'GET',
    path: '/livez',
    credential: 'anyone',
    tag: 'operations',
    summary: 'Whether the process answers',
    answers: { 200: { description: 'It does.', json: livenessSchema } },
  },
  readyz: {
    method: 'GET',
    path: '/readyz',
    credential: 'anyone',
    tag: 'operations',
    summary: 'Whether claims can be decided',
    answers: { 200: { description: 'They can.', json: readinessSchema } },
    problems: ['unavailable'],
  },
  metrics: {
    method: 'GET',
    path: '/metrics',
    credential: 'loopback_or_admin',
    tag: 'operations',
    summary: 'Figures in the text format of Prometheus',
    answers: { 200: { description: 'The metrics.', types: ['text/plain'] } },
  },
  openapi: {
    method: 'GET',
    path: '/openapi.json',
    credential: 'anyone',
    tag: 'operations',
    summary: 'This document',
    answers: { 200: { description: 'OpenAPI 3.1.', json: Type.Object({ openapi: Type.String() }) } },
  },
  explainProblem: {
    method: 'GET',
    path: '/problems/:code',
    credential: 'anyone',
    tag: 'operations',
    summary: 'What a problem is and what to do about it',
    answers: {
      200: {
        description: 'The explanation.',
        json: Type.Object({ code: Type.String(), title: Type.String(), remedy: Type.String() }),
        types: ['text/html'],
      },
    },
    problems: ['not_found'],
  },
  index: {
    method: 'GET',
    path: '/',
    credential: 'anyone',
    tag: 'operations',
    summary: 'The addresses there are',
    answers: { 200: { description: 'Each with its path.', json: Type.Object({ name: Type.String() }) } },
  },
} as const satisfies Record<string, Operation>;

/** The name of one of them; its operation id in `/openapi.json`. */
export type OperationName = keyof typeof operations;

export const operationNames = Object.keys(operations) as readonly OperationName[];

/** What a process shows of itself that answers nobody else: no credential is needed for these from its own machine. */
export const healthOperations: readonly OperationName[] = ['livez', 'readyz', 'metrics'];
