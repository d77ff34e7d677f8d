import type { RejectionReason } from '../core/decision.ts';
import type { ClaimDecision, ClaimView } from '../engine/views.ts';
import { problemType, jsonType } from './answer.ts';
import { problem, statusOf } from './problem.ts';

/** One answer to a claim, ready to be written: a status, headers as Node takes them in a list, and a body of ASCII. */
export interface ClaimAnswer {
  readonly status: number;
  readonly headers: readonly string[];
  readonly body: string;
}

type Rejected = Extract<ClaimDecision, { outcome: 'rejected' }>;

/**
 * A claim as JSON. By hand: a stock of 1,000 is answered to 1,000 users at once, and JSON.stringify takes twice as long;
 * and what the engine may one day keep beside these fields does not leak.
 */
export function claimJson(claim: ClaimView): string {
  const { id, eventId, userId, slot, nth, status, wonAt, code, issuedAt } = claim;
  const coupon = `${code === null ? 'null' : `"${code}"`},"issuedAt":${issuedAt === null ? 'null' : `"${issuedAt.toISOString()}"`}`;
  return `{"id":"${id}","eventId":"${eventId}","userId":${userIdJson(userId)},"slot":${slot},"nth":${nth},"status":"${status}","wonAt":"${wonAt.toISOString()}","code":${coupon}}`;
}

/** Of printable ASCII two characters alone need escaping. */
const userIdJson = (userId: string): string =>
  userId.includes('"') || userId.includes('\\') ? JSON.stringify(userId) : `"${userId}"`;

const noStore = ['Cache-Control', 'no-store'] as const;

function answer(status: number, type: string, body: string, extra: readonly string[] = []): ClaimAnswer {
  return { status, headers: ['Content-Type', type, 'Content-Length', String(body.length), ...noStore, ...extra], body };
}

const refusal = (reason: RejectionReason, detail: string): ClaimAnswer =>
  answer(statusOf[reason], problemType, problem(reason, detail).body);

// Made once: most claims of a good event are refused, and all in the same words.
const refusals: Readonly<Record<RejectionReason, ClaimAnswer>> = {
  closed: refusal('closed', 'The event is closed for ever.'),
  not_open: refusal('not_open', 'The event opens at the time that opensAt names.'),
  paused: refusal('paused', 'The event is paused; no place is given until it is resumed.'),
  limit_reached: refusal('limit_reached', 'The user has as many places of this event as one user may have.'),
  sold_out: refusal('sold_out', 'Every place of this event has been won.'),
};

/** What a decision is answered with. */
export function claimAnswer(decision: ClaimDecision): ClaimAnswer {
  if (decision.outcome === 'rejected') return rejectedAnswer(decision);
  const { replayed, claim } = decision;
  const body = `{"replayed":${replayed},"claim":${claimJson(claim)}}`;
  if (replayed) return answer(200, jsonType, body);
  return answer(201, jsonType, body, ['Location', `/v1/events/${claim.eventId}/claims/${claim.id}`]);
}

function rejectedAnswer(decision: Rejected): ClaimAnswer {
  const { reason, opensAt, claims } = decision;
  const made = refusals[reason];
  if (reason === 'not_open') return extended(made, 'opensAt', opensAt === null ? 'null' : `"${opensAt.toISOString()}"`);
  if (reason === 'limit_reached') return extended(made, 'claims', `[${claims.map(claimJson).join(',')}]`);
  return made;
}

/** A refusal with one member more at its end. */
const extended = (made: ClaimAnswer, name: string, json: string): ClaimAnswer =>
  answer(made.status, problemType, `${made.body.slice(0, -1)},"${name}":${json}}`);
