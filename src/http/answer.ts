import { Buffer } from 'node:buffer';
import type { ServerResponse } from 'node:http';
import type { Problem } from './problem.ts';

/** Whether the server is stopping: answers then tell their client to close the connection. */
export interface StopSign {
  readonly stopping: boolean;
}

/** Content types as they are sent. JSON has no charset: it is UTF-8 by definition. */
export const jsonType = 'application/json';
/** What every problem is sent as. */
export const problemType = 'application/problem+json';

/**
 * Writes one whole answer. `headers` is name, value, name, value: Node writes such a list as it stands. Nothing happens
 * where an answer has gone out already, or the client has gone.
 */
export function writeAnswer(
  res: ServerResponse,
  stop: StopSign,
  status: number,
  type: string,
  headers: readonly string[],
  body: string,
): void {
  if (res.headersSent || res.destroyed) return;
  if (stop.stopping) res.shouldKeepAlive = false;
  res.writeHead(status, ['Content-Type', type, 'Content-Length', String(Buffer.byteLength(body)), ...headers]);
  res.end(body);
}

/** Writes a problem; no problem may be kept by a cache. */
export function writeProblem(res: ServerResponse, stop: StopSign, problem: Problem): void {
  const headers = Object.entries(problem.headers).flat();
  writeAnswer(res, stop, problem.status, problemType, ['Cache-Control', 'no-store', ...headers], problem.body);
}
