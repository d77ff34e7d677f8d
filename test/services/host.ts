/**
 * One of each service for a whole test run. Test files are processes of their own, and a Kafka for each would take 4 s and
 * 350 MB a file; so the process that runs them starts a service when the first of them asks for it over a socket, and tells
 * the others the same URL. What no file asks for is not started.
 */
import { createConnection, createServer } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { inNewFolder } from '../../services/folder.ts';
import { type Service, type ServiceName, serviceNames, startService } from '../../services/services.ts';

/** Answers those who ask for services, until it is closed. */
export interface Host {
  /** The path of its socket. */
  readonly path: string;
  /** Stops what it has started. */
  close(): Promise<void>;
}

type Answer = { readonly url: string } | { readonly trouble: string };

/** Listens for those who need a service. */
export async function openHost(start: (name: ServiceName) => Promise<Service> = startService): Promise<Host> {
  const started = new Map<ServiceName, Promise<Service>>();
  const answer = async (asked: string): Promise<Answer> => {
    const name = serviceNames.find((one) => one === asked);
    if (name === undefined) return { trouble: `there is no service ${asked}` };
    const service = started.get(name) ?? start(name);
    started.set(name, service);
    return await service.then(
      ({ url }) => ({ url }),
      (error: unknown) => ({ trouble: String(error) }),
    );
  };

  const server = createServer((socket) => {
    // Whoever asked may be gone before there is an answer.
    socket.on('error', () => undefined);
    socket.once('data', (asked) => void answer(String(asked)).then((told) => socket.end(JSON.stringify(told))));
  });
  return await inNewFolder('host', async (folder) => {
    const path = join(folder.path, 'socket');
    await new Promise<void>((resolve) => server.listen(path, resolve));
    server.unref();
    return {
      path,
      async close() {
        server.close();
        const all = await Promise.allSettled(started.values());
        await Promise.all(all.map(async (one) => (one.status === 'fulfilled' ? await one.value.stop() : undefined)));
        await folder.remove();
      },
    };
  });
}

/** Asks the host at `path` for the URL of a service, which it starts if need be. */
export async function askHost(path: string, name: ServiceName): Promise<string> {
  const socket = createConnection(path);
  socket.write(name);
  const told = JSON.parse(await text(socket)) as Answer;
  if ('trouble' in told) throw new Error(told.trouble);
  return told.url;
}
