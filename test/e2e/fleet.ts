/** Several real processes around shared stores: `dibs api` and `dibs worker`, started and ended by a test. */
import { type ChildProcess, execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { PlannedClaim } from '../../src/load/plan.ts';
import { type ClaimRun, type RunOptions, runClaims } from '../../src/load/run-claims.ts';
import { crowdClient } from './crowd-client.ts';
import { type ProcessOptions, serverOf, startProcess, type TestServer } from './server.ts';

/** The stores that a fleet works on. */
export interface FleetStores {
  readonly gate: string;
  readonly log: string;
  readonly ledger: string;
  readonly issueRate?: string;
}

/** How one process of a fleet is started. */
export type MemberOptions = Partial<Pick<ProcessOptions, 'preloads' | 'wrapper' | 'env' | 'onSpawn'>> & {
  readonly port?: number;
};

/** A fleet: keys that are the same for all, and the processes that were started. */
export class Fleet {
  readonly env: Readonly<Record<string, string>>;
  readonly folder: string;
  readonly #children: ChildProcess[] = [];

  private constructor(folder: string, { gate, log, ledger, issueRate }: FleetStores) {
    const key = (): string => randomBytes(32).toString('base64url');
    this.folder = folder;
    this.env = {
      DIBS_GATE: gate,
      DIBS_LOG: log,
      DIBS_LEDGER: ledger,
      ...(issueRate === undefined ? {} : { DIBS_ISSUE_RATE: issueRate }),
      DIBS_ADMIN_KEY: key(),
      DIBS_SERVICE_KEY: key(),
      DIBS_TOKEN_SECRET: key(),
      DIBS_CODE_SECRET: key(),
    };
  }

  /** A fleet without processes, over a ledger that is brought to its version. */
  static async build(stores: FleetStores): Promise<Fleet> {
    const fleet = new Fleet(await mkdtemp(join(tmpdir(), 'dibs-fleet-')), stores);
    await fleet.run('migrate');
    return fleet;
  }

  /** As `build`, gone with the test. */
  static async of(t: { after(cleanup: () => Promise<void>): unknown }, stores: FleetStores): Promise<Fleet> {
    const fleet = await Fleet.build(stores);
    t.after(() => fleet.tearDown());
    return fleet;
  }

  /** Starts one `dibs api`. */
  async api(options: MemberOptions = {}): Promise<TestServer> {
    const { env } = this;
    const running = await this.#start(['api', '--port', String(options.port ?? 0)], options);
    return serverOf({ ...running, adminKey: env['DIBS_ADMIN_KEY'] ?? '', serviceKey: env['DIBS_SERVICE_KEY'] ?? '' });
  }

  /** Starts one `dibs worker`, which shows its health and metrics; one that listens nowhere where there is to be no port. */
  async worker({
    port = 0,
    ...options
  }: Omit<MemberOptions, 'port'> & { readonly port?: number | null } = {}): Promise<TestServer> {
    const running = await this.#start(['worker', ...(port === null ? [] : ['--port', String(port)])], options);
    return serverOf({ ...running, adminKey: '', serviceKey: '' });
  }

  /** Starts so many of each at once. */
  async start(apis: number, workers: number): Promise<{ apis: TestServer[]; workers: TestServer[] }> {
    const [first, second] = await Promise.all([
      Promise.all(Array.from({ length: apis }, () => this.api())),
      Promise.all(Array.from({ length: workers }, () => this.worker())),
    ]);
    return { apis: first, workers: second };
  }

  /** Runs a command of Dibs to its end, and gives what it wrote. Throws where it fails. */
  async run(...args: readonly string[]): Promise<string> {
    const bin = fileURLToPath(new URL('../../src/cli/bin.ts', import.meta.url));
    const env = { PATH: process.env['PATH'] ?? '', ...this.env };
    const { stdout } = await promisify(execFile)(process.execPath, [bin, ...args], { cwd: this.folder, env });
    return stdout;
  }

  /** Ends every process that is left, and removes the folder. */
  async tearDown(): Promise<void> {
    await Promise.all(this.#children.map(end));
    await rm(this.folder, { recursive: true, force: true });
  }

  #start(command: readonly string[], options: MemberOptions) {
    return startProcess({
      ...options,
      command,
      cwd: this.folder,
      env: { ...this.env, ...options.env },
      onSpawn: (child) => {
        this.#children.push(child);
        options.onSpawn?.(child);
      },
    });
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  // One that was stopped would not take notice of anything else.
  child.kill('SIGKILL');
  await exit;
}

/** Sends a plan through all servers, with so many claims on their way at any time. */
export async function claimThrough(
  servers: readonly TestServer[],
  plan: readonly PlannedClaim[],
  options: Omit<RunOptions, 'client'> & { readonly giveUpAfterMs?: number },
): Promise<ClaimRun> {
  const client = crowdClient(servers, options);
  try {
    return await runClaims(plan, { ...options, client });
  } finally {
    await client.close();
  }
}
