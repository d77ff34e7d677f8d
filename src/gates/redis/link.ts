import type * as redis from 'redis';
import type { RedisAddress } from './address.ts';
import { hashSlotOf } from './hash-slot.ts';
import type { RedisErrors } from './trouble.ts';

/** What Redis answers; maps come as lists of name and value. */
export type Reply = string | number | null | readonly Reply[];

/** One master as it is connected now. */
export interface RedisNode {
  readonly name: string;
  readonly isReady: boolean;
  send(args: readonly string[]): Promise<Reply>;
}

/** One Redis or a cluster of them, through the client library. What it throws is the library's own. */
export interface Link {
  connect(): Promise<void>;
  /** Sends to the master that has the key; a cluster that has moved it is asked where it is. */
  send(key: string, args: readonly string[]): Promise<Reply>;
  /** The master that has the key by what is known; null where none is known. */
  nodeOf(key: string): RedisNode | null;
  masters(): RedisNode[];
  /** Resolves once what was sent is answered. */
  close(): Promise<void>;
  destroy(): void;
}

/** What a link tells and asks. */
export interface LinkHooks {
  /** A connection is there, for the first time or again; whoever answers may be another than before. */
  ready(node: string): void;
  failed(node: string, error: unknown): void;
  /** How long to wait before connecting again; an error ends the first attempt. */
  retryIn(retries: number, cause: Error): number | Error;
}

/** How long the library waits. */
export interface LinkTimes {
  readonly connectTimeoutMs: number;
  readonly socketTimeoutMs: number;
  readonly pingIntervalMs: number;
}

/** The part of the client library that is used; it is loaded on demand. */
export type Library = typeof redis;

/** The error classes of the library. */
export const errorsOf = (library: Library): RedisErrors => library;

/**
 * The library never sends a command twice but where a cluster has answered MOVED or ASK, which is before it ran: nothing is
 * kept for a later connection, and no command is moved to another node (`maintNotifications`).
 */
function clientOptions({ username, password, tls }: RedisAddress, times: LinkTimes, hooks: LinkHooks) {
  const { connectTimeoutMs: connectTimeout, socketTimeoutMs: socketTimeout, pingIntervalMs: pingInterval } = times;
  const reconnectStrategy = (retries: number, cause: Error) => hooks.retryIn(retries, cause);
  const socket = { connectTimeout, socketTimeout, reconnectStrategy };
  return {
    name: 'dibs',
    disableOfflineQueue: true,
    maintNotifications: 'disabled' as const,
    pingInterval,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    socket: tls ? { ...socket, tls: true as const } : socket,
  };
}

// Its own bound is for commands that wait to be sent, which none does here, and costs a timer each.
const commandOptions = { timeout: 0 };

/** A link to one Redis. */
export function singleLink(library: Library, address: RedisAddress, times: LinkTimes, hooks: LinkHooks): Link {
  const [{ host, port }] = address.hosts;
  const name = `${host}:${port}`;
  const { socket, ...options } = clientOptions(address, times, hooks);
  const client = library.createClient({
    ...options,
    RESP: 2,
    database: address.database,
    commandOptions,
    socket: { ...socket, host, port },
  });
  client.on('ready', () => hooks.ready(name));
  client.on('error', (error: unknown) => hooks.failed(name, error));
  const send = async (args: readonly string[]) => (await client.sendCommand(args)) as unknown as Reply;
  const node: RedisNode = {
    name,
    get isReady() {
      return client.isReady;
    },
    send,
  };
  return {
    async connect() {
      await client.connect();
    },
    send: (_key, args) => send(args),
    nodeOf: () => node,
    masters: () => [node],
    async close() {
      if (client.isOpen) await client.close();
    },
    destroy: () => client.destroy(),
  };
}

/** A link to a cluster, of which only the masters are used. */
export function clusterLink(library: Library, address: RedisAddress, times: LinkTimes, hooks: LinkHooks): Link {
  const cluster = library.createCluster({
    rootNodes: address.hosts.map(({ host, port }) => ({ socket: { host, port } })),
    defaults: clientOptions(address, times, hooks),
    RESP: 2,
    commandOptions,
  });
  const nameOf = ({ host, port }: { readonly host?: string | undefined; readonly port?: number | undefined }) =>
    `${host ?? ''}:${port ?? ''}`;
  cluster.on('node-ready', (node: { host?: string; port?: number }) => hooks.ready(nameOf(node)));
  cluster.on('node-error', (error: unknown, node: { host?: string; port?: number }) =>
    hooks.failed(nameOf(node), error),
  );
  cluster.on('error', (error: unknown) => hooks.failed(address.shown, error));
  /** Those that are being closed: the library forgets them at once, and its `destroy` would pass them over. */
  let closing: readonly { destroy(): void }[] = [];
  type Master = (typeof cluster.masters)[number];
  const nodeFrom = (master: Master): RedisNode => ({
    name: master.address,
    get isReady() {
      return master.client?.isReady ?? false;
    },
    send: async (args) => (await (await cluster.nodeClient(master)).sendCommand(args)) as unknown as Reply,
  });
  return {
    async connect() {
      await cluster.connect();
    },
    send: async (key, args) => (await cluster.sendCommand(key, false, [...args])) as unknown as Reply,
    nodeOf(key) {
      const master: Master | undefined = cluster.slots[hashSlotOf(key)]?.master;
      return master === undefined ? null : nodeFrom(master);
    },
    masters: () => cluster.masters.map(nodeFrom),
    async close() {
      if (!cluster.isOpen) return;
      closing = [...cluster.nodeByAddress.values()].flatMap(({ client }) => client ?? []);
      await cluster.close();
    },
    destroy() {
      for (const client of closing) client.destroy();
      cluster.destroy();
    },
  };
}
