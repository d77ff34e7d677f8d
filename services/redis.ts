/** One Redis, and a cluster of three masters. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { output } from './command.ts';
import { found } from './find.ts';
import { inNewFolder, type Place } from './folder.ts';
import { busOffset, onFreePorts } from './ports.ts';
import { Server, type StartOptions } from './server.ts';
import { type Service, orStop, serviceOf } from './service.ts';

/** As a gate needs it: nothing is acknowledged before it is on the disk, and nothing is thrown away. */
const durable = { appendonly: 'yes', appendfsync: 'always', save: '""', 'maxmemory-policy': 'noeviction' };
const clustered = { 'cluster-enabled': 'yes', 'cluster-node-timeout': '2000' };
const masters = 3;
const hashSlots = 16_384;

async function startNode(place: Place, port: number, options: StartOptions): Promise<Server> {
  const settings = { port: String(port), bind: '127.0.0.1', dir: place.path, ...durable, ...options.config };
  const file = join(place.path, 'redis.conf');
  const lines = Object.entries(settings).map(([key, value]) => `${key} ${value}\n`);
  await writeFile(file, lines.join(''));
  const command = [found('redis-server'), file] as const;
  return await Server.start({ ...options, command, place, ready: 'Ready to accept connections' });
}

/** Starts a Redis that syncs every write. */
export async function startRedis(options: StartOptions = {}): Promise<Service> {
  return await inNewFolder('redis', (folder) =>
    onFreePorts(1, async ([port = 0]) => {
      const server = await startNode(folder, port, options);
      return serviceOf({ name: 'redis', url: `redis://127.0.0.1:${port}`, folder, servers: [server] });
    }),
  );
}

/** Starts three masters without replicas, which together have all hash slots. */
export async function startRedisCluster(options: StartOptions = {}): Promise<Service> {
  return await inNewFolder('redis-cluster', (folder) =>
    onFreePorts(masters, async (ports) => {
      const servers = await startNodes(folder, ports, { ...options, config: { ...clustered, ...options.config } });
      const settled = (): Promise<void> => settle(ports);
      await orStop(servers, async () => {
        await introduce(ports);
        await settled();
      });
      const url = `redis+cluster://${ports.map((port) => `127.0.0.1:${port}`).join(',')}`;
      return serviceOf({ name: 'redis-cluster', url, folder, servers, settled });
    }),
  );
}

async function startNodes({ path, leash }: Place, ports: readonly number[], options: StartOptions): Promise<Server[]> {
  const outcomes = await Promise.allSettled(
    ports.map(async (port) => {
      const own = join(path, String(port));
      await mkdir(own);
      return await startNode({ path: own, leash }, port, options);
    }),
  );
  const servers = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed === undefined) return servers;
  await Promise.all(servers.map((server) => server.stop()));
  throw failed.reason;
}

const ask = (port: number, ...command: readonly string[]): Promise<string> =>
  output(found('redis-cli'), ['-p', String(port), 'cluster', ...command]);

/** What `redis-cli --cluster create` does, without its waits of a second each. */
async function introduce(ports: readonly number[]): Promise<void> {
  const [first = 0] = ports;
  await Promise.all(
    ports.map(async (port, i) => {
      const [from = 0, to = 0] = [i, i + 1].map((share) => Math.ceil((hashSlots * share) / ports.length));
      // One by one: Redis takes ranges from 7.0 on only.
      const own = Array.from({ length: to - from }, (_, slot) => String(from + slot));
      await ask(port, 'set-config-epoch', String(i + 1));
      await ask(port, 'addslots', ...own);
      if (port !== first) await ask(port, 'meet', '127.0.0.1', String(first), String(first + busOffset));
    }),
  );
}

/** Resolves when every node knows all others and calls the cluster whole, which takes a started one about 2 s. */
async function settle(ports: readonly number[]): Promise<void> {
  const whole = async (port: number): Promise<boolean> => {
    const told = await ask(port, 'info');
    return told.includes('cluster_state:ok') && told.includes(`cluster_known_nodes:${ports.length}`);
  };
  const until = performance.now() + 30_000;
  for (const port of ports) {
    while (!(await whole(port))) {
      if (performance.now() > until) throw new Error(`the cluster of ${ports.join(', ')} does not come together`);
      await pause(50);
    }
  }
}
