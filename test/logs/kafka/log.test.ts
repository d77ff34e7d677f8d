/** The log in a Kafka topic passes the suite of logs. */
import type { WinLog } from '../../../src/core/win-log.ts';
import { logConformance } from '../../../src/testing/log/conformance.ts';
import { ManualClock } from '../../../src/testing/manual-clock.ts';
import { openModelGate } from '../../../src/testing/model-gate.ts';
import { describeService, sharedService } from '../../services/shared.ts';
import { freshTopic, openLog, relayOf, write } from './rig.ts';

describeService('kafka', 'kafka', () => {
  logConformance('kafka', {
    async setup() {
      const url = await sharedService('kafka');
      const topic = freshTopic();
      const gate = openModelGate(new ManualClock());
      const open = () => openLog(url, topic, { partitions: 3, sessionTimeoutMs: 3_000 });
      const log = await open();
      const logs: WinLog[] = [log];
      return {
        gate,
        log,
        settle: relayOf(gate, log),
        sharingMsMax: 30_000,
        async plant(eventId, value) {
          const partition = Number(log.partitionOf(eventId).split('/')[1]);
          await write(url, topic, partition, [{ key: eventId, value }]);
        },
        async connect() {
          const other = await open();
          logs.push(other);
          return other;
        },
        async teardown() {
          await Promise.all(logs.map((one) => one.close()));
        },
      };
    },
  });
});
