/** What a started service is, whichever it is. */
import type { Folder } from './folder.ts';
import type { Server } from './server.ts';

/** What can be started here. */
export type ServiceName = 'redis' | 'redis-cluster' | 'mariadb' | 'postgres' | 'kafka';

/** A private server, or the three of a cluster, on free ports of 127.0.0.1 and in a folder of its own. */
export interface Service {
  readonly name: ServiceName;
  /**
   * Where it answers, as whoever may do everything there: `redis://127.0.0.1:PORT`, `redis+cluster://127.0.0.1:P1,…`,
   * `mysql://root@127.0.0.1:PORT/dibs`, `postgres://postgres@127.0.0.1:PORT/dibs`, `kafka://127.0.0.1:PORT`.
   */
  readonly url: string;
  /** The same for an engine: to a database as the user `dibs`, by a password, who owns the database `dibs` alone. */
  readonly engineUrl: string;
  readonly folder: string;
  /** The processes that serve, the main one first; another one after a restart. */
  readonly pids: readonly number[];
  /** Sends a signal to a server and its children: to that of `index`, or to all. */
  signal(signal: NodeJS.Signals, index?: number): void;
  /** Starts what was killed again, on the same folder and port, and resolves when it answers. */
  restart(index?: number): Promise<void>;
  /** Kills it, waits until it is gone and removes its folder. */
  stop(): Promise<void>;
}

/** What is particular to one service. */
interface Parts {
  readonly name: ServiceName;
  readonly url: string;
  readonly engineUrl?: string;
  readonly folder: Folder;
  readonly servers: readonly Server[];
  /** More to wait for after a restart than the word of the server itself. */
  readonly settled?: () => Promise<void>;
}

/** Makes a service of its servers. */
export function serviceOf({ name, url, engineUrl = url, folder, servers, settled }: Parts): Service {
  const chosen = (index?: number): readonly Server[] => {
    if (index === undefined) return servers;
    const server = servers[index];
    if (server === undefined) throw new Error(`${name} has ${servers.length} servers, and none of index ${index}`);
    return [server];
  };
  return {
    name,
    url,
    engineUrl,
    folder: folder.path,
    get pids() {
      return servers.map(({ pid }) => pid);
    },
    signal(signal, index) {
      for (const server of chosen(index)) server.signal(signal);
    },
    async restart(index) {
      await Promise.all(chosen(index).map((server) => server.restart()));
      // A cluster of which a node is down comes together when that one is started.
      if (servers.every((server) => server.runs)) await settled?.();
    },
    async stop() {
      await Promise.all(servers.map((server) => server.stop()));
      await folder.remove();
    },
  };
}

/** Does what is left to do once servers run; where that fails they are ended. */
export async function orStop<T>(servers: readonly Server[], work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await Promise.all(servers.map((server) => server.stop()));
    throw error;
  }
}
