import { Buffer } from 'node:buffer';
import { type Dispatcher, Pool } from 'undici';
import type { Clock } from '../core/clock.ts';
import { systemClock } from '../lib/system-clock.ts';

/** What became of one claim, after as many attempts as it took. */
export interface ClaimAnswer {
  /** The HTTP status; 0 where no answer arrived before the client gave up. */
  readonly status: number;
  /** The JSON of the answer, null where it was none. */
  readonly body: unknown;
  /** Microseconds from the first attempt to the answer, waits between attempts included. */
  readonly micros: number;
  readonly attempts: number;
  /** Why the last attempt failed where the status is 0, else null. */
  readonly trouble: string | null;
}

/** Sends claims as an organiser's backend does. */
export interface ClaimClient {
  /** One claim; trouble is retried with the same key until an answer comes, or the client gives up. Never throws. */
  claim(eventId: string, userId: string, key?: string | null): Promise<ClaimAnswer>;
  /** Ends the connections; claims under way end with status 0. */
  close(): Promise<void>;
}

/** How a claim client reaches its server. */
export interface ClaimClientOptions {
  readonly url: string;
  readonly serviceKey: string;
  /** At most so many claims are on their way at once; more wait. 64 where absent. */
  readonly connections?: number;
  /** How long one claim is retried; 30 s where absent. */
  readonly giveUpAfterMs?: number;
  /** How long one attempt may take; 15 s where absent. */
  readonly attemptTimeoutMs?: number;
  readonly clock?: Clock;
}

interface Attempt {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly text: string;
}

/** Makes a client; what it holds open is ended by its `close`. */
export function createClaimClient(options: ClaimClientOptions): ClaimClient {
  const { serviceKey, connections = 64, giveUpAfterMs = 30_000, attemptTimeoutMs = 15_000 } = options;
  const clock = options.clock ?? systemClock;
  const url = new URL(options.url);
  const base = url.pathname.replace(/\/+$/, '');
  const pool = new Pool(url.origin, {
    connections,
    // One at a time on each: a cut connection then leaves one claim unknown, not a row of them.
    pipelining: 1,
    headersTimeout: attemptTimeoutMs,
    bodyTimeout: attemptTimeoutMs,
    connectTimeout: attemptTimeoutMs,
  });
  const stop = new AbortController();

  async function claim(eventId: string, userId: string, key: string | null = null): Promise<ClaimAnswer> {
    const headers: Record<string, string> = {
      authorization: `Bearer ${serviceKey}`,
      'content-type': 'application/json',
    };
    if (key !== null) headers['idempotency-key'] = key;
    const request: Dispatcher.DispatchOptions = {
      path: `${base}/v1/events/${encodeURIComponent(eventId)}/claims`,
      method: 'POST',
      headers,
      body: JSON.stringify({ userId }),
    };
    const startedAt = performance.now();
    const micros = () => Math.round((performance.now() - startedAt) * 1000);
    for (let attempts = 1; ; attempts += 1) {
      const attempt = await dispatch(pool, request);
      const isAnswer = !(attempt instanceof Error);
      const leftMs = giveUpAfterMs - micros() / 1000;
      const waitMs = retryWaitMs(attempt, attempts);
      if (isAnswer && (attempt.status !== 503 || waitMs > leftMs)) {
        return { status: attempt.status, body: parse(attempt.text), micros: micros(), attempts, trouble: null };
      }
      if (!isAnswer && (waitMs > leftMs || stop.signal.aborted)) {
        return { status: 0, body: null, micros: micros(), attempts, trouble: attempt.message };
      }
      await clock.sleep(waitMs, stop.signal);
    }
  }

  return {
    claim,
    async close() {
      stop.abort();
      await pool.destroy();
    },
  };
}

const backoffMs = { first: 50, most: 1000 } as const;

/** After a 503 what the server asks for; after a broken connection a little, doubled each time up to a second. */
function retryWaitMs(attempt: Attempt | Error, attempts: number): number {
  const asked = attempt instanceof Error ? Number.NaN : Number.parseInt(attempt.retryAfter ?? '', 10);
  if (Number.isSafeInteger(asked) && asked >= 0) return asked * 1000;
  const most = Math.min(backoffMs.most, backoffMs.first * 2 ** (attempts - 1));
  // Spread, or all that were cut at once would come back at once.
  return most * (0.5 + Math.random() / 2);
}

/** One request; an error is returned, for it is one of two things that are expected here. */
function dispatch(pool: Pool, request: Dispatcher.DispatchOptions): Promise<Attempt | Error> {
  return new Promise((resolve) => {
    let status = 0;
    let retryAfter: string | null = null;
    const chunks: Buffer[] = [];
    try {
      // The bare handler: `request` with its streams costs half as much again, on the machine that is being measured.
      pool.dispatch(request, {
        onRequestStart() {},
        onResponseStart(_controller, statusCode, headers) {
          status = statusCode;
          const header = headers['retry-after'];
          retryAfter = typeof header === 'string' ? header : null;
        },
        onResponseData(_controller, chunk) {
          chunks.push(chunk);
        },
        onResponseEnd() {
          resolve({ status, retryAfter, text: Buffer.concat(chunks).toString('utf8') });
        },
        onResponseError(_controller, error) {
          resolve(error);
        },
      });
    } catch (error) {
      resolve(error instanceof Error ? error : new Error(String(error)));
    }
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}
