/** What something else has written to the topic: set aside where it is no record, and never an obstacle. */
import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { it } from 'node:test';
import { CompressionAlgorithms, Producer } from '@platformatic/kafka';
import type { PoisonRecord } from '../../../src/core/record.ts';
import type { WinLog } from '../../../src/core/win-log.ts';
import { messageOf } from '../../../src/logs/kafka/message.ts';
import { startPosition } from '../../../src/logs/kafka/place.ts';
import { poisonOf, readAll } from '../../../src/testing/log/acting.ts';
import { describeService, sharedService } from '../../services/shared.ts';
import { brokersOf, eventIn, freshTopic, openLog, slotsIn, takeMegabytes, winsRecord, write } from './rig.ts';

const count = 2;
const event = eventIn(0, count);
const elsewhere = eventIn(1, count);

interface Scene {
  readonly url: string;
  readonly topic: string;
  readonly log: WinLog;
  readonly partition: string;
}

const withLog = (run: (scene: Scene) => Promise<void>) => async () => {
  const url = await sharedService('kafka');
  const topic = freshTopic();
  const log = await openLog(url, topic, { partitions: count });
  try {
    await run({ url, topic, log, partition: log.partitionOf(event) });
  } finally {
    await log.close();
  }
};

const poisonIn = async ({ log, partition }: Scene): Promise<PoisonRecord[]> =>
  poisonOf(await readAll(log, partition, startPosition));

describeService('kafka', 'what something else has written', () => {
  it(
    'under another key, into another partition or without a value is set aside',
    withLog(async (scene) => {
      const { url, topic, log, partition } = scene;
      await log.append?.([winsRecord(event, 1)]);
      const { value } = messageOf(winsRecord(event, 2));
      await write(url, topic, 0, [
        { key: elsewhere, value },
        { key: null, value },
        messageFor(elsewhere, messageOf(winsRecord(elsewhere, 1)).value),
        { key: event, value: null },
      ]);
      await log.append?.([winsRecord(event, 2)]);
      assert.deepEqual(await slotsIn(log, partition), [1, null, null, null, null, 2]);
      const poison = await poisonIn(scene);
      const patterns = [/its key is not its event/, /key none/, /belongs to partition 1 of 2/, /it has no value/];
      for (const [index, pattern] of patterns.entries()) assert.match(poison[index]?.error ?? '', pattern);
      assert.deepEqual(
        poison.map(({ raw }) => raw.length),
        [value.length, value.length, messageOf(winsRecord(elsewhere, 1)).value.length, 0],
      );
    }),
  );
  it(
    'of two megabytes, where the topic takes such, is set aside whole, and a record of that size is read',
    withLog(async (scene) => {
      const { url, topic, log, partition } = scene;
      await takeMegabytes(url, topic);
      const raw = 'ö'.repeat(1_000_000);
      await log.append?.([winsRecord(event, 1)]);
      await write(url, topic, 0, [{ key: event, value: Buffer.from(raw) }]);
      await log.append?.([winsRecord(event, 2, 20_001), winsRecord(event, 20_002)]);
      assert.deepEqual(await slotsIn(log, partition), [1, null, 2, 20_002]);
      assert.equal((await poisonIn(scene))[0]?.raw === raw, true);
    }),
  );
  for (const compression of Object.values(CompressionAlgorithms)) {
    it(
      `compressed by ${compression} is read`,
      withLog(async ({ url, topic, log, partition }) => {
        const producer = new Producer({ clientId: 'other', bootstrapBrokers: brokersOf(url), strict: true });
        const messages = [1, 2, 3].map((slot) => ({ topic, partition: 0, ...messageOf(winsRecord(event, slot)) }));
        await producer.send({ acks: -1, compression, messages });
        await producer.close();
        assert.deepEqual(await slotsIn(log, partition), [1, 2, 3]);
      }),
    );
  }
  it(
    'in a transaction, ended either way or left open, holds up nothing',
    withLog(async ({ url, topic, log, partition }) => {
      const begin = async (slot: number, end: 'commit' | 'abort' | null): Promise<Producer> => {
        const producer = new Producer({
          clientId: 'other',
          bootstrapBrokers: brokersOf(url),
          strict: true,
          idempotent: true,
          transactionalId: `${topic}-${slot}`,
        });
        const transaction = await producer.beginTransaction();
        await transaction.send({ messages: [{ topic, partition: 0, ...messageOf(winsRecord(event, slot)) }] });
        if (end !== null) await transaction[end]();
        return producer;
      };
      const producers = [await begin(1, 'commit'), await begin(2, 'abort'), await begin(3, null)];
      await log.append?.([winsRecord(event, 4)]);
      // An aborted one is a statement of the gate like any other; a mark of its end is none.
      assert.deepEqual(await slotsIn(log, partition), [1, 2, 3, 4]);
      for (const winsMax of [1, 2]) {
        const { position } = await log.read(partition, startPosition, winsMax);
        assert.deepEqual(await slotsIn(log, partition, position), [1, 2, 3, 4].slice(winsMax));
      }
      await Promise.all(producers.map((producer) => producer.close()));
    }),
  );
});

const messageFor = (key: string, value: Buffer) => ({ key, value });
