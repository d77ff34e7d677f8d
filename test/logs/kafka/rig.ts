/** Logs in topics of their own, on the Kafka that the tests share or on one that a test may kill. */
import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Admin, ConfigResourceTypes, Producer } from '@platformatic/kafka';
import type { Gate } from '../../../src/core/gate.ts';
import { type LogRecord, type OutboxId, outboxIdOf, outboxStart } from '../../../src/core/record.ts';
import type { WinLog } from '../../../src/core/win-log.ts';
import { systemClock } from '../../../src/lib/system-clock.ts';
import { openKafkaLog } from '../../../src/logs/kafka/log.ts';
import type { KafkaLogOptions } from '../../../src/logs/kafka/options.ts';
import { partitionIndexOf } from '../../../src/logs/kafka/place.ts';

/** A topic that no other test has. */
export const freshTopic = (): string => `dibs-test-${randomBytes(8).toString('hex')}`;

/** `kafka://a:1` as the client wants it. */
export const brokersOf = (url: string): string[] => new URL(url).host.split(',');

/** Opens a log; what it has an operator told is pushed to `told`. */
export function openLog(
  url: string,
  topic: string,
  more: Partial<KafkaLogOptions> = {},
  told: string[] = [],
): Promise<WinLog> {
  return openKafkaLog({
    brokers: brokersOf(url),
    topic,
    clock: systemClock,
    random: Math.random,
    alarm: (message) => void told.push(message),
    ...more,
  });
}

/** Sends what is new in the outbox of every event and, as a relay does whose last send timed out, the last record again. */
export function relayOf(gate: Gate, log: WinLog): () => Promise<void> {
  const cursors = new Map<string, OutboxId>();
  return async () => {
    const records: LogRecord[] = [];
    for (const { spec } of await gate.list(null, 1000)) {
      const some = await gate.outbox(spec.id, cursors.get(spec.id) ?? outboxStart, 10_000);
      const last = some.at(-1);
      if (last === undefined) continue;
      records.push(...some, last);
      cursors.set(spec.id, outboxIdOf(last));
    }
    await log.append?.(records);
  };
}

/** Writes to a topic as something else than a log would: any key, any bytes, any partition. */
export async function write(
  url: string,
  topic: string,
  partition: number,
  messages: readonly { readonly key: string | null; readonly value: Uint8Array | null }[],
): Promise<void> {
  const producer = new Producer({ clientId: 'other', bootstrapBrokers: brokersOf(url), strict: true, retryDelay: 100 });
  try {
    await producer.send({
      acks: -1,
      messages: messages.map(({ key, value }) => ({
        topic,
        partition,
        // The library takes null for a message that has none, but its types do not know of it.
        ...(key === null ? {} : { key: Buffer.from(key) }),
        value: (value === null ? null : Buffer.from(value)) as Buffer,
      })),
    });
  } finally {
    await producer.close();
  }
}

/** What an operator does by Kafka's own tools. */
export async function operate<T>(url: string, act: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = new Admin({ clientId: 'operator', bootstrapBrokers: brokersOf(url), strict: true, retryDelay: 100 });
  try {
    return await act(admin);
  } finally {
    await admin.close();
  }
}

/** Lets a topic take records of up to 4 MB, where Kafka's own limit is 1. */
export const takeMegabytes = (url: string, topic: string): Promise<void> =>
  operate(url, async (admin) => {
    const configs = [{ name: 'max.message.bytes', configOperation: 0, value: '4000000' } as const];
    await admin.incrementalAlterConfigs({
      resources: [{ resourceType: ConfigResourceTypes.TOPIC, resourceName: topic, configs }],
    });
  });

/** Raises the number of partitions, and waits until the server goes by it: it acknowledges before that. */
export const raisePartitions = (url: string, topic: string, count: number): Promise<void> =>
  operate(url, async (admin) => {
    await admin.createPartitions({ topics: [{ name: topic, count }] });
    for (let partitions = 0; partitions < count; await pause(20)) {
      const { topics } = await admin.metadata({ topics: [topic], forceUpdate: true });
      partitions = topics.get(topic)?.partitions.filter(({ leader }) => leader >= 0).length ?? 0;
    }
  });

/** The settings of a topic as Kafka tells them. */
export const settingsIn = (url: string, topic: string): Promise<Map<string, string>> =>
  operate(url, async (admin) => {
    const resourceType = ConfigResourceTypes.TOPIC;
    const [found] = await admin.describeConfigs({ resources: [{ resourceType, resourceName: topic }] });
    return new Map(found?.configs.map(({ name, value }) => [name, value ?? '']));
  });

/** The wins of one record, slots `from` to `to` of an event. */
export const winsRecord = (eventId: string, from: number, to = from): LogRecord => ({
  v: 1,
  type: 'wins',
  eventId,
  epoch: 1,
  revision: 1,
  wins: Array.from({ length: to - from + 1 }, (_, index) => ({
    slot: from + index,
    userId: `user-${from + index}`,
    nth: 1,
    claimId: `${from + index}-0123456789ab`,
    key: null,
    wonAt: 1_790_000_000_000,
  })),
});

/** The first slots of an event's records, as they stand in the log from a position to its end; poison is null. */
export async function slotsIn(log: WinLog, partition: string, position = log.start): Promise<(number | null)[]> {
  const slots: (number | null)[] = [];
  for (let at = position; ; ) {
    const batch = await log.read(partition, at, 500);
    if (batch.records.length === 0) return slots;
    slots.push(...batch.records.map((record) => (record.type === 'wins' ? (record.wins[0]?.slot ?? 0) : null)));
    at = batch.position;
  }
}

/** An event that belongs to a partition of so many. */
export function eventIn(index: number, count: number): string {
  for (let n = 0; ; n += 1) if (partitionIndexOf(`event-${n}`, count) === index) return `event-${n}`;
}
