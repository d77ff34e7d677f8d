import process from 'node:process';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { findStrategy } from './catalog.ts';
import type { OpenEngine } from './engine.ts';
import { type MemberParts, serveMember } from './member.ts';
import type { FromMember, MemberReport, Port, ToMember } from './messages.ts';

const memoryInts = 16;
const marker = 'dibs-lab-thread';
const killSelf = (): void => void process.kill(process.pid, 'SIGKILL');

const noEngine: OpenEngine = () => Promise.reject(new Error('a thread has no engine'));

/** Serves one process of a run over its IPC channel; ends with whoever started it. */
export function serveProcess(openEngine: OpenEngine): void {
  process.once('disconnect', () => process.exit());
  // Ctrl-C in a terminal is for the lab, which then ends its processes.
  process.on('SIGINT', () => undefined);
  const port: Port<ToMember, FromMember> = {
    send(message) {
      if (process.connected) process.send?.(message, () => undefined);
    },
    receive: (handle) => void process.on('message', (message) => handle(message as ToMember)),
  };
  const memory = new Int32Array(new SharedArrayBuffer(memoryInts * Int32Array.BYTES_PER_ELEMENT));
  let route: ((message: ToMember) => void) | null = null;
  port.receive((message) => {
    if (message.type === 'open') {
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
  const gathered: FromMember[] = [];
  for (const worker of workers) {
    worker.on('message', (message: FromMember) => {
      if (message.type === 'answer' || message.type === 'step' || message.type === 'stepped') return port.send(message);
      gathered.push(message);
      if (gathered.length === threads) port.send(together(gathered.splice(0)));
    });
  }
  return (message) => {
    const isOfOne = message.type === 'claim' || message.type === 'go';
    const chosen = isOfOne ? workers.slice(message.n % threads).slice(0, 1) : workers;
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- these are threads, not windows
    for (const worker of chosen) worker.postMessage(message);
  };
}

function together(messages: readonly FromMember[]): FromMember {
  const [first = { type: 'closed' }] = messages;
  const refused = messages.find(({ type }) => type === 'refused');
  if (refused !== undefined) return refused;
  if (first.type !== 'report') return first;
  const reports = messages.filter((message): message is FromMember & MemberReport => message.type === 'report');
  const sum = (of: (report: MemberReport) => number): number => reports.reduce((total, one) => total + of(one), 0);
  return {
    ...first,
    counts: {
      statements: sum(({ counts }) => counts.statements),
      aborted: sum(({ counts }) => counts.aborted),
      waits: sum(({ counts }) => counts.waits),
      faults: sum(({ counts }) => counts.faults),
      lastCouponAt: Math.max(...reports.map(({ counts }) => counts.lastCouponAt)),
    },
  };
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
