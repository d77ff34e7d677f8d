/** A real server process, started and ended by a test, and the calls that tests make to it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { IssuedWin } from '../../src/core/history.ts';
import { type ClaimRun, type RunOptions, runClaims } from '../../src/load/run-claims.ts';
import type { PlannedClaim } from '../../src/load/plan.ts';
import { readKeys } from '../../src/lib/keys.ts';
import { type Address, crowdClient } from './crowd-client.ts';
import type { Trap } from './traps/point.ts';

/** How a server is started. */
export interface ServerOptions {
  readonly data: string;
  /** 0, which takes a free one, where absent. */
  readonly port?: number;
  /** More flags of `dibs serve`. */
  readonly flags?: readonly string[];
  /** Modules that are loaded before the server's own. */
  readonly preloads?: readonly URL[];
  /** A command line that runs the one behind it, such as `sh -c '…; exec "$0" "$@"'`. */
  readonly wrapper?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Told as soon as there is a process, which may never get as far as to listen. */
  readonly onSpawn?: (child: ChildProcess) => void;
}

/** How a process ended, and all that it wrote. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
}

/** An answer of the API; `body` is its JSON, or null. */
export interface Answer {
  readonly status: number;
  readonly body: Body;
  readonly headers: Headers;
}

/** What bodies hold that tests look at. */
export interface Body {
  readonly [name: string]: unknown;
  readonly code?: string;
  readonly detail?: string;
  readonly replayed?: boolean;
  readonly claim?: ToldClaim;
  readonly items?: readonly unknown[];
  readonly nextCursor?: string | null;
  readonly findings?: readonly { readonly rule: string; readonly message: string }[];
}

/** A claim as the API tells it. */
export interface ToldClaim {
  readonly id: string;
  readonly userId: string;
  readonly slot: number;
  readonly nth: number;
  readonly status: string;
  readonly code: string | null;
}

export interface CallOptions {
  readonly as?: 'admin' | 'service' | 'nobody';
  readonly token?: string;
  readonly key?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a test gets when a server would not start. */
export class NotStarted extends Error {
  override readonly name = 'NotStarted';
  readonly ended: Ended;
  constructor(ended: Ended) {
    super(`the server ended with ${String(ended.code ?? ended.signal)} before it listened: ${ended.output}`);
    this.ended = ended;
  }
}

export type TestServer = Awaited<ReturnType<typeof startServer>>;

const bin = fileURLToPath(new URL('../../src/cli/bin.ts', import.meta.url));
const leash = new URL('./leash.ts', import.meta.url);

/** Makes a server that can be ended at a named point. */
export const trapped = new URL('./traps/trap.ts', import.meta.url);
/** The same for a process of a fleet. */
export const fleetTrapped = new URL('./traps/fleet-trap.ts', import.meta.url);

/** The environment without what would configure the server, or make it part of the running test. */
function plainEnvironment(): NodeJS.ProcessEnv {
  const own = (name: string) => name.startsWith('DIBS_') || name === 'NODE_TEST_CONTEXT' || name === 'NODE_OPTIONS';
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !own(name)));
}

/** Starts `dibs serve` and resolves once it listens; throws `NotStarted` where it ends before that. */
export async function startServer(options: ServerOptions) {
  const { data, port = 0, flags = [] } = options;
  const running = await startProcess({
    ...options,
    command: ['serve', '--data', data, '--port', String(port), ...flags],
    // Of the data folder's parent it is known that no dibs.config.json in it configures the server.
    cwd: dirname(data),
  });
  const keys = await readKeys(data);
  return serverOf({ ...running, adminKey: keys?.adminKey ?? '', serviceKey: keys?.serviceKey ?? '' });
}

/** How any process of Dibs is started. */
export interface ProcessOptions extends Pick<ServerOptions, 'preloads' | 'wrapper' | 'env' | 'onSpawn'> {
  /** Its command and flags. */
  readonly command: readonly string[];
  readonly cwd: string;
}

/** Starts a process of Dibs and resolves once it says where it listens; throws `NotStarted` where it ends before that. */
export async function startProcess(options: ProcessOptions) {
  const { preloads = [], wrapper = [] } = options;
  const imports = [leash, ...preloads].flatMap((url) => ['--import', url.href]);
  const called = [...imports, bin, ...options.command, '--json'];
  const [command = process.execPath, ...args] = [...wrapper, process.execPath, ...called];
  const env = { ...plainEnvironment(), ...options.env };
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe', 'ipc'], cwd: options.cwd });
  options.onSpawn?.(child);
  const exit = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new Error('a child without pipes');
  const errors = text(stderr);
  const lines: string[] = [];
  let listening: (url: string) => void = () => undefined;
  const url = new Promise<string>((resolve) => {
    listening = resolve;
  });
  const reader = createInterface({ input: stdout });
  const read = once(reader, 'close');
  reader.on('line', (line) => {
    lines.push(line);
    const found = urlIn(line);
    if (found !== null) listening(found);
  });
  const ended = exit.then(async ([code, signal]): Promise<Ended> => {
    await read;
    return { code, signal, output: `${lines.join('\n')}\n${await errors}`.trim() };
  });
  const first = await Promise.race([url, ended]);
  if (typeof first !== 'string') throw new NotStarted(first);
  return { url: first, child, ended };
}

/** Where a process says it listens, once it is ready; '' where it is ready and listens nowhere. */
function urlIn(line: string): string | null {
  if (!line.startsWith('{')) return null;
  const { type, url } = JSON.parse(line) as { readonly type?: unknown; readonly url?: unknown };
  if (type !== 'listening' && type !== 'working') return null;
  return typeof url === 'string' ? url : '';
}

