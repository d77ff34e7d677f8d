/** A server process of the benchmark: Dibs, or a bare Fastify route that gives the same answer. Told what to do over IPC. */
import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import Fastify from 'fastify';
import { openDibs } from '../src/compose.ts';
import { boundYoungHeap } from '../src/cli/serve/young-heap.ts';
import type { Role } from '../src/config.ts';
import { createMetrics } from '../src/http/metrics.ts';
import { createHttpServer } from '../src/http/server.ts';

/** One answer, as it went over the wire. */
export interface Sample {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What a server process is to be. */
export type ServerTask =
  | { readonly kind: 'bare'; readonly sample: Sample }
  | {
      readonly kind: 'dibs';
      readonly data: string;
      readonly capacity: number;
      readonly roles: readonly Role[];
      readonly serviceKey: string;
    };

/** What it says when it is asked: since the question before, or its start. */
export interface Usage {
  readonly cpuMicros: number;
  /** The kernel's part of it: sockets and, for wins, the disk. */
  readonly kernelMicros: number;
  /** Resident memory, in bytes; after a full collection where that was asked for. */
  readonly rssBytes: number;
  /** What of the heap is in use then: a leak shows here, while the resident set also has room that V8 keeps for itself. */
  readonly heapBytes: number;
  readonly folderBytes: number;
  /** The mean size of a batch of claims; 0 where there was none. */
  readonly batchSize: number;
}

const [task] = (await once(process, 'message')) as [ServerTask];
let batches = 0;
let batched = 0;
const server = task.kind === 'bare' ? await openBare(task.sample) : await openServer(task);
let before = process.cpuUsage();
process.on('message', (message) => void answer(message as 'usage' | 'settle'));
// Ends by itself, so that a profile is written, and with whoever started it.
process.once('disconnect', () => process.exit());
process.send?.({ url: server.url });

async function answer(message: 'usage' | 'settle'): Promise<void> {
  await server.settled();
  const { user, system } = process.cpuUsage(before);
  if (message === 'settle') globalThis.gc?.();
  const { rss: rssBytes, heapUsed: heapBytes } = process.memoryUsage();
  const usage: Usage = {
    cpuMicros: user + system,
    kernelMicros: system,
    rssBytes,
    heapBytes,
    folderBytes: server.folderBytes(),
    batchSize: batches === 0 ? 0 : batched / batches,
  };
  batches = 0;
  batched = 0;
  before = process.cpuUsage();
  process.send?.(usage);
}

interface Opened {
  readonly url: string;
  /** Resolves when everything that was won is issued, where this process issues. */
  settled(): Promise<void>;
  folderBytes(): number;
}

async function openBare({ status, headers, body }: Sample): Promise<Opened> {
  const app = Fastify();
  // Bytes, made once: of text Fastify would add a charset to the type, and the answers would not be the same.
  const bytes = Buffer.from(body, 'utf8');
  app.post('/v1/events/:eventId/claims', (_request, reply) => {
    void reply.code(status).headers(headers).send(bytes);
  });
  app.get('/livez', (_request, reply) => {
    void reply.send('{"status":"ok"}');
  });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  return { url, settled: async () => undefined, folderBytes: () => 0 };
}

async function openServer({
  data,
  capacity,
  roles,
  serviceKey,
}: Extract<ServerTask, { kind: 'dibs' }>): Promise<Opened> {
  // As `dibs serve` does.
  boundYoungHeap();
  const metrics = createMetrics();
  const observer = {
    ...metrics.observer,
    admitted(size: number) {
      metrics.observer.admitted?.(size);
      batches += 1;
      batched += size;
    },
  };
  const dibs = await openDibs({ data, roles, observer });
  await dibs.createEvent({ id: 'bench', name: 'Benchmark', capacity });
  const other = (name: string): string => `${name}_${serviceKey}`;
  const credentials = { serviceKey, adminKey: other('admin'), tokenSecret: other('token') };
  const app = await createHttpServer({ dibs, credentials, metrics, logger: false });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  return {
    url,
    async settled() {
      while (roles.includes('issuing') && (await dibs.figures()).events.some(({ unissued }) => unissued > 0)) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
    folderBytes: () => readdirSync(data).reduce((sum, name) => sum + statSync(join(data, name)).size, 0),
  };
}
