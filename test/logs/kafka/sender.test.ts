/** A send that fails takes with it what waits behind it, and nothing else. */
import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { WinLog } from '../../../src/core/win-log.ts';
import { troubleOf } from '../../../src/testing/refusal.ts';
import { describeService, sharedService } from '../../services/shared.ts';
import { eventIn, freshTopic, openLog, operate, slotsIn, winsRecord, write } from './rig.ts';

const count = 3;
const [event, other] = [eventIn(0, count), eventIn(1, count)];
/** A partition that neither of them has. */
const nobody = 2;
const tooLarge = winsRecord(other, 2, 200);

/** A topic that takes no more than some 20 wins in a send. */
const withNarrowTopic = (run: (log: WinLog) => Promise<void>) => async () => {
  const url = await sharedService('kafka');
  const topic = freshTopic();
  const log = await openLog(url, topic, { partitions: count });
  try {
    await log.append?.([winsRecord(event, 1), winsRecord(other, 1)]);
    const configs = [{ name: 'max.message.bytes', configOperation: 0 as const, value: '3000' }];
    const resources = [{ resourceType: 2 as const, resourceName: topic, configs }];
    await operate(url, (admin) => admin.incrementalAlterConfigs({ resources }));
    // The server acknowledges before it goes by it: what is too large is written to a partition of nobody until it is refused.
    const wide = [{ key: 'nobody', value: Buffer.alloc(4_000, 'x') }];
    const takes = (): Promise<boolean> =>
      write(url, topic, nobody, wide).then(
        () => true,
        () => false,
      );
    while (await takes()) await pause(20);
    await run(log);
  } finally {
    await log.close();
  }
};

describeService('kafka', 'a send that is refused', () => {
  it(
    'is told with the reason, and fails what waits behind it, which would come before it',
    withNarrowTopic(async (log) => {
      const [first, second, elsewhere] = await Promise.allSettled([
        log.append!([tooLarge]),
        pause(0).then(() => log.append!([winsRecord(other, 201)])),
        log.append!([winsRecord(event, 2)]),
      ]);
      assert.match(String(first.status === 'rejected' && first.reason), /does not take records: MESSAGE_TOO_LARGE/);
      assert.equal(second.status, 'rejected');
      assert.equal(elsewhere.status, 'fulfilled');
      assert.deepEqual(await slotsIn(log, log.partitionOf(other)), [1]);
      await log.append?.([winsRecord(other, 2)]);
      assert.deepEqual(await slotsIn(log, log.partitionOf(other)), [1, 2]);
    }),
  );
  it(
    'costs no record of another partition its place, though that be acknowledged',
    withNarrowTopic(async (log) => {
      // The client looks a topic up anew every 5 s. Where that comes between a send that is refused and the next one, a
      // producer that the partitions share gives the next one a number that the server has seen.
      await pause(4_700);
      const refused = troubleOf('unavailable', () => log.append!([tooLarge]));
      await pause(1);
      for (const until = performance.now() + 500; performance.now() < until; );
      await log.append?.([winsRecord(event, 2)]);
      await refused;
      assert.deepEqual(await slotsIn(log, log.partitionOf(event)), [1, 2]);
    }),
  );
});
