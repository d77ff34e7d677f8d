/** Stands between a ledger and its database, and loses what it is told to. */
import { once } from 'node:events';
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net';

/**
 * What becomes of something that the ledger sends. `pass`: it goes on. `drop`: the connection is cut before it has gone on.
 * `answerless`: it goes on, and the connection is cut once the database has answered. `hold`: it goes on, and no answer comes.
 */
export type Fate = 'pass' | 'drop' | 'answerless' | 'hold';

/** A proxy that is open. */
export interface Proxy {
  /** The URL of the database, by way of the proxy. */
  readonly url: string;
  /** Decides over all that is sent from now on; `sent` is its bytes as text. */
  rule: (sent: string) => Fate | Promise<Fate>;
  close(): Promise<void>;
}

export async function openProxy(databaseUrl: string): Promise<Proxy> {
  const target = new URL(databaseUrl);
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const database = createConnection({ host: target.hostname, port: Number(target.port), noDelay: true });
    client.setNoDelay(true);
    for (const [socket, other] of [
      [client, database],
      [database, client],
    ] as const) {
      open.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        open.delete(socket);
        other.destroy();
      });
    }
    let fate: Fate = 'pass';
    // One after another: a rule may take its time.
    let before = Promise.resolve();
    client.on('data', (chunk) => {
      before = before.then(async () => {
        fate = await proxy.rule(chunk.toString('latin1'));
        if (fate === 'drop') client.destroy();
        else database.write(chunk);
      });
    });
    database.on('data', (chunk) => {
      if (fate === 'answerless') client.destroy();
      else if (fate !== 'hold') client.write(chunk);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(databaseUrl);
  url.port = String((server.address() as AddressInfo).port);
  const proxy: Proxy = {
    url: url.href,
    rule: () => 'pass',
    async close() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
  return proxy;
}
