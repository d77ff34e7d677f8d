/** The real command line as child processes, with an environment and a folder of their own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';

export const bin = join(import.meta.dirname, '../../src/cli/bin.ts');

/** What one command has said and how it ended. */
export interface Said {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Flags of Node itself. */
  readonly node?: readonly string[];
  readonly signal?: AbortSignal;
}

type Cleanup = { after(cleanup: () => void | Promise<void>): unknown };

/** A folder that goes with the test. */
export function temporaryFolder(t: Cleanup): string {
  const folder = mkdtempSync(join(tmpdir(), 'dibs-cli-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function start(args: readonly string[], { cwd, env, node = [] }: RunOptions): ChildProcess {
  const own = (name: string) => /^(DIBS_|NO_COLOR$|FORCE_COLOR$|NODE_TEST_CONTEXT$|NODE_OPTIONS$)/.test(name);
  const plain = Object.fromEntries(Object.entries(process.env).filter(([name]) => !own(name)));
  return spawn(process.execPath, [...node, bin, ...args], {
    cwd,
    env: { ...plain, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function ended(child: ChildProcess): Promise<Said> {
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new Error('a child without pipes');
  const [said, errors, [code]] = await Promise.all([text(stdout), text(stderr), once(child, 'close')]);
  return { code: code as number | null, stdout: said, stderr: errors };
}

/** Runs one command to its end. */
export async function dibs(args: readonly string[], options: RunOptions): Promise<Said> {
  const child = start(args, options);
  options.signal?.addEventListener('abort', () => child.kill('SIGINT'), { once: true });
  return ended(child);
}

/** A server that a test has started; whatever becomes of the test, it is gone afterwards. */
export interface TestServe {
  readonly url: string;
  readonly folder: string;
  /** All that it has said until it listened; its last line is the first that could be read. */
  readonly lines: readonly string[];
  /** Stops it by a signal, once. */
  stop(signal?: NodeJS.Signals): Promise<Said>;
  /** A command that acts on this server. */
  run(...args: string[]): Promise<Said>;
  /** The same with `--json`, and its document. */
  json<T>(...args: string[]): Promise<T>;
}

/** Starts `dibs serve` on a free port, with its data in `folder`; resolves once `until` was said. */
export async function serve(
  t: Cleanup,
  folder: string,
  { flags = [] as readonly string[], env = {}, until = /Ctrl-C/ } = {},
): Promise<TestServe> {
  const child = start(['serve', '--port', '0', ...flags], { cwd: folder, env });
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new Error('a child without pipes');
  const closed = once(child, 'close') as Promise<[number | null]>;
  t.after(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await closed;
  });
  const errors = text(stderr);
  const lines: string[] = [];
  const reader = createInterface({ input: stdout });
  const listening = new Promise<void>((resolve) => {
    reader.on('line', (line) => {
      lines.push(line);
      if (until.test(line)) resolve();
    });
  });
  const isListening = await Promise.race([listening.then(() => true), closed.then(() => false)]);
  if (!isListening) throw new Error(`the server ended before it listened: ${await errors}`);
  const url = /http:\/\/[^\s"]+/.exec(lines.join('\n'))?.[0] ?? '';
  const run = (...args: string[]) => dibs(args, { cwd: folder, env: { ...env, DIBS_URL: url } });
  return {
    url,
    folder,
    lines: [...lines],
    run,
    async stop(signal = 'SIGTERM') {
      child.kill(signal);
      const [code] = await closed;
      return { code, stdout: lines.join('\n'), stderr: await errors };
    },
    async json<T>(...args: string[]) {
      const { stdout, stderr } = await run(...args, '--json');
      if (stdout === '') throw new Error(stderr);
      return JSON.parse(stdout) as T;
    },
  };
}

/** The problem that a command with `--json` has told. */
export const problemOf = ({ stderr }: Said): { code: string; message: string; remedy: string | null } =>
  (JSON.parse(stderr) as { error: { code: string; message: string; remedy: string | null } }).error;
