import type { Admin, ClusterMetadata, ClusterTopicMetadata } from '@platformatic/kafka';
import { DibsError } from '../../core/errors.ts';
import type { Library } from './library.ts';
import { partitionsWhenMade, type Settings } from './options.ts';
import { faultsOf, replicasFor, settingsFor } from './topic-faults.ts';
import { hasAnswer, reasonOf, unavailable } from './trouble.ts';

/** A topic as it stands. */
export interface Topic {
  readonly name: string;
  /** Given by Kafka when it was made. */
  readonly id: string;
  /** How many partitions it has. */
  readonly partitions: number;
}

const unfit = (detail: string): DibsError => new DibsError('store_unfit', detail);

/** The topic in what a server says of the cluster; null where there is none, or while partitions of it have no leader. */
function wholeTopic(metadata: ClusterMetadata, name: string): ClusterTopicMetadata | null {
  const topic = metadata.topics.get(name);
  if (topic === undefined || topic.partitionsCount === 0) return null;
  return topic.partitions.every(({ leader }) => metadata.brokers.has(leader)) ? topic : null;
}

const isUnknown = (error: unknown): boolean =>
  hasAnswer(error, 'UNKNOWN_TOPIC_OR_PARTITION') || /Unknown topic /.test(reasonOf(error));

/** Throws `store_unfit` where the servers do not know of topics by their ids, which Kafka does since 3.1. */
export async function refuseOldServers(admin: Admin): Promise<void> {
  const fetch = (await admin.listApis()).find(({ name }) => name === 'Fetch');
  if (fetch === undefined || fetch.maxVersion < 13) throw unfit('These servers are older than Kafka 3.1.');
}

/** What the servers say now of the cluster and the topic; null where there is no such topic. */
export async function describeTopic(admin: Admin, name: string): Promise<ClusterMetadata | null> {
  const question = { topics: [name], forceUpdate: true };
  try {
    return await admin.metadata({ ...question, retries: 0 }).catch(async (error: unknown) => {
      if (isUnknown(error)) throw error;
      // From the second try on the library asks another server than the first, which may hang.
      return await admin.metadata({ ...question, retries: 1 });
    });
  } catch (error) {
    if (isUnknown(error)) return null;
    throw error;
  }
}

/**
 * The topic, made where there is none. Throws `store_unfit` where it could lose what is won, or cannot be made;
 * `unavailable` where Kafka does not answer.
 */
export async function openTopic(library: Library, admin: Admin, settings: Settings): Promise<Topic> {
  const { topic: name, clock, answerTimeoutMs } = settings;
  if ((await describeTopic(admin, name)) === null) await makeTopic(admin, settings);
  const until = performance.now() + answerTimeoutMs;
  for (;;) {
    const metadata = await describeTopic(admin, name);
    const topic = metadata === null ? null : wholeTopic(metadata, name);
    if (metadata !== null && topic !== null) {
      await judge(library, admin, name, topic, metadata.brokers.size);
      return { name, id: topic.id, partitions: topic.partitionsCount };
    }
    if (performance.now() > until) throw unavailable(`Partitions of the topic ${name} have no leader`);
    // Every server learns of a new topic by itself.
    await clock.sleep(50);
  }
}

async function makeTopic(admin: Admin, settings: Settings): Promise<void> {
  const { topic, partitions } = settings;
  const { brokers } = await admin.metadata({ topics: [], forceUpdate: true });
  const count = partitions ?? partitionsWhenMade;
  const replicas = replicasFor(brokers.size);
  const configs = [...settingsFor(replicas)].map(([name, value]) => ({ name, value }));
  try {
    await admin.createTopics({ topics: [topic], partitions: count, replicas, configs });
  } catch (error) {
    if (hasAnswer(error, 'TOPIC_ALREADY_EXISTS')) return;
    if (!hasAnswer(error, ...refusals)) throw error;
    const config = configs.map(({ name, value }) => ` --config ${name}=${value}`).join('');
    const command = `kafka-topics.sh --create --topic ${topic} --partitions ${count} --replication-factor ${replicas}${config}`;
    throw unfit(`Kafka refuses to make the topic ${topic} (${reasonOf(error)}). Have it made: ${command}`);
  }
}

const refusals = [
  'TOPIC_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
  'POLICY_VIOLATION',
  'INVALID_REPLICATION_FACTOR',
  'INVALID_CONFIG',
  'INVALID_PARTITIONS',
];

async function judge(
  library: Library,
  admin: Admin,
  name: string,
  topic: ClusterTopicMetadata,
  servers: number,
): Promise<void> {
  const settings = await settingsOfTopic(library, admin, name);
  const faults = faultsOf({ name, servers, replicas: topic.partitions.map((one) => one.replicas.length), settings });
  if (faults.length > 0) throw unfit(`The topic ${name} could lose what is won. ${faults.join('. ')}.`);
}

async function settingsOfTopic(library: Library, admin: Admin, name: string): Promise<Map<string, string | null>> {
  try {
    const resourceType = library.ConfigResourceTypes.TOPIC;
    const [found] = await admin.describeConfigs({ resources: [{ resourceType, resourceName: name }] });
    return new Map((found?.configs ?? []).map((one) => [one.name, one.value ?? null]));
  } catch (error) {
    if (!hasAnswer(error, 'TOPIC_AUTHORIZATION_FAILED', 'CLUSTER_AUTHORIZATION_FAILED')) throw error;
    throw unfit(`The settings of the topic ${name} may not be read: allow DescribeConfigs on it (${reasonOf(error)}).`);
  }
}
