/** Stands between a gate and its Redis, and does to what passes what networks do. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A proxy in front of one Redis. */
export interface Proxy {
  readonly url: string;
  /** Answers of Redis are taken and never passed on, until it is told otherwise. */
  swallow(answers: boolean): void;
  /** Resolves when the next answer has been swallowed, so that what was asked has been done. */
  swallowed(): Promise<void>;
  /** Breaks every connection there is. */
  cut(): void;
  /** Whether new connections are let through. */
  admit(connections: boolean): void;
  close(): Promise<void>;
}

export async function startProxy(url: string): Promise<Proxy> {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  let swallowing = false;
  let admitting = true;
  let onSwallowed: (() => void) | null = null;
  const server = createServer((near) => {
    if (!admitting) return near.destroy();
    const far = connect(Number(target.port), target.hostname);
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    near.on('data', (data) => far.write(data));
    far.on('data', (data) => {
      if (!swallowing) return near.write(data);
      onSwallowed?.();
      return undefined;
    });
    return undefined;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    swallow(answers) {
      swallowing = answers;
    },
    swallowed: () =>
      new Promise((resolve) => {
        onSwallowed = resolve;
      }),
    cut,
    admit(connections) {
      admitting = connections;
    },
    async close() {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}
