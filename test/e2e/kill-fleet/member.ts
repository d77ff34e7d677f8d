/** One process of a fleet, at one port for as long as its house stands, that is killed, stopped and started again. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import type { Fleet, MemberOptions } from '../fleet.ts';
import { NotStarted, type TestServer } from '../server.ts';

export type Role = 'api' | 'worker';

/** A store that is down keeps a process from starting; whoever watches over it tries again. */
const startWithinMs = 90_000;
const retryMs = 200;

export class Member {
  readonly name: string;
  readonly role: Role;
  readonly port: number;
  /** What each of its processes wrote, ended ones alone. */
  readonly outputs: string[] = [];
  /** Ends that nobody asked for. */
  readonly #accidents: string[];
  readonly #fleet: Fleet;
  readonly #options: MemberOptions;
  #child: ChildProcess | null = null;
  #server: TestServer | null = null;
  /** Whether the next end by SIGKILL is meant. */
  #expectsEnd = false;

  constructor(name: string, role: Role, port: number, fleet: Fleet, options: MemberOptions, accidents: string[]) {
    this.name = name;
    this.role = role;
    this.port = port;
    this.#fleet = fleet;
    this.#options = options;
    this.#accidents = accidents;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** As it runs now. */
  get server(): TestServer {
    if (this.#server === null) throw new Error(`${this.name} does not run`);
    return this.#server;
  }

  get runs(): boolean {
    return this.#server !== null;
  }

  /** Starts it, and again as long as the stores are not there. Gives how long the start took that succeeded. */
  async start(): Promise<number> {
    const until = performance.now() + startWithinMs;
    for (;;) {
      const startedAt = performance.now();
      try {
        const server = await this.#fleet[this.role]({
          ...this.#options,
          port: this.port,
          onSpawn: (child) => {
            this.#child = child;
          },
        });
        this.#server = server;
        this.#expectsEnd = false;
        void server.ended.then(({ code, signal, output }) => {
          this.outputs.push(output);
          if (this.#server !== server) return;
          this.#server = null;
          if (this.#expectsEnd && signal === 'SIGKILL') return;
          this.#accidents.push(`${this.name} ended with ${String(code ?? signal)} by itself: ${output.slice(-600)}`);
        });
        return performance.now() - startedAt;
      } catch (error) {
        if (!(error instanceof NotStarted)) throw error;
        this.outputs.push(error.ended.output);
        if (!/"code":"unavailable"/.test(error.ended.output) || performance.now() > until) throw error;
        await pause(retryMs);
      }
    }
  }

  async kill(): Promise<void> {
    this.#server = null;
    const child = this.#child;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  }

  /** Stops it for so long. A shell sets it going again, even where this process is killed meanwhile. */
  async stopFor(ms: number): Promise<void> {
    const { pid } = this.#child ?? {};
    if (pid === undefined) return;
    const script = 'kill -STOP "$0"; sleep "$1"; kill -CONT "$0"';
    const shell = spawn('/bin/sh', ['-c', script, String(pid), String(ms / 1000)], { detached: true, stdio: 'ignore' });
    await once(shell, 'exit');
  }

  /** Lets it end itself behind the next script that gives somebody a place; resolves once it has. */
  async killBehindScript(): Promise<void> {
    const { child, ended } = this.server;
    this.#expectsEnd = true;
    child.send('behind script');
    await ended;
  }
}
