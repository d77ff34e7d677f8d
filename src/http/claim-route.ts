import type { ServerResponse } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isEventId, isUserId, userIdRule } from '../core/claim.ts';
import { DibsError } from '../core/errors.ts';
import type { ClaimDecision, ClaimInput } from '../engine/views.ts';
import { claimAnswer } from './claim-answer.ts';
import type { HttpContext, HttpLog } from './context.ts';
import { type Caller, unauthorized } from './credentials.ts';
import { parseJson } from './json.ts';
import { type Problem, problem } from './problem.ts';
import { ownUserId } from './routes/claims.ts';
import { newClaimSchema } from './schemas.ts';
import { fail, ProblemError, problemOf } from './trouble.ts';
import { validator } from './validate.ts';

/**
 * `POST /v1/events/{eventId}/claims`: the one route that a crowd uses, so it goes by itself, without hooks, logging or
 * a framework's serializer. Everything up to the engine is synchronous. Bodies come as text.
 */
export function claimRoute(context: HttpContext): (request: FastifyRequest, reply: FastifyReply) => void {
  const { dibs, metrics, stop, log } = context;
  const readClaim = claimReader(context);

  const failed = (res: ServerResponse, startedAt: number, error: unknown) => {
    metrics.claimAnswered((performance.now() - startedAt) / 1000);
    fail(res, context, () => claimProblem(error, log));
  };
  const answer = (res: ServerResponse, startedAt: number, decision: ClaimDecision) => {
    try {
      const { status, headers, body } = claimAnswer(decision);
      metrics.claimAnswered((performance.now() - startedAt) / 1000);
      // Its client may have gone while the gate decided; the win stands, and the same key finds it again.
      if (res.destroyed || res.headersSent) return;
      if (stop.stopping) res.shouldKeepAlive = false;
      res.writeHead(status, headers as string[]);
      res.end(body);
    } catch (error) {
      failed(res, startedAt, error);
    }
  };

  return (request, reply) => {
    const startedAt = performance.now();
    const res = reply.raw;
    let claim: ClaimInput;
    try {
      claim = readClaim(request);
    } catch (error) {
      fail(res, context, () => problemOf(error, 'nobody', log));
      return;
    }
    try {
      // One callback for each end: a chain of three promises more made a claim 0.5 µs dearer.
      dibs.claim(claim).then(
        (decision) => answer(res, startedAt, decision),
        (error: unknown) => failed(res, startedAt, error),
      );
    } catch (error) {
      // Out of the call itself, and still from behind the border: the claim may have been decided.
      failed(res, startedAt, error);
    }
  };
}

/** What became of a claim that was handed over is only known where the engine says so. */
function claimProblem(error: unknown, log: HttpLog): Problem {
  const known = error instanceof DibsError && error.code !== 'internal' && error.code !== 'invariant_broken';
  if (known) return problemOf(error, 'nobody', log);
  log.error({ err: error }, 'a claim was handed over, and its outcome is not known');
  return problem('unknown_outcome');
}

/** Gives the claim that a request makes, or throws what is wrong with it. */
function claimReader({ authenticate }: HttpContext): (request: FastifyRequest) => ClaimInput {
  const checkBody = validator(newClaimSchema);
  const bodyUserId = (text: unknown): string | undefined =>
    typeof text === 'string' && text !== '' ? checkBody(parseJson(text)).userId : undefined;

  return (request) => {
    const { headers } = request.raw;
    const caller = authenticate(headers.authorization);
    if (caller.kind === 'nobody') throw new ProblemError(unauthorized(caller));
    if (caller.kind === 'admin') throw new DibsError('forbidden', 'The admin key may not claim; use the service key.');
    const { eventId } = request.params as { readonly eventId: string };
    if (!isEventId(eventId)) throw new DibsError('event_not_found');
    const own = ownUserId(caller, eventId);
    const key = idempotencyKey(headers['idempotency-key']);
    return { eventId, userId: claimant(caller, own, bodyUserId(request.body)), key };
  };
}

function claimant(caller: Caller, own: string | undefined, named: string | undefined): string {
  if (own !== undefined) {
    if (named !== undefined && named !== own) {
      throw new DibsError('forbidden', `A ${caller.kind} may claim in no other name than that of the token.`);
    }
    return own;
  }
  if (named !== undefined) return named;
  throw new DibsError('invalid_request', '/userId is required', {
    details: { errors: [{ path: '/userId', message: 'is required' }] },
  });
}

function idempotencyKey(header: string | string[] | undefined): string | null {
  if (header === undefined) return null;
  // A header that was sent twice comes joined by a comma and a space, which is no key either.
  if (!isUserId(header)) throw new DibsError('invalid_idempotency_key', `Idempotency-Key ${userIdRule}.`);
  return header;
}
