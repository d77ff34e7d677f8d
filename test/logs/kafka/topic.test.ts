/** The topic: made as it has to be, judged at every start, and never used with another number of partitions. */
import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { it } from 'node:test';
import type { WinLog } from '../../../src/core/win-log.ts';
import type { KafkaLogOptions } from '../../../src/logs/kafka/options.ts';
import { troubleOf } from '../../../src/testing/refusal.ts';
import { describeService, sharedService } from '../../services/shared.ts';
import {
  eventIn,
  freshTopic,
  openLog,
  operate,
  raisePartitions,
  settingsIn,
  slotsIn,
  winsRecord,
  write,
} from './rig.ts';

/** A test with a Kafka and a topic of its own name; what it opens is closed. */
const withTopic =
  (run: (url: string, topic: string, open: (more?: Partial<KafkaLogOptions>) => Promise<WinLog>) => Promise<void>) =>
  async () => {
    const url = await sharedService('kafka');
    const topic = freshTopic();
    const opened: WinLog[] = [];
    try {
      await run(url, topic, async (more = {}) => {
        const log = await openLog(url, topic, more);
        opened.push(log);
        return log;
      });
    } finally {
      await Promise.all(opened.map((log) => log.close()));
    }
  };

const countOf = async (log: WinLog): Promise<number> => (await log.ends(null, 1000)).length;

describeService('kafka', 'a topic that is not there', () => {
  it(
    'is made with eight partitions, and settings under which nothing is lost',
    withTopic(async (url, topic, open) => {
      const log = await open();
      assert.equal(await countOf(log), 8);
      const settings = await settingsIn(url, topic);
      const expected = {
        'cleanup.policy': 'delete',
        'retention.ms': '2592000000',
        'retention.bytes': '-1',
        'min.insync.replicas': '1',
        'message.timestamp.type': 'LogAppendTime',
        'unclean.leader.election.enable': 'false',
      };
      for (const [name, value] of Object.entries(expected)) assert.equal(settings.get(name), value, name);
    }),
  );
  it(
    'is made once by many that start together',
    withTopic(async (_url, _topic, open) => {
      const logs = await Promise.all(Array.from({ length: 5 }, () => open({ partitions: 3 })));
      for (const log of logs) assert.equal(await countOf(log), 3);
    }),
  );
});

describeService('kafka', 'a topic that is there', () => {
  it(
    'is used with the partitions it has',
    withTopic(async (url, topic, open) => {
      await operate(url, (admin) => admin.createTopics({ topics: [topic], partitions: 5, replicas: 1 }));
      assert.equal(await countOf(await open()), 5);
      const { message } = await troubleOf('store_unfit', () => open({ partitions: 6 }));
      assert.match(message, /has 5 partitions, not 6/);
    }),
  );
  it(
    'is refused where it could lose wins, with every reason and what to do',
    withTopic(async (url, topic, open) => {
      const configs = [
        { name: 'cleanup.policy', value: 'compact' },
        { name: 'retention.ms', value: '60000' },
        { name: 'min.insync.replicas', value: '2' },
      ];
      await operate(url, (admin) => admin.createTopics({ topics: [topic], partitions: 2, replicas: 1, configs }));
      const { message } = await troubleOf('store_unfit', () => open());
      assert.match(message, /cleanup\.policy is compact: .*; set it to delete/);
      assert.match(message, /retention\.ms is 60000: .*; set it to 604800000/);
      assert.match(message, /min\.insync\.replicas is 2: .*; set it to 1/);
    }),
  );
});

describeService('kafka', 'the number of partitions', () => {
  it(
    'that somebody has raised is refused, since events would go on elsewhere',
    withTopic(async (url, topic, open) => {
      const log = await open({ partitions: 2 });
      // The same in a topic of two and of four: what tells is not where the record stands but what it says.
      const event = eventIn(1, 4);
      await log.append?.([winsRecord(event, 1)]);
      await raisePartitions(url, topic, 4);

      const { message } = await troubleOf('store_unfit', () => open());
      assert.match(message, /were spread over 2 partitions, not 4: .* lose their order\. Say partitions=2, /);
      await troubleOf('store_unfit', () => open({ partitions: 4 }));

      const again = await open({ partitions: 2 });
      assert.equal(await countOf(again), 2);
      const moved = eventIn(3, 4);
      for (const one of [log, again]) await one.append?.([winsRecord(moved, 1)]);
      assert.deepEqual(await slotsIn(again, again.partitionOf(moved)), [1, 1, 1]);
    }),
  );
  it(
    'is told by the first record where the last was written by something else',
    withTopic(async (url, topic, open) => {
      const log = await open({ partitions: 2 });
      const event = eventIn(0, 2);
      await log.append?.([winsRecord(event, 1)]);
      await write(url, topic, 0, [{ key: 'what', value: Buffer.from('ever') }]);
      await raisePartitions(url, topic, 3);
      await troubleOf('store_unfit', () => open());
    }),
  );
  it(
    'may be raised as long as nothing was written',
    withTopic(async (url, topic, open) => {
      await (await open({ partitions: 2 })).close();
      await raisePartitions(url, topic, 4);
      assert.equal(await countOf(await open()), 4);
    }),
  );
});
