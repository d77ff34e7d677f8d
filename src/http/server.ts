import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { fastify, type FastifyInstance } from 'fastify';
import type { Clock } from '../core/clock.ts';
import type { Dibs } from '../engine/dibs.ts';
import { systemClock } from '../lib/system-clock.ts';
import { methodsAt } from './address.ts';
import { writeProblem } from './answer.ts';
import { calmLog } from './calm-log.ts';
import type { HttpContext, HttpLog } from './context.ts';
import { type Credentials, createAuthenticator, nobody } from './credentials.ts';
import { frameworkProblem } from './framework-trouble.ts';
import { defaultLimits, type HttpLimits } from './limits.ts';
import type { Metrics } from './metrics.ts';
import { openApiDocument } from './openapi.ts';
import { healthOperations, operationNames, type OperationName, operations } from './operations.ts';
import { type Problem, problem } from './problem.ts';
import { registerRoutes } from './routes.ts';
import { clientErrorHandler, type ConnectionSweeper, createSweeper, endWithProblem } from './sockets.ts';
import { createFigureStream } from './stream.ts';
import { fail, problemOf } from './trouble.ts';

/** What a server is made of. */
export interface HttpOptions {
  readonly dibs: Dibs;
  /** Null: nobody has any, and nothing but health and metrics is served. */
  readonly credentials: Credentials | null;
  /** The same whose observer the engine was given. */
  readonly metrics: Metrics;
  readonly limits?: Partial<HttpLimits> | undefined;
  /** Where trouble of the server's own goes; `false` or absent: nowhere. */
  readonly logger?: HttpLog | false | undefined;
  /** By which participant tokens expire; the machine's own where absent. */
  readonly clock?: Clock | undefined;
}

const silent: HttpLog = { error: () => undefined, warn: () => undefined };

/**
 * The HTTP API over an engine, ready to listen. `close()` answers what is under way, ends streams, closes idle
 * connections and resolves within `stopGraceMs`; it leaves the engine open. Throws `invalid_configuration` for secrets
 * that are empty or the same.
 */
export async function createHttpServer(options: HttpOptions): Promise<FastifyInstance> {
  const limits: HttpLimits = { ...defaultLimits, ...options.limits };
  const clock = options.clock ?? systemClock;
  const log = options.logger === undefined || options.logger === false ? silent : calmLog(options.logger, clock);
  let sweeper: ConnectionSweeper | null = null;
  const stop = {
    get stopping() {
      return sweeper?.stopping ?? false;
    },
  };
  const app = fastify({
    // Its log would cost each claim more than the claim itself; trouble goes to ours.
    logger: false,
    genReqId: () => '',
    bodyLimit: limits.bodyBytesMax,
    // A request that comes while we stop is answered like any other, and told to close.
    return503OnClosing: false,
    // The header limit bounds a path long before; a long id is then no other trouble than an unknown one.
    routerOptions: { maxParamLength: limits.headerBytesMax },
    frameworkErrors: (error, _request, reply) => {
      fail(reply.raw, { log, stop }, () => frameworkProblem(error) ?? problemOf(error, 'nobody', log));
    },
    clientErrorHandler: clientErrorHandler(),
    serverFactory: (handler) => {
      const server = createNodeServer(limits, handler, stop);
      sweeper = createSweeper(server);
      return server;
    },
  });
  const stream = createFigureStream({
    figures: () => options.dibs.figures(),
    clientsMax: limits.streamClientsMax,
    intervalMs: limits.streamIntervalMs,
    log,
  });
  const context: HttpContext = {
    dibs: options.dibs,
    authenticate: options.credentials === null ? nobody : createAuthenticator(options.credentials, clock),
    log,
    metrics: options.metrics,
    stop,
    stream,
  };
  app.removeAllContentTypeParsers();
  const served = options.credentials === null ? healthOperations : operationNames;
  answerWithProblems(app, context, served);
  refuseUndeclared(app);
  app.addHook('preClose', async () => {
    sweeper?.stop(limits.stopGraceMs);
    stream.stop();
  });
  await registerRoutes(app, context, openApiDocument(), served);
  await app.ready();
  return app;
}

type RequestHandler = (req: IncomingMessage, res: ServerResponse) => void;

function createNodeServer(limits: HttpLimits, handler: RequestHandler, stop: { readonly stopping: boolean }): Server {
  const options = {
    maxHeaderSize: limits.headerBytesMax,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    connectionsCheckingInterval: limits.timeoutCheckIntervalMs,
    // Node's own refusal of a request without Host has no body; ours has.
    requireHostHeader: false,
  };
  const refuse = (res: ServerResponse, detail: string) => {
    res.shouldKeepAlive = false;
    writeProblem(res, stop, problem('malformed_request', detail));
  };
  const server = createServer(options, (req, res) => {
    if (req.headers.host === undefined && req.httpVersion === '1.1') refuse(res, 'The Host header is missing.');
    else handler(req, res);
  });
  server.maxConnections = limits.connectionsMax;
  server.on('checkExpectation', (_req, res: ServerResponse) => refuse(res, 'That expectation is not met here.'));
  server.on('connect', (_req, socket) =>
    endWithProblem(socket, problem('method_not_allowed', undefined, {}, { Allow: '' })),
  );
  return server;
}

/** What no route answers, and what fails before a route is reached. */
function answerWithProblems(app: FastifyInstance, context: HttpContext, served: readonly OperationName[]): void {
  app.setNotFoundHandler((request, reply) => fail(reply.raw, context, () => addressProblem(request.raw, served)));
  app.setErrorHandler((error, request, reply) => {
    // Of an address that does not take the request at all, it does not matter what is wrong with its body.
    const made = request.is404 ? addressProblem(request.raw, served) : frameworkProblem(error);
    if (made?.status === 413) drain(request.raw, app.initialConfig.bodyLimit);
    fail(reply.raw, context, () => made ?? problemOf(error, 'nobody', context.log));
  });
}

function addressProblem({ url = '', method = '' }: IncomingMessage, served: readonly OperationName[]): Problem {
  const path = url.split('?', 1)[0] ?? '';
  const methods = methodsAt(path, served);
  if (methods.length === 0) return problem('not_found');
  const allow = methods.join(', ');
  return problem('method_not_allowed', `${path} answers ${allow}, not ${method}.`, {}, { Allow: allow });
}

/** Every route stands in the table, so that none is without a credential. Throws where one is not. */
function refuseUndeclared(app: FastifyInstance): void {
  const declared = new Set(Object.values(operations).map(({ method, path }) => `${method} ${path}`));
  app.addHook('onRoute', ({ method, url }) => {
    for (const each of [method].flat()) {
      const own = each === 'HEAD' ? 'GET' : each;
      if (!declared.has(`${own} ${url}`)) throw new Error(`${each} ${url} is not in the table of operations`);
    }
  });
}

/** Reads the rest of a body that is too large, up to a bound: who is cut off in mid-sending never reads the answer. */
function drain(request: IncomingMessage, bodyLimit = 0): void {
  let left = Math.max(64 * bodyLimit, 1024 * 1024);
  request.on('data', (chunk: { readonly length: number }) => {
    left -= chunk.length;
    if (left < 0) request.destroy();
  });
  request.resume();
}
