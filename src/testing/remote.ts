import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { DibsError, type TroubleCode, type TroubleDetails } from '../core/errors.ts';

/** A store that several processes can try to reach. */
export interface ProcessStore {
  /** A module that calls `serveRemote`: what each of the processes runs. */
  readonly module: URL;
  /** Makes a fresh store; `at` is the text by which the module finds it. */
  readonly make: () => Promise<{ readonly at: string; readonly remove: () => Promise<void> }>;
}

/** A port that is open in another process. */
export interface Remote<Port> {
  /** Every call goes to the other process; what it throws there is thrown here. */
  readonly port: Port;
  /** Ends the process without any warning, and resolves once it is gone. */
  kill(): Promise<void>;
  /** Closes the port, then the process. */
  close(): Promise<void>;
}

interface Call {
  readonly id: number;
  readonly method: string;
  readonly args: readonly unknown[];
}

type Failure = { readonly code: TroubleCode | null; readonly message: string; readonly details: TroubleDetails };
type Reply = { readonly id: number } & ({ readonly value: unknown } | { readonly failure: Failure });

const openingId = 0;

/**
 * The child's half: opens the port at the place that the parent names, then answers the parent's calls until it is told to
 * close or the parent is gone. Call it as the last statement of the module that `ProcessStore.module` names.
 */
export async function serveRemote(open: (at: string) => Promise<object>): Promise<void> {
  const reply = (message: Reply) => process.send?.(message);
  const answer = async (id: number, act: () => Promise<unknown>) => {
    try {
      reply({ id, value: await act() });
    } catch (error) {
      reply({ id, failure: failureOf(error) });
    }
  };
  let port: object | null = null;
  await answer(openingId, async () => {
    port = await open(process.argv[2] ?? '');
  });
  if (port === null) return process.disconnect?.();
  const methods = port as Record<string, (...args: readonly unknown[]) => Promise<unknown>>;
  process.on('message', (message) => {
    const { id, method, args } = message as Call;
    void answer(id, async () => methods[method]?.(...args)).then(() => {
      if (method === 'close') process.disconnect?.();
    });
  });
}

/** The parent's half: starts a process that opens the port `at` its place. Throws what the opening threw there. */
export async function openRemote<Port extends object>(module: URL, at: string): Promise<Remote<Port>> {
  // Flags of this process, such as those of a test runner, are not the child's.
  const child = fork(fileURLToPath(module), [at], {
    execArgv: [],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const gone = once(child, 'exit').then(() => undefined);
  const call = caller(child);
  try {
    await call.opened;
  } catch (error) {
    child.kill('SIGKILL');
    await gone;
    throw error;
  }
  const port = new Proxy({} as Port, {
    // A promise looks for `then` on whatever it is resolved with.
    get: (_, method) =>
      typeof method === 'string' && method !== 'then'
        ? (...args: readonly unknown[]) => call.send(method, args)
        : undefined,
  });
  return {
    port,
    async kill() {
      child.kill('SIGKILL');
      await gone;
    },
    async close() {
      if (child.connected) await call.send('close', []).catch(() => undefined);
      await gone;
    },
  };
}

function caller(child: ChildProcess) {
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  let last = openingId;
  const wait = (id: number) => new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
  child.on('message', (message) => {
    const reply = message as Reply;
    const waiter = waiting.get(reply.id);
    waiting.delete(reply.id);
    if ('failure' in reply) waiter?.reject(errorOf(reply.failure));
    else waiter?.resolve(reply.value);
  });
  child.on('exit', () => {
    for (const waiter of waiting.values()) waiter.reject(new Error('the other process has ended'));
    waiting.clear();
  });
  return {
    opened: wait(openingId),
    send(method: string, args: readonly unknown[]) {
      last += 1;
      const answered = wait(last);
      child.send({ id: last, method, args } satisfies Call);
      return answered;
    },
  };
}

function failureOf(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error);
  if (!(error instanceof DibsError)) return { code: null, message, details: {} };
  return { code: error.code, message, details: error.details };
}

const errorOf = ({ code, message, details }: Failure): Error =>
  code === null ? new Error(message) : new DibsError(code, message, { details });
