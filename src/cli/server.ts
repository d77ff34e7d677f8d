import type { Config } from '../config.ts';
import { type Trouble, troubles } from '../core/errors.ts';
import { type Credential, KeyRing } from './key-ring.ts';
import { visible } from './text.ts';
import { CliTrouble } from './trouble.ts';

/** What JSON makes of a view of the engine: moments become text. */
export type Wire<T> = T extends Date
  ? string
  : T extends readonly (infer Item)[]
    ? readonly Wire<Item>[]
    : T extends object
      ? { readonly [Name in keyof T]: Wire<T[Name]> }
      : T;

/** One call of the API. */
export interface Call {
  readonly method?: 'GET' | 'POST' | 'PATCH';
  readonly path: string;
  readonly as: Credential | 'anyone';
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Codes of problems that are answers to the caller, not trouble. */
  readonly expected?: readonly string[];
  /** How long an answer may take; a minute where absent. */
  readonly timeoutMs?: number;
}

/** An answer; `problem` is null unless one of the expected ones was given. */
export interface ServerAnswer<T> {
  readonly status: number;
  readonly body: T;
  readonly problem: Readonly<Record<string, unknown>> | null;
}

/** Items of a list over all its pages. */
export interface ServerList<T> {
  readonly items: readonly T[];
  /** Whether there are more than were asked for. */
  readonly more: boolean;
}

const timeoutDefaultMs = 60_000;
const streamTimeoutMs = 3_600_000;
const pageLimit = 1000;

/** The server that the commands act on. Every method throws `CliTrouble` in words for whoever typed the command. */
export class Server {
  readonly url: string;
  readonly keys: KeyRing;

  constructor(config: Config) {
    this.url = config.url;
    this.keys = new KeyRing(config);
  }

  async ask<T>(call: Call): Promise<ServerAnswer<T>> {
    const response = await this.#send(call, 'application/json');
    const text = await response.text().catch((error: unknown) => {
      throw cutAnswer(this.url, error);
    });
    const body = parsed(text);
    const isExpected = call.expected?.includes(String(body?.['code'])) === true;
    if (!response.ok && !isExpected) throw await this.#refusal(call, response, body);
    if (body === null) throw notDibs(this.url, response.status);
    return { status: response.status, body: body as T, problem: response.ok ? null : body };
  }

  /** At most `max` items of a list. */
  async list<T>(path: string, max: number): Promise<ServerList<T>> {
    const items: T[] = [];
    let cursor: string | null = null;
    do {
      const query = new URLSearchParams({ limit: String(Math.min(pageLimit, max - items.length)) });
      if (cursor !== null) query.set('cursor', cursor);
      const call: Call = { path: `${path}${path.includes('?') ? '&' : '?'}${query.toString()}`, as: 'admin' };
      const { body } = await this.ask<{ items: T[]; nextCursor: string | null }>(call);
      items.push(...body.items);
      cursor = body.nextCursor;
    } while (cursor !== null && items.length < max);
    return { items, more: cursor !== null };
  }

  /** A body of any size as it arrives. */
  async *stream(path: string, accept: string): AsyncGenerator<Uint8Array> {
    const call: Call = { path, as: 'admin', timeoutMs: streamTimeoutMs };
    const response = await this.#send(call, accept);
    if (!response.ok) throw await this.#refusal(call, response, parsed(await response.text()));
    if (response.body === null || !response.headers.get('content-type')?.startsWith(accept)) {
      throw notDibs(this.url, response.status);
    }
    try {
      yield* response.body;
    } catch (error) {
      throw cutAnswer(this.url, error);
    }
  }

  /** Whether anything answers at the address. */
  async answers(): Promise<boolean> {
    try {
      await fetch(`${this.url}/livez`, { redirect: 'error', signal: AbortSignal.timeout(2000) });
      return true;
    } catch {
      return false;
    }
  }

