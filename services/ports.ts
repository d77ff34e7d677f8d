/** Free ports, and starting again on others where one was taken in between. */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** How far above its port a node of a Redis cluster has its second one. */
export const busOffset = 10_000;

// Not what listening on port 0 would give: that is from the ports the kernel takes for outgoing connections (32768 up on
// Linux). While a killed server is down, a client that tries to reach it again and again would sooner or later be given
// its port as its own, connect to itself, and keep the server from coming back.
const lowest = 12_000;
const highest = 21_999;

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });

/** A port nobody listens on now, and neither on the one `busOffset` above it. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 200; tries += 1) {
    const port = randomInt(lowest, highest + 1);
    if ((await isFree(port)) && (await isFree(port + busOffset))) return port;
  }
  throw new Error(`no free port between ${lowest} and ${highest}`);
}

/** Thrown where a server did not start because another one listens on its port. */
export class PortTaken extends Error {
  override readonly name = 'PortTaken';
}

/** Starts something on free ports, and on others where somebody was faster. */
export async function onFreePorts<T>(count: number, start: (ports: readonly number[]) => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    const ports = new Set<number>();
    while (ports.size < count) ports.add(await freePort());
    try {
      return await start([...ports]);
    } catch (error) {
      if (!(error instanceof PortTaken) || tries === 5) throw error;
    }
  }
}
