import type { Buffer } from 'node:buffer';
import type { ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { DibsError } from '../core/errors.ts';
import { jsonType, writeAnswer } from './answer.ts';
import { bodyReader, queryReader } from './call-input.ts';
import { claimRoute } from './claim-route.ts';
import type { Answer, Call, Handlers, HttpContext } from './context.ts';
import { type Caller, unauthorized } from './credentials.ts';
import { isLocal } from './loopback.ts';
import { credentials, type Operation } from './operation.ts';
import { type OperationName, operations } from './operations.ts';
import { claimHandlers } from './routes/claims.ts';
import { couponHandlers } from './routes/coupons.ts';
import { eventHandlers } from './routes/events.ts';
import { serviceHandlers } from './routes/service.ts';
import { fail, ProblemError, problemOf } from './trouble.ts';

type Route = (request: FastifyRequest, reply: FastifyReply) => void;

/** Serves these operations of the table. `document` is the text of `/openapi.json`. */
export async function registerRoutes(
  app: FastifyInstance,
  context: HttpContext,
  document: string,
  served: readonly OperationName[],
): Promise<void> {
  const { claim, ...others } = operations;
  const handlers: Handlers<Exclude<OperationName, 'claim'>> = {
    ...eventHandlers(context),
    ...claimHandlers(context),
    ...couponHandlers(context),
    ...serviceHandlers(context, document),
  };
  // Bodies are parsed by the routes themselves, once they know who sent them.
  await app.register(async (scope) => {
    scope.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => done(null, body));
    if (served.includes('claim')) scope.route({ method: claim.method, url: claim.path, handler: claimRoute(context) });
  });
  await app.register(async (scope) => {
    scope.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
    for (const [name, operation] of Object.entries(others)) {
      if (!served.includes(name as OperationName)) continue;
      const handle = handlers[name as keyof typeof handlers] as (call: Call) => Promise<Answer> | Answer;
      scope.route({ method: operation.method, url: operation.path, handler: route(operation, handle, context) });
    }
  });
}

function route(operation: Operation, handle: (call: Call) => Promise<Answer> | Answer, context: HttpContext): Route {
  const { log, authenticate } = context;
  const readBody = bodyReader(operation);
  const readQuery = queryReader(operation.query);

  const answer = async (request: FastifyRequest, res: ServerResponse, caller: Caller) => {
    const local = isLocal(request.raw);
    authorize(operation, caller, local);
    const { headers } = request.raw;
    const call: Call = {
      caller,
      params: request.params as Record<string, string>,
      query: readQuery(request.query),
      body: readBody(request.body as Buffer | undefined),
      head: request.raw.method === 'HEAD',
      accept: headers.accept,
      ifMatch: headers['if-match'],
      local,
      res,
    };
    await send(call, await handle(call), context);
  };

  return (request, reply) => {
    const caller = authenticate(request.raw.headers.authorization);
    answer(request, reply.raw, caller).catch((error: unknown) =>
      fail(reply.raw, context, () => problemOf(error, caller.kind, log)),
    );
  };
}

/** Throws the 401 or 403 of a caller who may not. */
function authorize({ credential }: Operation, caller: Caller, local: boolean): void {
  if (credential === 'anyone' || (credential === 'loopback_or_admin' && local)) return;
  if (caller.kind === 'nobody') throw new ProblemError(unauthorized(caller));
  const allowed: readonly Caller['kind'][] = credentials[credential];
  if (!allowed.includes(caller.kind)) {
    throw new DibsError('forbidden', `This call is for ${allowed.join(' and ')}, not for ${caller.kind}.`);
  }
}

async function send({ res, head }: Call, answer: Answer, { stop }: HttpContext): Promise<void> {
  if (answer === 'taken') return;
  const { status, headers = [] } = answer;
  if ('json' in answer) return writeAnswer(res, stop, status, jsonType, headers, JSON.stringify(answer.json));
  if ('text' in answer) return writeAnswer(res, stop, status, answer.type, headers, answer.text);
  if (stop.stopping) res.shouldKeepAlive = false;
  res.writeHead(status, ['Content-Type', answer.type, ...headers]);
  if (head) {
    answer.lines.destroy();
    res.end();
    return;
  }
  try {
    await pipeline(answer.lines, res);
  } catch (error) {
    // A reader who has seen enough is no trouble.
    if (!(error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE')) throw error;
  }
}