  async #send(call: Call, accept: string): Promise<Response> {
    const { method = 'GET', path, as, body, timeoutMs = timeoutDefaultMs } = call;
    const headers: Record<string, string> = { accept, ...call.headers };
    if (as !== 'anyone') headers['authorization'] = `Bearer ${await this.#keyFor(as)}`;
    if (body !== undefined) headers['content-type'] = 'application/json';
    const signal = AbortSignal.timeout(timeoutMs);
    try {
      return await fetch(this.url + path, {
        method,
        headers,
        // A redirect would carry the key to wherever it leads.
        redirect: 'error',
        signal,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    } catch (error) {
      throw signal.aborted ? lateAnswer(this.url, method, timeoutMs) : noServer(this.url, error);
    }
  }

  /** Whoever has neither key nor server is told of the server: starting one makes keys. */
  async #keyFor(as: Credential): Promise<string> {
    const held = await this.keys.find(as);
    if (held !== null) return held.key;
    throw (await this.answers()) ? this.keys.missing(as) : noServer(this.url, null);
  }

  async #refusal(call: Call, response: Response, problem: Record<string, unknown> | null): Promise<CliTrouble> {
    const { status } = response;
    if ((status === 401 || status === 403) && call.as !== 'anyone') return this.keys.refused(call.as, this.url);
    if (problem === null || typeof problem['code'] !== 'string') return notDibs(this.url, status);
    const { code } = problem;
    return new CliTrouble(code, visible(saidOf(problem)), {
      exitCode: code === 'invalid_request' ? 2 : 1,
      remedy: remedyFor(code, call.path, response.headers.get('retry-after')),
      details: { status, problem },
    });
  }
}

const troubleOf = (code: unknown): Trouble | undefined => (troubles as Readonly<Record<string, Trouble>>)[String(code)];

/** What a problem says: what may pass names only its cause, and what a client is told of nothing in particular is a remedy. */
function saidOf({ code, title, detail }: Readonly<Record<string, unknown>>): string {
  const trouble = troubleOf(code);
  if (typeof detail !== 'string') return String(title ?? code);
  if (trouble === undefined) return detail;
  if (detail === trouble.remedy) return `${trouble.title}.`;
  return trouble.retryable ? `${trouble.title}: ${detail}` : detail;
}

/** For whoever typed the command: an operator, who has no key to send again and nobody to wait for. */
function remedyFor(code: string, path: string, retryAfter: string | null): string | null {
  const eventId = /^\/v1\/events\/([^/?]+)/.exec(path)?.[1];
  if (code === 'recovering' && eventId !== undefined)
    return `\`dibs recover ${decodeURIComponent(eventId)}\` shows what its stores hold, and asks before it rebuilds it.`;
  if (retryAfter === null) return code === 'reissue_refused' ? (troubleOf(code)?.remedy ?? null) : null;
  const again = `The same again in ${visible(retryAfter)} s may succeed`;
  return code === 'unavailable' ? `${again}; /readyz of the server says what is missing.` : `${again}.`;
}

/** The path of an event, and of what lies under it. */
export const eventPath = (eventId: string, below = ''): string => `/v1/events/${encodeURIComponent(eventId)}${below}`;

/** The header that makes a change only to the revision that it was meant for. */
export const ifMatch = (revision: number): Record<string, string> => ({ 'if-match': `"${revision}"` });

function parsed(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function noServer(url: string, error: unknown): CliTrouble {
  const cause = error instanceof Error ? (error.cause ?? error) : null;
  const code = (cause as NodeJS.ErrnoException | null)?.code;
  const why = code === undefined ? '' : ` (${code})`;
  return new CliTrouble('no_server', `No server answers at ${url}${why}.`, {
    remedy: 'Start one with `dibs serve`, or name another with --url or DIBS_URL.',
  });
}

const lateAnswer = (url: string, method: string, timeoutMs: number): CliTrouble =>
  new CliTrouble('no_answer', `The server at ${url} did not answer within ${timeoutMs / 1000} s.`, {
    remedy: method === 'GET' ? null : 'It may have been done: look before you do it again.',
  });

const cutAnswer = (url: string, error: unknown): CliTrouble =>
  new CliTrouble('cut_answer', `The answer of ${url} broke off (${error instanceof Error ? error.message : ''}).`, {
    remedy: 'Look whether it was done before you do it again.',
  });

const notDibs = (url: string, status: number): CliTrouble =>
  new CliTrouble('not_dibs', `What answers at ${url} is not Dibs (status ${status}).`, {
    remedy: 'Name the address of a Dibs server with --url or DIBS_URL.',
  });
