import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import type { Static, TSchema } from 'typebox';
import type { Dibs } from '../engine/dibs.ts';
import type { StopSign } from './answer.ts';
import type { Authenticator, Caller } from './credentials.ts';
import type { Metrics } from './metrics.ts';
import type { OperationName, operations } from './operations.ts';

/** What the server writes to its log: trouble of its own, never a request that was merely refused. pino fits. */
export interface HttpLog {
  error(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** Sends live figures to everyone who follows them, all from one timer. */
export interface FigureStream {
  /** Takes a connection over; false where there are as many readers as are allowed, and then nothing was written. */
  open(res: ServerResponse): boolean;
  /** Ends all streams; those that open later end at once. */
  stop(): void;
}

/** What all routes share. */
export interface HttpContext {
  readonly dibs: Dibs;
  readonly authenticate: Authenticator;
  readonly log: HttpLog;
  readonly metrics: Metrics;
  readonly stop: StopSign;
  readonly stream: FigureStream;
}

/** One request as a handler sees it: authorised, and with its body and query checked. */
export interface Call<Body = unknown, Query = unknown> {
  readonly caller: Caller;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
  readonly body: Body;
  /** Whether the headers alone are asked for. */
  readonly head: boolean;
  readonly accept: string | undefined;
  readonly ifMatch: string | undefined;
  /** Whether it comes from this machine, with no proxy in between. */
  readonly local: boolean;
  /** For the one handler that answers by itself. */
  readonly res: ServerResponse;
}

/** What a handler answers; `headers` is name, value, name, value. */
export type Answer =
  | { readonly status: number; readonly json: unknown; readonly headers?: readonly string[] }
  | { readonly status: number; readonly type: string; readonly text: string; readonly headers?: readonly string[] }
  | { readonly status: number; readonly type: string; readonly lines: Readable; readonly headers?: readonly string[] }
  /** The handler has taken the connection over. */
  | 'taken';

type BodyOf<N extends OperationName> = (typeof operations)[N] extends { body: infer S extends TSchema }
  ? Static<S>
  : undefined;
type QueryOf<N extends OperationName> = (typeof operations)[N] extends { query: infer S extends TSchema }
  ? Static<S>
  : undefined;

/** Answers one operation. Trouble is thrown. */
export type Handler<N extends OperationName> = (call: Call<BodyOf<N>, QueryOf<N>>) => Promise<Answer> | Answer;

/** Handlers of some operations, by their names. */
export type Handlers<N extends OperationName> = { readonly [K in N]: Handler<K> };