/** One server as those know it who may do everything there. */
interface Place extends Address {
  readonly adminKey: string;
}

/** The calls that tests make, to one server or to several by turns, whichever there are when a call is made. */
export type Front = ReturnType<typeof frontOf>;

export function frontOf(places: () => readonly Place[]) {
  let turn = 0;
  /** The one whose turn it is. */
  function next(): Place {
    const all = places();
    turn = (turn + 1) % all.length;
    const place = all[turn];
    if (place === undefined) throw new Error('there is no server');
    return place;
  }

  async function call(method: string, path: string, options: CallOptions = {}): Promise<Answer> {
    const { as = 'admin', token, key, body } = options;
    const { url, adminKey, serviceKey } = next();
    const bearer = token ?? { admin: adminKey, service: serviceKey, nobody: null }[as];
    const headers: Record<string, string> = { ...options.headers };
    if (bearer !== null) headers['authorization'] = `Bearer ${bearer}`;
    if (key !== undefined) headers['idempotency-key'] = key;
    if (body !== undefined) headers['content-type'] = 'application/json';
    const init = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    const response = await fetch(url + path, init);
    const said = await response.text();
    const isJson = /json/.test(response.headers.get('content-type') ?? '');
    return { status: response.status, headers: response.headers, body: isJson ? (JSON.parse(said) as Body) : {} };
  }

  return {
    next,
    call,
    /** Creates an event that is open at once. */
    async create(event: { readonly id: string; readonly capacity: number; readonly limitPerUser?: number }) {
      const { status, body } = await call('POST', '/v1/events', { body: { name: 'Event of a test', ...event } });
      if (status !== 201) throw new Error(`${status} ${JSON.stringify(body)}`);
      return { id: event.id, capacity: event.capacity, limitPerUser: event.limitPerUser ?? 1 };
    },
    claim: (eventId: string, userId: string, key?: string): Promise<Answer> =>
      call('POST', `/v1/events/${eventId}/claims`, {
        as: 'service',
        body: { userId },
        ...(key === undefined ? {} : { key }),
      }),
    /** Sends a plan with so many claims on their way at any time. */
    async claimAll(
      plan: readonly PlannedClaim[],
      inFlight: number,
      giveUpAfterMs = 30_000,
      onAnswer?: RunOptions['onAnswer'],
    ): Promise<ClaimRun> {
      const client = crowdClient(places(), { inFlight, giveUpAfterMs });
      try {
        return await runClaims(plan, { client, inFlight, ...(onAnswer === undefined ? {} : { onAnswer }) });
      } finally {
        await client.close();
      }
    },
    audit: (eventId: string): Promise<Answer> => call('GET', `/v1/events/${eventId}/audit`),
    /** The audit once nothing waits to be issued, except what the ledger refuses. */
    async settled(eventId: string): Promise<Body> {
      const { body } = await until(
        () => call('GET', `/v1/events/${eventId}/audit`),
        ({ status, body }) => status === 200 && body['unissued'] === 0,
      );
      return body;
    },
    /** All coupons, page by page. */
    async coupons(eventId: string): Promise<IssuedWin[]> {
      const found: IssuedWin[] = [];
      for (let cursor = ''; ; ) {
        const { status, body } = await call('GET', `/v1/events/${eventId}/coupons?limit=1000${cursor}`);
        if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`);
        found.push(...((body.items ?? []) as IssuedWin[]));
        if (typeof body.nextCursor !== 'string') return found;
        cursor = `&cursor=${body.nextCursor}`;
      }
    },
  };
}

interface Running extends Place {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

/** A server that runs: the calls that tests make to it, and its end. */
export function serverOf(running: Running) {
  const { child, ended } = running;
  return {
    ...running,
    ...frontOf(() => [running]),
    /** Arms a trap in a process that was started with `trapped` or `fleetTrapped`. */
    async arm(trap: Trap): Promise<void> {
      const armed = once(child, 'message');
      child.send(trap);
      await armed;
    },
    /** `kill -9`. */
    async kill(): Promise<Ended> {
      child.kill('SIGKILL');
      return await ended;
    },
    /** What a service manager does. */
    async stop(): Promise<Ended> {
      child.kill('SIGTERM');
      return await ended;
    },
  };
}

const attemptsMax = 3_000;

/** Asks again until the answer fits; a bound on attempts, so that what never comes is a failure and not a hang. */
export async function until<T>(ask: () => Promise<T>, fits: (answer: T) => boolean): Promise<T> {
  let answer = await ask();
  for (let attempts = 1; !fits(answer); attempts += 1) {
    if (attempts === attemptsMax) throw new Error(`never came: ${JSON.stringify(answer)}`);
    await pause(10);
    answer = await ask();
  }
  return answer;
}

/** A data folder for one test and the servers on it, all of which are gone when the test ends. */
export async function scene(t: { after(cleanup: () => Promise<void>): unknown }) {
  const folder = await mkdtemp(join(tmpdir(), 'dibs-e2e-'));
  const data = join(folder, 'data');
  const children: ChildProcess[] = [];
  t.after(async () => {
    for (const child of children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const exit = once(child, 'exit');
      child.kill('SIGKILL');
      await exit;
    }
    await rm(folder, { recursive: true, force: true });
  });
  return {
    /** A folder that goes with the test. */
    folder,
    data,
    start: (options: Partial<ServerOptions> = {}): Promise<TestServer> =>
      startServer({ data, onSpawn: (child) => children.push(child), ...options }),
  };
}
