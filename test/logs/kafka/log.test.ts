/** The log in a Kafka topic passes the suite of logs. */
import { logConformance } from '../../../src/testing/log/conformance.ts';
import { ManualClock } from '../../../src/testing/manual-clock.ts';
import { openModelGate } from '../../../src/testing/model-gate.ts';
import { describeService, sharedService } from '../../services/shared.ts';
import { freshTopic, openLog, relayOf } from './rig.ts';

describeService('kafka', 'kafka', () => {
  logConformance('kafka', {
    async setup() {
      const gate = openModelGate(new ManualClock());
      const log = await openLog(await sharedService('kafka'), freshTopic());
      return { gate, log, settle: relayOf(gate, log), teardown: () => log.close() };
    },
  });
});
