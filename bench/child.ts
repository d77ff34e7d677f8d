import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Role } from '../src/config.ts';
import type { Sample, ServerTask, Usage } from './server.ts';

/** A server process that runs. */
export interface Server {
  readonly url: string;
  readonly serviceKey: string;
  /** CPU since the last question; waits until everything is issued. */
  usage(): Promise<Usage>;
  /** As `usage`, with memory after a full collection. */
  settle(): Promise<Usage>;
  stop(): Promise<void>;
}

/** Starts Dibs over a folder of its own, removed when it stops. */
export async function startDibs(
  capacity: number,
  roles: readonly Role[],
  profiles: string | null = null,
): Promise<Server> {
  const data = await mkdtemp(join(tmpdir(), 'dibs-bench-'));
  const serviceKey = randomBytes(32).toString('base64url');
  const flags = profiles === null ? [] : ['--cpu-prof', '--cpu-prof-interval=200', `--cpu-prof-dir=${profiles}`];
  const server = await start({ kind: 'dibs', data, capacity, roles, serviceKey }, serviceKey, flags);
  return {
    ...server,
    async stop() {
      await server.stop();
      await rm(data, { recursive: true, force: true });
    },
  };
}

/** Starts a bare Fastify route that gives this answer to whatever is sent. */
export const startBare = (sample: Sample): Promise<Server> =>
  start({ kind: 'bare', sample }, randomBytes(32).toString('base64url'));

async function start(task: ServerTask, serviceKey: string, flags: readonly string[] = []): Promise<Server> {
  const child = fork(join(import.meta.dirname, 'server.ts'), { execArgv: ['--expose-gc', ...flags] });
  child.send(task);
  const { url } = await next<{ url: string }>(child);
  const ask = (question: 'usage' | 'settle'): Promise<Usage> => {
    child.send(question);
    return next<Usage>(child);
  };
  return {
    url,
    serviceKey,
    usage: () => ask('usage'),
    settle: () => ask('settle'),
    async stop() {
      const exit = once(child, 'exit');
      child.disconnect();
      await exit;
    },
  };
}

async function next<T>(child: ChildProcess): Promise<T> {
  const ended = once(child, 'exit').then(([code, signal]): never => {
    throw new Error(`the server ended (${String(code ?? signal)})`);
  });
  const [message] = await Promise.race([once(child, 'message') as Promise<[T]>, ended]);
  return message;
}
