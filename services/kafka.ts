/** A Kafka of one node, broker and controller in one. */
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { output } from './command.ts';
import { findJava } from './find.ts';
import { inNewFolder } from './folder.ts';
import { kafkaJars } from './kafka-jars.ts';
import { onFreePorts } from './ports.ts';
import { Server } from './server.ts';
import { type Service, type StartOptions, serviceOf } from './service.ts';

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

// hsperfdata is a file in the system's temporary folder that a killed process leaves.
const jvm = ['-Xmx512m', '-XX:+UseSerialGC', '-XX:-UsePerfData'];

/** Starts a Kafka whose topics have to be made before they are used. */
export async function startKafka(options: StartOptions = {}): Promise<Service> {
  const [java, jars] = [findJava(javaVersion), kafkaJars()];
  if (java === null || jars === null) throw new Error(`Java ${javaVersion}, or Kafka itself, is not here`);
  return await inNewFolder('kafka', (folder) =>
    onFreePorts(2, async ([port = 0, controllerPort = 0]) => {
      const all = {
        ...settings,
        listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
        'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
        'log.dirs': join(folder, 'data'),
        ...options.config,
      };
      const file = join(folder, 'server.properties');
      const lines = Object.entries(all).map(([key, value]) => `${key}=${value}\n`);
      await writeFile(file, lines.join(''));
      const program = [...jvm, '-cp', join(jars, '*')];
      const id = randomBytes(16).toString('base64url');
      await output(java, [...program, 'kafka.tools.StorageTool', 'format', '--ignore-formatted', '-t', id, '-c', file]);
      const command = [java, ...program, 'kafka.Kafka', file] as const;
      const server = await Server.start({ ...options, command, folder, ready: 'Kafka Server started' });
      return serviceOf({ name: 'kafka', url: `kafka://127.0.0.1:${port}`, folder, servers: [server] });
    }),
  );
}
