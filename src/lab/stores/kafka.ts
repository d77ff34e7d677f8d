import { Buffer } from 'node:buffer';
import type { Base } from '@platformatic/kafka';
import { StoreTrouble, wordsOf } from '../trouble.ts';

/** A topic of a run. */
export interface KafkaTopic {
  /** `kafka://host:port[,host:port]`. */
  readonly url: string;
  readonly topic: string;
  readonly partitions: number;
}

/** What a process sends with. */
export interface KafkaSender {
  /** Sends one record, waits until it is kept, and gives its partition: that of the key, or without one the next in turn. */
  send(value: string, key: string | null): Promise<number>;
  close(): Promise<void>;
}

/** What a consumer reads with: one partition, from its first record on. */
export interface KafkaReader {
  /** The next records, none where there are none for a moment. */
  read(): Promise<readonly string[]>;
  /** Whether everything has been read that the partition holds by now. */
  isAtEnd(): Promise<boolean>;
  close(): Promise<void>;
}

const answerMs = 10_000;
const waitMs = 20;

const loadLibrary = async () => await import('@platformatic/kafka');

const brokersOf = (url: string): string[] =>
  url
    .replace(/^kafka:\/\//, '')
    .replace(/\/$/, '')
    .split(',');

const baseOptions = (url: string) => ({
  clientId: 'dibs-lab',
  bootstrapBrokers: brokersOf(url),
  strict: true,
  connectTimeout: 3_000,
  requestTimeout: answerMs,
  timeout: answerMs,
  retries: 3,
  retryDelay: 100,
});

/** An `error` event that nobody hears would end the process; whoever waits for an answer is told in any case. */
function calm<Client extends Base>(client: Client): Client {
  client.on('error', () => undefined);
  return client;
}

/** The library says what has failed by a general word, with the cause somewhere below it. */
function troubleOf(url: string, what: string, error: unknown): StoreTrouble {
  let cause = error;
  for (let next: unknown = error; next instanceof Error; ) {
    cause = next;
    next = next instanceof AggregateError ? (next.errors as unknown[])[0] : next.cause;
  }
  return new StoreTrouble('failed', `Kafka at ${brokersOf(url).join(', ')} ${what}: ${wordsOf(cause)}`, error);
}

/** Makes the topic, and waits until each of its partitions can be written to; gives what removes it. */
export async function makeTopic({ url, topic, partitions }: KafkaTopic): Promise<() => Promise<void>> {
  const { Admin } = await loadLibrary();
  const admin = calm(new Admin(baseOptions(url)));
  try {
    await admin.createTopics({ topics: [topic], partitions, replicas: 1 });
    for (let tries = 0; tries < answerMs / waitMs; tries += 1) {
      const { topics } = await admin.metadata({ topics: [topic], forceUpdate: true }).catch(() => ({ topics: null }));
      const made = topics?.get(topic)?.partitions ?? [];
      if (made.length === partitions && made.every(({ leader }) => leader >= 0)) break;
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  } catch (error) {
    // Made it may be all the same.
    await admin.deleteTopics({ topics: [topic] }).catch(() => undefined);
    await admin.close();
    throw troubleOf(url, 'makes no topic', error);
  }
  return async () => {
    try {
      await admin.deleteTopics({ topics: [topic] });
    } finally {
      await admin.close();
    }
  };
}

/** Opens what sends to the topic. */
export async function openSender({ url, topic, partitions }: KafkaTopic): Promise<KafkaSender> {
  const { Producer } = await loadLibrary();
  const producer = calm(new Producer({ ...baseOptions(url), acks: -1 }));
  let next = 0;
  return {
    async send(value, key) {
      const partition = key === null ? next++ % partitions : hashOf(key) % partitions;
      const keyed = key === null ? {} : { key: Buffer.from(key) };
      try {
        // Buffers alone: text without a serializer would be acknowledged and kept empty.
        await producer.send({ messages: [{ topic, partition, value: Buffer.from(value), ...keyed }] });
        return partition;
      } catch (error) {
        throw troubleOf(url, 'takes no record', error);
      }
    },
    close: () => producer.close(),
  };
}

function hashOf(key: string): number {
  let hash = 0;
  for (const byte of Buffer.from(key)) hash = (hash * 31 + byte) >>> 0;
  return hash;
}

/** Opens what reads one partition; without a group, since nobody shares it. */
export async function openReader({ url, topic }: KafkaTopic, partition: number): Promise<KafkaReader> {
  const { Consumer } = await loadLibrary();
  const consumer = calm(new Consumer({ ...baseOptions(url), groupId: `${topic}-${partition}` }));
  consumer.topics.track(topic);
  const { topics } = await consumer.metadata({ topics: [topic] });
  const { id: topicId, partitions } = topics.get(topic) ?? { id: '', partitions: [] };
  const node = partitions[partition]?.leader ?? 0;
  let offset = 0n;
  return {
    async read() {
      const where = { partition, currentLeaderEpoch: -1, lastFetchedEpoch: -1, fetchOffset: offset };
      const wanted = [{ topicId, partitions: [{ ...where, partitionMaxBytes: 1_000_000 }] }];
      const { responses } = await consumer.fetch({ node, topics: wanted, minBytes: 1, maxWaitTime: waitMs });
      const values: string[] = [];
      for (const { firstOffset, records } of responses[0]?.partitions[0]?.records ?? []) {
        for (const { offsetDelta, value } of records) {
          // Whole batches are given: some of it may have been read.
          if (firstOffset + BigInt(offsetDelta) < offset) continue;
          offset = firstOffset + BigInt(offsetDelta) + 1n;
          values.push(value?.toString() ?? '');
        }
      }
      return values;
    },
    async isAtEnd() {
      const offsets = await consumer.listOffsets({ topics: [topic], partitions: { [topic]: [partition] } });
      return offset >= (offsets.get(topic)?.[partition] ?? 0n);
    },
    close: () => consumer.close(true),
  };
}
