/** One server process: started, waited for, signalled, started again, ended. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, closeSync } from 'node:fs';
import { open, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { plainEnvironment } from './command.ts';
import type { Place } from './folder.ts';
import { PortTaken } from './ports.ts';
import { lives, runnerOf, signalAll, treeOf } from './processes.ts';

/** How a service is started otherwise than it would be. */
export interface StartOptions {
  /** Settings in the server's own words; they go before the default ones. */
  readonly config?: Readonly<Record<string, string>>;
  /** A command line that runs the one behind it: `strace -f -o trace`, `faketime -1d`. */
  readonly wrap?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Where it aborts before the server answers, the start is given up and leaves nothing. */
  readonly signal?: AbortSignal;
}

/** How a server is started. */
export interface Launch extends StartOptions {
  /** The program and its arguments. */
  readonly command: readonly [program: string, ...args: string[]];
  /** Its log is there too. */
  readonly place: Place;
  /** What the server writes to its log once it answers. */
  readonly ready: string;
  /** What it writes where it cannot start yet, but will be able to. */
  readonly notYet?: RegExp;
  readonly user?: { readonly uid: number; readonly gid: number } | undefined;
}

/** Kafka takes 3 s alone and 20 s beside a full test run on two cores. */
const startMsMax = 90_000;
const endMsMax = 10_000;

/** A process that serves. */
export class Server {
  readonly #launch: Launch;
  readonly #log: string;
  #child: ChildProcess | null = null;
  #pid = 0;
  /** The process and its children at the last signal: some may outlive it for a moment. */
  #signalled: readonly number[] = [];

  private constructor(launch: Launch) {
    this.#launch = launch;
    this.#log = join(launch.place.path, 'log');
  }

  /** Resolves once it answers; throws what it said where it ends before that. */
  static async start(launch: Launch): Promise<Server> {
    const server = new Server(launch);
    await server.#start();
    return server;
  }

  /** The process itself, also behind a wrapper. */
  get pid(): number {
    return this.#pid;
  }

  get runs(): boolean {
    return this.#child !== null && isRunning(this.#child);
  }

  signal(signal: NodeJS.Signals): void {
    // By now another process may have its number.
    if (!this.runs) return;
    const pids = treeOf(this.#pid);
    this.#signalled = pids;
    this.#holds([this.#leader, ...pids]);
    signalAll(pids, signal);
  }

  async restart(): Promise<void> {
    if (!(await this.#gone())) throw new Error(`${this.#name} still runs: it is killed before it is started again`);
    const until = performance.now() + endMsMax;
    for (;;) {
      try {
        return await this.#start();
      } catch (error) {
        const { notYet } = this.#launch;
        if (notYet === undefined || !notYet.test(String(error)) || performance.now() > until) throw error;
        await pause(50);
      }
    }
  }

  async stop(): Promise<void> {
    if (this.runs) {
      this.#signalled = [...new Set([...this.#signalled, ...treeOf(this.#leader)])];
      signalAll(this.#signalled, 'SIGKILL');
    }
    if (!(await this.#gone())) throw new Error(`${this.#name} (${this.#pid}) does not end`);
  }

  #holds(pids: readonly number[]): void {
    this.#launch.place.leash.holds(this, pids);
  }

  /** The process that was started: the server, or what wraps it. */
  get #leader(): number {
    return this.#child?.pid ?? 0;
  }

  get #name(): string {
    return basename(this.#launch.command[0]);
  }

  async #start(): Promise<void> {
    const { command, wrap = [], env, place, user } = this.#launch;
    const [program = '', ...args] = [...wrap, ...command];
    const from = await stat(this.#log).then(
      ({ size }) => size,
      () => 0,
    );
    const log = openSync(this.#log, 'a');
    // A group of its own: Ctrl-C in a terminal is for whoever started the servers, who then ends them in order.
    const child = spawn(program, args, {
      detached: true,
      stdio: ['ignore', log, log],
      cwd: place.path,
      env: { ...plainEnvironment(), ...env },
      ...user,
    });
    closeSync(log);
    await once(child, 'spawn');
    this.#child = child;
    this.#pid = child.pid ?? 0;
    this.#signalled = [];
    this.#holds([this.#pid]);
    child.once('exit', () => {
      if (this.#child === child) this.#holds([]);
    });
    child.unref();
    await this.#answers(child, from);
    this.#pid = runnerOf(this.#pid, this.#name);
  }

  async #answers(child: ChildProcess, from: number): Promise<void> {
    const { ready, command, signal } = this.#launch;
    const until = performance.now() + startMsMax;
    for (;;) {
      const running = isRunning(child);
      const said = await readFrom(this.#log, from);
      if (said.includes(ready)) return;
      const tail = said.trim().split('\n').slice(-20).join('\n');
      if (!running && /address already in use/i.test(said)) throw new PortTaken(tail);
      if (!running) throw new Error(`${command.join(' ')} did not start:\n${tail}`);
      if (signal?.aborted === true) {
        await this.stop();
        throw new Error(`${command.join(' ')} was given up before it answered`);
      }
      if (performance.now() > until) {
        await this.stop();
        throw new Error(`${command.join(' ')} does not answer after ${startMsMax} ms:\n${tail}`);
      }
      await pause(10);
    }
  }

  /** Whether the process, and all that were signalled with it, end within a bound. */
  async #gone(): Promise<boolean> {
    const until = performance.now() + endMsMax;
    const left = (): boolean => this.runs || this.#signalled.some(lives);
    // Asked every few milliseconds: the exit of a child that does not keep this process alive may never be told.
    while (left() && performance.now() < until) await pause(5);
    return !left();
  }
}

const isRunning = (child: ChildProcess): boolean => child.exitCode === null && child.signalCode === null;

async function readFrom(path: string, from: number): Promise<string> {
  if (from === 0) return await readFile(path, 'utf8');
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const { buffer } = await file.read({ buffer: new Uint8Array(size - from), position: from });
    return new TextDecoder().decode(buffer);
  } finally {
    await file.close();
  }
}
