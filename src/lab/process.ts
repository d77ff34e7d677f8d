import { rmSync } from 'node:fs';
import process from 'node:process';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { findStrategy } from './catalog.ts';
import type { OpenEngine } from './engine.ts';
import { type MemberParts, serveMember } from './member.ts';
import type { FromMember, Port, ToMember } from './messages.ts';
import type { Counts } from './steps.ts';

const memoryInts = 16;
const marker = 'dibs-lab-thread';
const killSelf = (): void => void process.kill(process.pid, 'SIGKILL');

const noEngine: OpenEngine = () => Promise.reject(new Error('a thread has no engine'));

/** Serves one process of a run over its IPC channel; ends with whoever started it, and then leaves nothing of the run in files. */
export function serveProcess(openEngine: OpenEngine): void {
  let folder: string | null = null;
  // The lab is gone, and was given no time to take down what it has made: a file that is just being made may come in between.
  process.once('disconnect', () => {
    try {
      if (folder !== null) rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
    } finally {
      process.exit();
    }
  });
  // Ctrl-C in a terminal, or a terminal that is closed, is for the lab, which then ends its processes.
  for (const signal of ['SIGINT', 'SIGHUP', 'SIGTERM'] as const) process.on(signal, () => undefined);
  const port: Port<ToMember, FromMember> = {
    send(message) {
      if (process.connected) process.send?.(message, () => undefined);
    },
    receive: (handle) => void process.on('message', (message) => handle(message as ToMember)),
  };
  const memory = new Int32Array(new SharedArrayBuffer(memoryInts * Int32Array.BYTES_PER_ELEMENT));
  let route: ((message: ToMember) => void) | null = null;
  port.receive((message) => {
    if (message.type === 'ask' && message.what === 'open') {
      folder = message.plan.folder;
      const { threads = 1 } = findStrategy(message.plan.strategy);
      route = threads === 1 ? alone(port, { openEngine, memory, kill: killSelf }) : spread(port, threads, memory);
    }
    route?.(message);
  });
}

function alone(port: Port<ToMember, FromMember>, parts: MemberParts): (message: ToMember) => void {
  let handle: ((message: ToMember) => void) | null = null;
  serveMember({ send: (message) => port.send(message), receive: (own) => void (handle = own) }, parts);
  return (message) => handle?.(message);
}

/** Claims go to the threads by turns; what all of them are asked is answered once, for all of them. */
function spread(port: Port<ToMember, FromMember>, threads: number, memory: Int32Array): (message: ToMember) => void {
  const workers = Array.from(
    { length: threads },
    () => new Worker(import.meta.filename, { workerData: { marker, memory } }),
  );
  const gathered = new Map<number, ToldMessage[]>();
  for (const worker of workers) {
    worker.on('message', (message: FromMember) => {
      if (message.type !== 'said' && message.type !== 'refused') return port.send(message);
      const told = [...(gathered.get(message.id) ?? []), message];
      gathered.set(message.id, told);
      if (told.length === threads) port.send(together(told));
    });
  }
  return (message) => {
    const chosen = message.type === 'ask' ? workers : workers.slice(message.n % threads).slice(0, 1);
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- these are threads, not windows
    for (const worker of chosen) worker.postMessage(message);
  };
}

/** What a thread says to something that all are asked. */
type ToldMessage = Extract<FromMember, { readonly type: 'said' | 'refused' }>;

function together(messages: readonly ToldMessage[]): FromMember {
  const [first] = messages;
  const refused = messages.find(({ type }) => type === 'refused');
  if (refused !== undefined || first?.type !== 'said' || first.what !== 'report')
    return refused ?? (first as ToldMessage);
  const reports = messages.flatMap((one) => (one.type === 'said' && one.what === 'report' ? [one.value] : []));
  const sum = (field: Exclude<keyof Counts, 'lastCouponAt'>): number =>
    reports.reduce((total, { counts }) => total + counts[field], 0);
  const counts = {
    statements: sum('statements'),
    aborted: sum('aborted'),
    waits: sum('waits'),
    faults: sum('faults'),
    lastCouponAt: Math.max(...reports.map((report) => report.counts.lastCouponAt)),
  };
  return { ...first, value: { ...first.value, counts } };
}

const given = workerData as { readonly marker?: string; readonly memory: Int32Array } | null;
if (!isMainThread && parentPort !== null && given?.marker === marker) {
  const { memory } = given;
  const main = parentPort;
  serveMember(
    {
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- the other end is a thread, not a window
      send: (message) => main.postMessage(message),
      receive: (handle) => void main.on('message', handle),
    },
    { openEngine: noEngine, memory, kill: killSelf },
  );
}
