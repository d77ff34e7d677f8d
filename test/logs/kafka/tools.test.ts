/** What stands in the topic can be read by a person, with the tools that come with Kafka. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { it } from 'node:test';
import { promisify } from 'node:util';
import { findJava } from '../../../services/find.ts';
import { javaVersion } from '../../../services/kafka.ts';
import { kafkaJars } from '../../../services/kafka-jars.ts';
import { startKafka } from '../../../services/services.ts';
import { describeService } from '../../services/shared.ts';
import { freshTopic, openLog, winsRecord } from './rig.ts';

describeService('kafka', "Kafka's own dump of a partition", () => {
  it('shows the event, the partition and the record as JSON', async () => {
    const kafka = await startKafka();
    try {
      const topic = freshTopic();
      const log = await openLog(kafka.url, topic, { partitions: 1 });
      const records = [winsRecord('drop', 1, 2), winsRecord('drop', 3)];
      await log.append?.(records);
      await log.close();
      const file = join(kafka.folder, 'data', `${topic}-0`, '00000000000000000000.log');
      const jars = join(kafkaJars() ?? '', '*');
      const tool = ['-cp', jars, 'kafka.tools.DumpLogSegments', '--print-data-log', '--files', file];
      const { stdout } = await promisify(execFile)(findJava(javaVersion) ?? 'java', tool);
      for (const record of records) {
        const line = stdout.split('\n').find((one) => one.includes(JSON.stringify(record)));
        assert.match(line ?? stdout, /key: drop payload: \{"v":1,"type":"wins","eventId":"drop"/);
        assert.match(line ?? '', /headerKeys: \[partition\]/);
      }
    } finally {
      await kafka.stop();
    }
  });
});
