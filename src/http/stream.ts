import type { ServerResponse } from 'node:http';
import type { Figures } from '../engine/views.ts';
import type { FigureStream, HttpLog } from './context.ts';

/** Where the figures come from, and the bounds. */
export interface FigureStreamOptions {
  readonly figures: () => Promise<Figures>;
  readonly clientsMax: number;
  readonly intervalMs: number;
  readonly log: HttpLog;
}

// A reader may miss this many rounds in a row; then it is taken for one that does not read, and dropped.
const missedMax = 5;

interface Client {
  readonly res: ServerResponse;
  missed: number;
}

/** One timer for all, running only while somebody reads. Each reader is owed one round at most, so that none can fill the memory. */
export function createFigureStream(options: FigureStreamOptions): FigureStream {
  const { figures, clientsMax, intervalMs, log } = options;
  const clients = new Set<Client>();
  let timer: NodeJS.Timeout | null = null;
  let latest: string | null = null;
  let asking = false;
  let stopped = false;

  const send = (client: Client, frame: string) => {
    if (client.res.writableNeedDrain) {
      client.missed += 1;
      if (client.missed > missedMax) client.res.destroy();
      return;
    }
    client.missed = 0;
    client.res.write(frame);
  };
  const sendAll = (frame: string) => {
    for (const client of clients) send(client, frame);
  };
  const round = async () => {
    // Whatever keeps the figures, the line stays alive, and proxies see that it does.
    if (asking) return sendAll(': waiting\n\n');
    asking = true;
    try {
      latest = frameOf('figures', await figures());
    } catch (error) {
      log.warn({ err: error }, 'no figures for the stream');
      latest = frameOf('trouble', { code: 'unavailable' });
    } finally {
      asking = false;
    }
    if (clients.size === 0) latest = null;
    else sendAll(latest);
  };
  const close = (client: Client) => {
    clients.delete(client);
    if (clients.size > 0 || timer === null) return;
    clearInterval(timer);
    timer = null;
    latest = null;
  };

  return {
    open(res) {
      if (!stopped && clients.size >= clientsMax) return false;
      res.writeHead(200, streamHeaders);
      if (stopped) {
        res.end();
        return true;
      }
      const client = { res, missed: 0 };
      clients.add(client);
      res.once('close', () => close(client));
      res.write(`retry: 2000\n\n${latest ?? ''}`);
      // Figures at once: the last round's where there was one, else a round of its own.
      if (latest === null) void round();
      timer ??= setInterval(() => void round(), intervalMs);
      return true;
    },
    stop() {
      stopped = true;
      for (const { res } of clients) {
        // Who does not read would not read the end either.
        if (res.writableNeedDrain) res.destroy();
        else res.end();
      }
    },
  };
}

const streamHeaders = [
  'Content-Type',
  'text/event-stream',
  'Cache-Control',
  'no-store',
  // nginx would else hold the figures back until its buffer is full.
  'X-Accel-Buffering',
  'no',
];

/** One server-sent event; JSON has no line feed outside of texts, where it is escaped. */
const frameOf = (name: string, data: unknown): string => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
