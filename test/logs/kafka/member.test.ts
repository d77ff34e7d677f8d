/** A worker that leaves: whatever it was doing with its group, it does nothing more. */
import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { it, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { describeService, sharedService } from '../../services/shared.ts';
import { freshTopic, openLog } from './rig.ts';

const sessionTimeoutMs = 2_000;
// As the log has it.
const heartbeatMs = sessionTimeoutMs / 5;

/** What the client library tells of one of its clients. */
interface Traced {
  readonly client: object;
  readonly operation: string;
}

/** Tells whenever a client of this process begins an operation with its group. */
function traced(t: TestContext, on: (traced: Traced) => void): void {
  const told = (message: unknown): void => on(message as Traced);
  for (const name of ['group', 'heartbeat']) {
    const channel = `tracing:plt:kafka:consumer:${name}:start`;
    subscribe(channel, told);
    t.after(() => unsubscribe(channel, told));
  }
}

describeService('kafka', 'a worker that leaves', () => {
  for (const operation of ['joinGroup', 'syncGroup', 'heartbeat']) {
    it(`in the midst of ${operation} asks nothing more, and nothing of it is left`, async (t) => {
      const [url, topic] = [await sharedService('kafka'), freshTopic()];
      const [log, other] = [
        await openLog(url, topic, { partitions: 2, sessionTimeoutMs }),
        await openLog(url, topic, { partitions: 2, sessionTimeoutMs }),
      ];
      t.after(() => Promise.all([log.close(), other.close()]));
      const partitions = (await log.ends(null, 10)).map(({ partition }) => partition);
      const seen = { own: null as object | null, isJoined: false, closing: [] as Promise<void>[], since: 0 };
      traced(t, ({ client, operation: begun }) => {
        seen.own ??= client;
        if (client !== seen.own) return;
        if (seen.closing.length > 0) seen.since += 1;
        // What has been begun is on its way before the leave is.
        else if (seen.isJoined && begun === operation) queueMicrotask(() => seen.closing.push(log.close()));
      });
      const until = async (holds: () => boolean): Promise<void> => {
        while (!holds()) await pause(10, undefined, { signal: t.signal });
      };
      await log.join();
      await until(() => partitions.every((one) => log.holds(one)));
      seen.isJoined = true;
      // Whoever comes makes it join anew.
      await other.join();
      await until(() => seen.closing.length > 0);
      await Promise.all(seen.closing);
      const before = seen.since;
      await until(() => partitions.every((one) => other.holds(one)));
      await pause(3 * heartbeatMs);
      assert.equal(seen.since, before, 'it has gone on behind its end');
      assert.ok(partitions.every((one) => !log.holds(one) && other.holds(one)));
    });
  }
});
