/** A server that is killed and started again, at one address and on one data folder, and what is known of both. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { IssuedWin } from '../../../src/core/history.ts';
import { NotStarted, startServer, type TestServer } from '../server.ts';

/** An event of an earlier cycle: what has been issued of it stays so for ever. */
export interface PastEvent {
  readonly id: string;
  readonly coupons: readonly IssuedWin[];
}

/** What one start took from its beginning to the line that says that it listens. */
interface Start {
  readonly afterKill: boolean;
  readonly millis: number;
}

export class House {
  readonly folder: string;
  readonly data: string;
  readonly past: PastEvent[] = [];
  readonly starts: Start[] = [];
  /** When the server was killed, by `performance.now()`. */
  readonly kills: number[] = [];
  /** Ends of the server that nobody asked for. */
  readonly accidents: string[] = [];
  readonly #port: number;
  readonly #preloads: readonly URL[];
  flags: readonly string[] = [];
  #child: ChildProcess | null = null;
  #server: TestServer | null = null;
  #wasKilled = false;

  constructor(folder: string, port: number, preloads: readonly URL[]) {
    this.folder = folder;
    this.data = join(folder, 'data');
    this.#port = port;
    this.#preloads = preloads;
  }

  static async build(preloads: readonly URL[]): Promise<House> {
    return new House(await mkdtemp(join(tmpdir(), 'dibs-kill-')), await freePort(), preloads);
  }

  get server(): TestServer {
    if (this.#server === null) throw new Error('the server does not run');
    return this.#server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async start(): Promise<TestServer> {
    const startedAt = performance.now();
    const server = await this.#spawn();
    this.starts.push({ afterKill: this.#wasKilled, millis: performance.now() - startedAt });
    this.#wasKilled = false;
    this.#server = server;
    void server.ended.then(({ code, signal, output }) => {
      if (this.#server !== server) return;
      this.accidents.push(`the server ended with ${String(code ?? signal)} by itself: ${output.slice(-500)}`);
    });
    return server;
  }

  /** Starts it and kills it so many milliseconds later, whether it listens by then or not. */
  async startAndKill(afterMs: number): Promise<void> {
    const started = this.#spawn().catch((error: unknown) => {
      if (!(error instanceof NotStarted)) throw error;
      if (error.ended.signal !== 'SIGKILL') this.accidents.push(error.message);
      return null;
    });
    await pause(afterMs);
    await this.#end();
    await started;
    this.kills.push(performance.now());
    this.#wasKilled = true;
  }

  async kill(): Promise<void> {
    this.#server = null;
    await this.#end();
    this.kills.push(performance.now());
    this.#wasKilled = true;
  }

  /** Ends the server and removes everything. */
  async tearDown(): Promise<void> {
    this.#server = null;
    await this.#end();
    await rm(this.folder, { recursive: true, force: true });
  }

  #spawn(): Promise<TestServer> {
    return startServer({
      data: this.data,
      port: this.#port,
      flags: this.flags,
      preloads: this.#preloads,
      onSpawn: (child) => {
        this.#child = child;
      },
    });
  }

  async #end(): Promise<void> {
    const child = this.#child;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  }
}

/** One port for all starts, so that clients find the server where it was. */
async function freePort(): Promise<number> {
  const probe = createServer();
  probe.listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
