import { Buffer } from 'node:buffer';
import { STATUS_CODES, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { problemType, type StopSign } from './answer.ts';
import { type Problem, problem } from './problem.ts';

// What was still under way when an error was answered is read and thrown away for so long: a socket that is closed
// with unread bytes is reset, and the reset overtakes the answer.
const lingerMs = 1000;

/** The problem of what never became a request. */
function socketProblem(code: string | undefined): Problem {
  switch (code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return problem('request_timeout');
    case 'HPE_HEADER_OVERFLOW':
      return problem('headers_too_large');
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return problem('payload_too_large');
    default:
      return problem('malformed_request', 'What arrived is not an HTTP/1.1 request.');
  }
}

/** Writes a problem to a bare socket and closes it. */
export function endWithProblem(socket: Duplex, { status, headers, body }: Problem): void {
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    `Content-Type: ${problemType}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
    'Connection: close',
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`);
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  socket.once('close', () => clearTimeout(timer));
}

/** A handler of `clientError`: answers what Node could not read as a request. */
export function clientErrorHandler(): (error: Error & { code?: string }, socket: Duplex) => void {
  const ended = new WeakSet<Duplex>();
  return (error, socket) => {
    // More of the same bytes, or the end of the time for them, are errors again.
    if (ended.has(socket)) return;
    ended.add(socket);
    if (error.code === 'ECONNRESET' || !socket.writable || isAnswering(socket)) {
      socket.destroy();
      return;
    }
    endWithProblem(socket, socketProblem(error.code));
  };
}

/**
 * Whether an answer to an earlier request of this connection is still owed or half written. What is written now would be
 * read as that answer, and a claim that was won as refused: better none, which the client knows to ask for again.
 */
function isAnswering(socket: Duplex): boolean {
  const { _httpMessage: current } = socket as Duplex & { readonly _httpMessage?: ServerResponse | null };
  return current !== undefined && current !== null && (current.headersSent || current.req.complete);
}

/** What is left to close when a server stops. */
export interface ConnectionSweeper extends StopSign {
  /** From now on idle connections are closed as soon as they are seen, and all of them `graceMs` from now. */
  stop(graceMs: number): void;
}

const sweepIntervalMs = 25;

/** Node waits for every connection before a server is closed, for kept-alive and never used ones too; this closes them. */
export function createSweeper(server: Server): ConnectionSweeper {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  let stopping = false;
  return {
    get stopping() {
      return stopping;
    },
    stop(graceMs) {
      stopping = true;
      // One that never listened is never closed either.
      if (!server.listening) return;
      const sweep = () => {
        server.closeIdleConnections();
        // To Node a connection that has sent nothing yet is not idle but about to send.
        for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
      };
      sweep();
      const sweeper = setInterval(sweep, sweepIntervalMs);
      const last = setTimeout(() => {
        for (const socket of sockets) socket.destroy();
      }, graceMs);
      server.once('close', () => {
        clearInterval(sweeper);
        clearTimeout(last);
      });
    },
  };
}
