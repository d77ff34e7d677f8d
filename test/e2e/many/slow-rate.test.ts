/**
 * A rate that makes a worker wait for longer than its session with Kafka lasts: it keeps its part all the while. Systems whose loop
 * sleeps for their rate between two polls lose theirs, others take it over and lose it as well.
 */
import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Consumer } from '@platformatic/kafka';
import type { Clock } from '../../../src/core/clock.ts';
import type { WinLog } from '../../../src/core/win-log.ts';
import { openEngine } from '../../../src/engine/engine.ts';
import { openPostgresLedger } from '../../../src/ledgers/postgres/ledger.ts';
import { Attendance } from '../../../src/lib/attendance.ts';
import { systemClock } from '../../../src/lib/system-clock.ts';
import { crowd, openEvent } from '../../../src/testing/gate/acting.ts';
import { openGateAt } from '../../gates/redis/bench.ts';
import { eventIn, freshTopic, openLog } from '../../logs/kafka/rig.ts';
import { describeService, freshDatabase, freshName, sharedService } from '../../services/shared.ts';

const sessionTimeoutMs = 3_000;
const perSecond = 1.5;
/** A piece is at least as large as the record that it begins with, so that the first of these is a debt of a session and a half. */
const records = [7, 1];
const partitions = 2;
const events = [0, 1].map((index) => eventIn(index, partitions));
const wins = events.length * records.reduce((sum, size) => sum + size, 0);

/** Stores that workers in this process share, each by connections of its own. */
async function stores(t: TestContext) {
  const [redis, kafka] = [await sharedService('redis'), await sharedService('kafka')];
  const { url, drop } = await freshDatabase('postgres');
  const [topic, prefix] = [freshTopic(), freshName()];
  const ledger = await openPostgresLedger({ url });
  await ledger.migrate();
  const gate = await openGateAt({ url: redis, prefix });
  for (const id of events) {
    // As the engine does that creates one.
    const { spec, phase, revision, epoch, createdAt } = await openEvent(gate, { id, capacity: 100 });
    await ledger.putEvent({ spec, phase, revision, epoch, createdAt, updatedAt: createdAt });
  }
  const closing: (() => Promise<void>)[] = [];
  t.after(async () => {
    for (const close of closing) await close();
    await gate.close();
    await ledger.close();
    await drop();
  });
  return {
    gate,
    ledger,
    /** Opens a worker whose waits are those of `clock`. */
    async worker(name: string, clock: Clock): Promise<WinLog> {
      const own = await openGateAt({ url: redis, prefix });
      const log = await openLog(kafka, topic, { partitions, sessionTimeoutMs });
      const parts = {
        gate: own,
        log,
        ledger: await openPostgresLedger({ url }),
        attendance: new Attendance({ gate: own, clock: systemClock, worker: name, isShared: true }),
        clock,
        random: Math.random,
      };
      const engine = await openEngine(parts, {
        codeSecret: 'Vb3xKp9QzL7mTn2RwY8sJd4FhG6cXa1E',
        issueRatePerSecond: perSecond,
        roles: ['issuing'],
        isShared: true,
        observer: {},
        alarm: () => undefined,
      });
      closing.unshift(() => engine.close());
      return log;
    },
  };
}

/** What is seen of the groups of this process: who joins, and in which generation each of them is. */
function watchGroups(t: TestContext) {
  const consumers = new Set<Consumer>();
  let joins = 0;
  const started = (message: unknown): void => {
    const { client, operation } = message as { readonly client: Consumer; readonly operation: string };
    if (operation !== 'joinGroup') return;
    consumers.add(client);
    joins += 1;
  };
  subscribe('tracing:plt:kafka:consumer:group:start', started);
  t.after(() => unsubscribe('tracing:plt:kafka:consumer:group:start', started));
  return {
    joins: () => joins,
    generations: () => [...consumers].map(({ generationId, memberId }) => `${memberId ?? ''} ${generationId}`).sort(),
  };
}

/** Which of the workers hold each of the partitions. */
const held = (logs: readonly WinLog[]): string =>
  events.map((id) => logs.flatMap((log, at) => (log.holds(log.partitionOf(id)) ? [at] : [])).join('+')).join(' ');

describeService(['redis', 'kafka', 'postgres'], 'a rate that is low, and a backlog', () => {
  test('of several sessions: nobody loses his part, and no rebalance happens', async (t) => {
    const groups = watchGroups(t);
    const { gate, ledger, worker } = await stores(t);
    const logs = [await worker('one', systemClock), await worker('two', systemClock)];
    while (!['0 1', '1 0'].includes(held(logs))) await pause(20, undefined, { signal: t.signal });
    const before = { holders: held(logs), joins: groups.joins(), generations: groups.generations() };
    for (const size of records) for (const id of events) await gate.admit(id, crowd(size, `user-${size}-`));
    const seen = new Set<string>();
    let looks = 0;
    const issued = async () => {
      const totals = await Promise.all(events.map((id) => ledger.totals(id)));
      return totals.reduce((sum, { issued }) => sum + issued, 0);
    };
    while ((await issued()) < wins) {
      seen.add(held(logs));
      looks += 1;
      await pause(20, undefined, { signal: t.signal });
    }
    t.diagnostic(`${looks} looks, ${groups.joins()} joins in all`);
    assert.deepEqual([...seen], [before.holders]);
    assert.deepEqual(
      { joins: groups.joins(), generations: groups.generations() },
      {
        joins: before.joins,
        generations: before.generations,
      },
    );
  });

  test('and a worker that waits by stopping everything else: it is seen to lose its part', async (t) => {
    const groups = watchGroups(t);
    const { gate, worker } = await stores(t);
    const nothing = new Int32Array(new SharedArrayBuffer(4));
    const blocking: Clock = {
      now: systemClock.now,
      async sleep(ms, signal) {
        // Of all that the engine sleeps for, only the rate takes this long.
        if (ms <= sessionTimeoutMs + 500) return await systemClock.sleep(ms, signal);
        Atomics.wait(nothing, 0, 0, 2 * sessionTimeoutMs);
      },
    };
    const log = await worker('one', blocking);
    while (held([log]) !== '0 0') await pause(20, undefined, { signal: t.signal });
    const before = groups.joins();
    for (const id of events) await gate.admit(id, crowd(9));
    const seen = new Set<string>();
    while (groups.joins() === before) {
      seen.add(held([log]));
      await pause(20, undefined, { signal: t.signal });
    }
    assert.ok(seen.has(' '), `it was seen to hold ${[...seen].join(', ')}`);
  });
});
