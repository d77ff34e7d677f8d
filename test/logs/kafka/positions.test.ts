/** Positions of the ledger's: what becomes of them when the topic is not what it was. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { DibsError } from '../../../src/core/errors.ts';
import type { WinLog } from '../../../src/core/win-log.ts';
import { startPosition } from '../../../src/logs/kafka/place.ts';
import { troubleOf } from '../../../src/testing/refusal.ts';
import { describeService, sharedService } from '../../services/shared.ts';
import { freshTopic, openLog, operate, slotsIn, winsRecord } from './rig.ts';

interface Scene {
  readonly url: string;
  readonly topic: string;
  readonly log: WinLog;
  /** The one partition there is. */
  readonly partition: string;
  /** What an operator was told. */
  readonly told: string[];
  open(): Promise<WinLog>;
}

/** A log of one partition with slots 1 to 10 of an event, each a record of its own. */
const withTenWins = (run: (scene: Scene) => Promise<void>) => async () => {
  const url = await sharedService('kafka');
  const topic = freshTopic();
  const told: string[] = [];
  const opened: WinLog[] = [];
  const open = async () => {
    const log = await openLog(url, topic, { partitions: 1, answerTimeoutMs: 3_000 }, told);
    opened.push(log);
    return log;
  };
  try {
    const log = await open();
    await log.append?.(Array.from({ length: 10 }, (_, index) => winsRecord('drop', index + 1)));
    await run({ url, topic, log, open, told, partition: log.partitionOf('drop') });
  } finally {
    await Promise.all(opened.map((one) => one.close()));
  }
};

const upTo = (last: number, first = 1): number[] =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);

async function remake(url: string, topic: string, isMade = true): Promise<void> {
  await operate(url, async (admin) => {
    await admin.deleteTopics({ topics: [topic] });
    if (!isMade) return;
    // Its name is free once every server has heard of it.
    for (let tries = 0; tries < 100; tries += 1) {
      await pause(20);
      if (await admin.createTopics({ topics: [topic], partitions: 1, replicas: 1 }).catch(() => null)) return;
    }
  });
}

/** What is thrown once the server has heard of the topic that was made again: for a moment it says that there is none. */
async function remadeTrouble(act: () => Promise<unknown>): Promise<Error> {
  for (let tries = 0; tries < 500; tries += 1) {
    const trouble = await act().then(
      () => null,
      (error: unknown) => error,
    );
    if (trouble instanceof DibsError && trouble.code === 'store_unfit') return trouble;
    await pause(10);
  }
  return assert.fail('it is not noticed');
}

describeService('kafka', 'a position', () => {
  it(
    'before what has been dropped goes on at what is left, and is told',
    withTenWins(async ({ url, topic, log: before, partition, told, open }) => {
      const { position } = await before.read(partition, startPosition, 2);
      const log = await open();
      await operate(url, (admin) =>
        admin.deleteRecords({ topics: [{ name: topic, partitions: [{ partition: 0, offset: 6n }] }] }),
      );
      assert.deepEqual(await slotsIn(log, partition, position), upTo(10, 7));
      assert.equal(told.length, 1, told.join('\n'));
      assert.match(told[0] ?? '', /has lost what was before offset 6/);
      assert.deepEqual(await slotsIn(log, partition, startPosition), upTo(10, 7));
      assert.equal(told.length, 2);
    }),
  );
  it(
    'behind the end, of a server that came back with an older copy, begins at the front, and is told',
    withTenWins(async ({ log, partition, told }) => {
      const { position } = await log.read(partition, startPosition, 100);
      const behind = position.replace(/:\d+$/, ':25');
      assert.deepEqual(await slotsIn(log, partition, behind), upTo(10));
      assert.match(told.join(), /has ended before offset 25/);
      assert.equal(told.length, 1);
      assert.ok(log.distance(behind, position) < 0);
    }),
  );
  it(
    'in a topic that was deleted and made again begins at its front, and is told',
    withTenWins(async ({ url, topic, log, partition, told, open }) => {
      const { position } = await log.read(partition, startPosition, 100);
      await log.close();
      await remake(url, topic);
      const again = await open();
      assert.deepEqual(await slotsIn(again, partition, position), []);
      await again.append?.(upTo(3).map((slot) => winsRecord('drop', slot)));
      const [end] = await again.ends(null, 1);
      assert.equal(again.distance(position, end?.end ?? ''), 3);
      assert.deepEqual(await slotsIn(again, partition, position), upTo(3));
      assert.equal(told.length, 1, told.join('\n'));
      assert.match(told[0] ?? '', /offset 10 of a topic that is gone/);
    }),
  );
  it(
    'has nothing to do with the offsets of the group',
    withTenWins(async ({ url, topic, log, partition, open }) => {
      await log.join();
      while (!log.holds(partition)) await pause(10);
      const { position } = await log.read(partition, startPosition, 4);
      await log.close();
      await operate(url, (admin) => admin.deleteGroups({ groups: [`dibs-${topic}`] }));
      const again = await open();
      await again.join();
      while (!again.holds(partition)) await pause(10);
      assert.deepEqual(await slotsIn(again, partition, position), upTo(10, 5));
    }),
  );
});

describeService('kafka', 'a topic in use', () => {
  it(
    'that is made again takes and gives nothing more before a restart, so that all is sent anew',
    withTenWins(async ({ url, topic, log, partition, told, open }) => {
      const { position } = await log.read(partition, startPosition, 2);
      await remake(url, topic);
      const trouble = await remadeTrouble(() => log.read(partition, startPosition, 100));
      assert.match(trouble.message, /made again while it was in use, or .*; restart this process/);
      await troubleOf('store_unfit', () => log.append!([winsRecord('drop', 11)]));
      await troubleOf('store_unfit', () => log.ends(null, 10));
      await troubleOf('store_unfit', () => log.check());
      assert.equal(told.length, 1, told.join('\n'));
      assert.deepEqual(await slotsIn(await open(), partition, position), []);
    }),
  );
  it(
    'that is made again is noticed by who only appends',
    withTenWins(async ({ url, topic, log, told }) => {
      await remake(url, topic);
      await remadeTrouble(() => log.append!([winsRecord('drop', 11)]));
      await troubleOf('store_unfit', () => log.append!([winsRecord('drop', 11)]));
      assert.match(told.join(), /made again while it was in use/);
    }),
  );
  it(
    'that is deleted is trouble for every method, and is not made again behind its operator',
    withTenWins(async ({ url, topic, log, partition }) => {
      await remake(url, topic, false);
      const { message } = await troubleOf('unavailable', () => log.read(partition, startPosition, 100));
      assert.match(message, /is gone/);
      await troubleOf('unavailable', () => log.ends(null, 10));
      await troubleOf('unavailable', () => log.check());
      await troubleOf('unavailable', () => log.append!([winsRecord('drop', 11)]));
      const topics = await operate(url, (admin) => admin.listTopics());
      assert.ok(!topics.includes(topic));
    }),
  );
});
