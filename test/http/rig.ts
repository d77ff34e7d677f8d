/** A real engine on real SQLite in a folder of its own, behind a server that listens; one for each test file or test. */
import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { openDibs } from '../../src/compose.ts';
import type { Clock } from '../../src/core/clock.ts';
import type { Dibs } from '../../src/engine/dibs.ts';
import type { EventView } from '../../src/engine/views.ts';
import type { HttpLimits } from '../../src/http/limits.ts';
import { createMetrics } from '../../src/http/metrics.ts';
import { createHttpServer } from '../../src/http/server.ts';
import { signToken } from '../../src/lib/participant-token.ts';
import { assertDeclared } from './conformance.ts';

export const credentials = {
  adminKey: 'admin-key-of-the-tests-0123456789',
  serviceKey: 'service-key-of-the-tests-012345678',
  tokenSecret: 'token-secret-of-the-tests-01234567',
};

/** A token that is good for a day, unless `expiresAt` says otherwise. */
export const tokenOf = (userId: string, eventId: string, expiresAt = Date.now() + 86_400_000): string =>
  signToken({ userId, eventId, expiresAt }, credentials.tokenSecret);

export interface Sent {
  /** `admin`, `service`, `nobody`, or a token or key of the test's own. */
  readonly as?: string;
  /** Text is sent as it stands, anything else as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An answer, read whole; `json` is null where the body is none. */
export interface Got {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: Json;
}
/** What answers hold, by the names of the contract; a test that reads what is not there fails by what it finds. */
export interface Json {
  readonly [name: string]: unknown;
  readonly type: string;
  readonly title: string;
  readonly status: unknown;
  readonly detail: string;
  readonly code: string;
  readonly errors: readonly { readonly path: string; readonly message: string }[];
  readonly claim: Json;
  readonly claims: readonly Json[];
  readonly items: readonly Json[];
  readonly missing: readonly Json[];
  readonly nextCursor: string | null;
}

export interface Rig {
  readonly url: string;
  readonly port: number;
  readonly dibs: Dibs;
  readonly app: FastifyInstance;
  /** What the server has logged. */
  readonly logged: { readonly message: string; readonly fields: object }[];
  call(method: string, path: string, sent?: Sent): Promise<Got>;
  /** Sends bytes as they are and reads until the server closes. */
  raw(bytes: string | Buffer): Promise<string>;
  /** All events as they stand, without the clock. */
  events(): Promise<string>;
  create(event: Parameters<Dibs['createEvent']>[0]): Promise<EventView>;
  /** Once, however often it is called. */
  close(): Promise<void>;
}

export interface RigOptions {
  readonly limits?: Partial<HttpLimits>;
  /** Methods that stand in for the engine's own: faults that a healthy store does not show. */
  readonly override?: Partial<Dibs>;
  readonly clock?: Clock;
}

export async function openRig({ limits, override = {}, clock }: RigOptions = {}): Promise<Rig> {
  const data = await mkdtemp(join(tmpdir(), 'dibs-http-'));
  const metrics = createMetrics();
  const dibs = await openDibs({ data, observer: metrics.observer, clock });
  const logged: { message: string; fields: object }[] = [];
  const write = (fields: object, message: string) => logged.push({ message, fields });
  const logger = { error: write, warn: write };
  const app = await createHttpServer({ dibs: overridden(dibs, override), credentials, metrics, limits, logger, clock });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  const port = Number(new URL(url).port);
  let closing: Promise<void> | null = null;
  const closeAll = async () => {
    await app.close();
    await dibs.close();
    await rm(data, { recursive: true });
  };
  const keys: Record<string, string> = { admin: credentials.adminKey, service: credentials.serviceKey };

  return {
    url,
    port,
    dibs,
    app,
    logged,
    async call(method, path, { as = 'nobody', body, headers = {} } = {}) {
      const sent = new Headers(headers);
      if (as !== 'nobody') sent.set('authorization', `Bearer ${keys[as] ?? as}`);
      if (body !== undefined && !sent.has('content-type')) sent.set('content-type', 'application/json');
      const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
      const init: RequestInit = { method, headers: sent, redirect: 'manual' };
      const got = await read(await fetch(url + path, text === undefined ? init : { ...init, body: text }));
      assertDeclared(method, path, got);
      return got;
    },
    async raw(bytes) {
      const socket = await open(port);
      socket.write(bytes);
      return await rest(socket);
    },
    async events() {
      const { items } = await dibs.listEvents({ limit: 1000 });
      return JSON.stringify(items, (name, value: unknown) => (name === 'serverTime' ? undefined : value));
    },
    create: async (event) => (await dibs.createEvent(event)).event,
    close() {
      closing ??= closeAll();
      return closing;
    },
  };
}

/** `dibs` with some methods replaced; the others keep their `this`. */
function overridden(dibs: Dibs, override: Partial<Dibs>): Dibs {
  return new Proxy(dibs, {
    get(target, name) {
      const method = override[name as keyof Dibs] ?? target[name as keyof Dibs];
      return typeof method === 'function' ? method.bind(target) : method;
    },
  });
}

export async function open(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  await once(socket, 'connect');
  return socket;
}

/** All that a connection brings until its other side ends it. A reset counts as an end: what came before it is what matters. */
export async function rest(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on('error', () => undefined);
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.once('end', () => socket.end());
  // Not `once` of node:events, which would reject with the reset.
  await new Promise((resolve) => socket.once('close', resolve));
  return Buffer.concat(chunks).toString('utf8');
}

async function read(response: Response): Promise<Got> {
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: parse(text) };
}

function parse(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return {} as Json;
  }
}

/** The status of a raw answer, and its body. */
export function parseRaw(answer: string): { status: number; head: string; json: Json } {
  const at = answer.indexOf('\r\n\r\n');
  return { status: Number(answer.slice(9, 12)), head: answer.slice(0, at), json: parse(answer.slice(at + 4)) };
}

/** Every answer of 400 and above is a problem document that names itself. */
export function assertProblem(got: Got, status: number, code: string): void {
  assert.equal(got.json.code, code, got.text);
  assert.equal(got.status, status);
  assert.equal(got.headers.get('content-type'), 'application/problem+json');
  assert.equal(got.headers.get('cache-control'), 'no-store');
  assert.deepEqual(Object.keys(got.json).slice(0, 5), ['type', 'title', 'status', 'detail', 'code']);
  assert.equal(got.json.type, `/problems/${code}`);
  assert.equal(got.json.status, status);
  assert.ok(got.json.title.length > 0 && got.json.detail.length > 0);
}

/** The fields that an `invalid_request` names. */
export const faultPaths = (got: Got): string[] => (got.json.errors ?? []).map((fault) => fault.path);
