/** A Kafka of one node, broker and controller in one. */
import { randomBytes } from 'node:crypto';
import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cache } from './cache.ts';
import { output } from './command.ts';
import { findJava } from './find.ts';
import { inNewFolder } from './folder.ts';
import { kafkaJars, kafkaName } from './kafka-jars.ts';
import { onFreePorts } from './ports.ts';
import { Server, type StartOptions } from './server.ts';
import { type Service, serviceOf } from './service.ts';

/** The oldest Java that runs it. */
export const javaVersion = 17;

const settings = {
  'process.roles': 'broker,controller',
  'node.id': '1',
  'controller.listener.names': 'CONTROLLER',
  'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
  'auto.create.topics.enable': 'false',
  // There is one broker to hold a copy.
  'offsets.topic.replication.factor': '1',
  'offsets.topic.num.partitions': '1',
  'transaction.state.log.replication.factor': '1',
  'transaction.state.log.min.isr': '1',
  'transaction.state.log.num.partitions': '1',
  'share.coordinator.state.topic.replication.factor': '1',
  'share.coordinator.state.topic.min.isr': '1',
  // After kill -9 it is back in 4 s; with the 9 s it is given otherwise, in 10.
  'broker.session.timeout.ms': '2000',
  'broker.heartbeat.interval.ms': '500',
  // A test's group has its members at once, and misses one soon.
  'group.initial.rebalance.delay.ms': '0',
  'group.min.session.timeout.ms': '1000',
};

// Without the second compiler it is up in 1.6 s instead of 2.0, for half the CPU. Perf data is a file that a killed process
// leaves in the system's temporary folder.
const jvm = ['-Xmx512m', '-XX:+UseSerialGC', '-XX:-UsePerfData', '-XX:TieredStopAtLevel=1'];

const propertiesOf = (settings: Readonly<Record<string, string>>): string =>
  Object.entries(settings)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');

/** A data folder as a broker begins with. Making one takes Java a second, and each of these brokers is alone: they share it. */
async function formatted(java: string, program: readonly string[]): Promise<string> {
  const kept = await cache(`${kafkaName}-formatted`, async (folder) => {
    const file = join(folder, 'server.properties');
    const nowhere = { listeners: 'CONTROLLER://127.0.0.1:1', 'controller.quorum.voters': '1@127.0.0.1:1' };
    const own = { ...settings, ...nowhere, 'process.roles': 'controller', 'log.dirs': join(folder, 'data') };
    await writeFile(file, propertiesOf(own));
    const id = randomBytes(16).toString('base64url');
    await output(java, [...program, 'kafka.tools.StorageTool', 'format', '-t', id, '-c', file]);
  });
  return join(kept, 'data');
}

/** Starts a Kafka whose topics have to be made before they are used. */
export async function startKafka(options: StartOptions = {}): Promise<Service> {
  const [java, jars] = [findJava(javaVersion), kafkaJars()];
  if (java === null || jars === null) throw new Error(`Java ${javaVersion}, or Kafka itself, is not here`);
  const program = [...jvm, '-cp', join(jars, '*')];
  const empty = await formatted(java, program);
  return await inNewFolder('kafka', async (folder) => {
    const data = join(folder.path, 'data');
    await cp(empty, data, { recursive: true });
    return await onFreePorts(2, async ([port = 0, controllerPort = 0]) => {
      const all = {
        ...settings,
        listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
        'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
        'log.dirs': data,
        ...options.config,
      };
      const file = join(folder.path, 'server.properties');
      await writeFile(file, propertiesOf(all));
      const command = [java, ...program, 'kafka.Kafka', file] as const;
      const server = await Server.start({ ...options, command, place: folder, ready: 'Kafka Server started' });
      return serviceOf({ name: 'kafka', url: `kafka://127.0.0.1:${port}`, folder, servers: [server] });
    });
  });
}
