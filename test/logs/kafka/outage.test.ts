/** A server that is killed or hangs: nothing is lost, first occurrences stay in order, and nobody waits for ever. */
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { WinLog } from '../../../src/core/win-log.ts';
import { startPosition } from '../../../src/logs/kafka/place.ts';
import { troubleOf } from '../../../src/testing/refusal.ts';
import { type Service, startKafka } from '../../../services/services.ts';
import { describeService } from '../../services/shared.ts';
import { eventIn, freshTopic, openLog, winsRecord } from './rig.ts';
import { repeatsIn, type Sent, send } from './sending.ts';

const answerTimeoutMs = 1_000;
const count = 3;
const events = [0, 1, 2].map((index) => eventIn(index, count));

describeService('kafka', 'a server', () => {
  let kafka: Service;
  const told: string[] = [];
  const open = (topic = freshTopic()): Promise<WinLog> =>
    openLog(kafka.url, topic, { partitions: count, answerTimeoutMs, sessionTimeoutMs: 2_000 }, told);

  before(async () => {
    kafka = await startKafka();
  });
  after(() => kafka.stop());

  async function sending(trouble: () => Promise<void>): Promise<{ sent: Sent; log: WinLog }> {
    const log = await open();
    const stop = new AbortController();
    const work = send(log, events, 20, stop.signal);
    await trouble();
    stop.abort();
    return { sent: await work, log };
  }

  it('that is killed in mid-append and starts again has lost nothing', async (t) => {
    const { sent, log } = await sending(async () => {
      for (const runMs of [300, 700]) {
        await pause(runMs);
        kafka.signal('SIGKILL');
        await pause(200);
        await kafka.restart();
      }
      await pause(1_500);
    });
    assert.ok(sent.troubles > 0, 'the outage was met');
    t.diagnostic(
      `${[...sent.last.values()].join('+')} sent, ${sent.troubles} troubles, ${await repeatsIn(log, sent)} repeats`,
    );
    await log.close();
  });

  it('that hangs for longer than a send may take leaves repeats behind, and first occurrences in order', async (t) => {
    const { sent, log } = await sending(async () => {
      for (let round = 0; round < 3; round += 1) {
        await pause(400);
        kafka.signal('SIGSTOP');
        await pause(2.5 * answerTimeoutMs);
        kafka.signal('SIGCONT');
      }
      await pause(1_000);
    });
    assert.ok(sent.troubles > 0, 'the timer ran out');
    t.diagnostic(
      `${[...sent.last.values()].join('+')} sent, ${sent.troubles} troubles, ${await repeatsIn(log, sent)} repeats`,
    );
    await log.close();
  });

  it('that hangs is told by every method while it hangs, and all go on behind it', async () => {
    const log = await open();
    const event = events[0] ?? '';
    const partition = log.partitionOf(event);
    await log.append!([winsRecord(event, 1)]);
    kafka.signal('SIGSTOP');
    try {
      await Promise.all([
        troubleOf('unavailable', () => log.read(partition, startPosition, 10)),
        troubleOf('unavailable', () => log.ends(null, 10)),
        troubleOf('unavailable', () => log.append!([winsRecord(event, 2)])),
        troubleOf('unavailable', () => log.check()),
      ]);
    } finally {
      kafka.signal('SIGCONT');
    }
    await log.append!([winsRecord(event, 2)]);
    const { records } = await log.read(partition, startPosition, 10);
    assert.deepEqual(
      new Set(records.map((record) => (record.type === 'wins' ? record.wins[0]?.slot : 0))),
      new Set([1, 2]),
    );
    await log.check();
    await log.close();
  });

  it('that is killed is told while it is gone, and the part of the partitions is there again when it is back', async () => {
    const log = await open();
    const partition = log.partitionOf(events[0] ?? '');
    await log.join();
    while (!log.holds(partition)) await pause(10);
    kafka.signal('SIGKILL');
    await troubleOf('unavailable', () => log.read(partition, startPosition, 10));
    await troubleOf('unavailable', () => log.check());
    // After a session without a word it holds nothing, whoever may be there to say so.
    while (log.holds(partition)) await pause(10);
    await kafka.restart();
    while (!log.holds(partition)) await pause(10);
    await log.check();
    await log.close();
  });

  it('that hangs does not hold up closing, nor the end of the process', async () => {
    const log = await open();
    await log.join();
    const partition = log.partitionOf(events[0] ?? '');
    while (!log.holds(partition)) await pause(10);
    const event = events[0] ?? '';
    await log.append!([winsRecord(event, 1)]);
    kafka.signal('SIGSTOP');
    try {
      const late = [
        troubleOf('unavailable', () => log.append!([winsRecord(event, 2)])),
        troubleOf('unavailable', () => log.read(partition, startPosition, 10)),
      ];
      await log.close();
      await Promise.all(late);
    } finally {
      kafka.signal('SIGCONT');
    }
  });
});
