/** Many machines: real processes around real Redis, Kafka and databases, and what the crowd was told held against all stores. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkHistory } from '../../../src/core/history.ts';
import { parseRecord } from '../../../src/core/record.ts';
import { planClaims } from '../../../src/load/plan.ts';
import { openKafkaLog } from '../../../src/logs/kafka/log.ts';
import { systemClock } from '../../../src/lib/system-clock.ts';
import { describeService } from '../../services/shared.ts';
import { claimThrough, Fleet } from '../fleet.ts';
import { type TestServer, until } from '../server.ts';
import { type DatabaseName, freshStores } from '../stores.ts';

const capacity = 1_000;

/** What everybody must agree on once all is issued. */
async function agreed(server: TestServer, eventId: string, won: number): Promise<void> {
  const { ok, findings, logged, issued, unissued, failed, won: counted } = await server.settled(eventId);
  assert.deepEqual({ ok, findings }, { ok: true, findings: [] });
  assert.deepEqual(
    { logged, issued, unissued, failed, won: counted },
    { logged: won, issued: won, unissued: 0, failed: 0, won },
  );
}

/** The users of an event's slots as a topic has them, first occurrences, read by whoever comes along. */
async function usersInLog(url: string, eventId: string): Promise<Map<number, string>> {
  const [, broker = '', topic = ''] = /^kafka:\/\/([^/]+)\/([^?]+)/.exec(url) ?? [];
  const alarm = () => undefined;
  const log = await openKafkaLog({ brokers: [broker], topic, clock: systemClock, random: Math.random, alarm });
  const users = new Map<number, string>();
  try {
    const partition = log.partitionOf(eventId);
    for (let position = log.start; ; ) {
      const batch = await log.read(partition, position, 5_000);
      if (batch.records.length === 0) return users;
      position = batch.position;
      for (const record of batch.records) {
        if (record.type === 'poison') assert.fail(record.error);
        assert.deepEqual(parseRecord(JSON.stringify(record)), record);
        if (record.type !== 'wins' || record.eventId !== eventId) continue;
        for (const win of record.wins) if (!users.has(win.slot)) users.set(win.slot, win.userId);
      }
    }
  } finally {
    await log.close();
  }
}

/** Registers what a fleet over one database has to do; a file for each, so that no one file takes minutes. */
export function registerMany(database: DatabaseName): void {
  for (const log of ['kafka', 'embedded'] as const) {
    describeService(['redis', 'kafka', database], `4 api, 2 workers, ${log} log, ${database}`, () => {
      test('20,000 claims for 1,000 coupons give exactly 1,000, the same everywhere', async (t) => {
        const stores = await freshStores(t, database, log);
        const fleet = await Fleet.of(t, stores);
        const { apis } = await fleet.start(4, 2);
        const [first] = apis as [TestServer, ...TestServer[]];
        const spec = await first.create({ id: 'drop', capacity });
        const plan = planClaims({ eventId: 'drop', users: 16_000, repeats: 4_000, seed: 7 });
        const { history } = await claimThrough(apis, plan, { inFlight: 64 });
        await agreed(first, 'drop', capacity);
        const coupons = await first.coupons('drop');
        assert.deepEqual(checkHistory({ spec, history, coupons, isWhole: true }), []);
        const told = new Map(history.flatMap(({ win, userId }) => (win === null ? [] : [[win.slot, userId]])));
        assert.equal(told.size, capacity);
        assert.deepEqual(
          new Map(coupons.map(({ slot, userId }) => [slot, userId])),
          new Map([...told].toSorted(bySlot)),
        );
        if (log === 'kafka')
          assert.deepEqual(
            new Map([...(await usersInLog(stores.log, 'drop'))].toSorted(bySlot)),
            new Map([...told].toSorted(bySlot)),
          );
        // Whoever asks again, at any server, is told the same.
        const again = await claimThrough(apis, plan.slice(0, 500), { inFlight: 16 });
        assert.deepEqual(checkHistory({ spec, history: [...history, ...again.history], coupons, isWhole: true }), []);
      });
    });
  }

  describeService(['redis', 'kafka', database], `the cases of one machine, on many, ${database}`, () => {
    test('several to a user by keys, paused, raised and closed while they claim', async (t) => {
      const fleet = await Fleet.of(t, await freshStores(t, database, 'kafka'));
      const { apis } = await fleet.start(3, 2);
      const [first, second, third] = apis as [TestServer, TestServer, TestServer];
      await first.create({ id: 'drop', capacity: 300, limitPerUser: 3 });
      const plan = Array.from({ length: 4_000 }, (_, at) => ({
        eventId: 'drop',
        userId: `user-${at % 400}`,
        key: `key-${Math.floor(at / 400) % 5}`,
      }));
      const claiming = claimThrough(apis, plan, { inFlight: 32 });
      const path = '/v1/events/drop';
      for (const [server, act] of [
        [second, 'pause'],
        [third, 'resume'],
      ] as const)
        assert.equal((await server.call('POST', `${path}/${act}`)).status, 200);
      assert.equal((await second.call('PATCH', path, { body: { capacity: 350 } })).status, 200);
      const { history } = await claiming;
      // Those who were told "paused" ask again.
      const again = await claimThrough(apis, plan, { inFlight: 32 });
      await agreed(third, 'drop', 350);
      const coupons = await first.coupons('drop');
      const spec = { id: 'drop', capacity: 350, limitPerUser: 3 };
      const whole = [...history, ...again.history];
      assert.deepEqual(checkHistory({ spec, history: whole, coupons, isWhole: false }), []);
      assert.equal((await first.call('POST', `${path}/close`)).status, 200);
      assert.equal((await second.claim('drop', 'late', 'k')).body.code, 'closed');
      const [winner] = coupons;
      const told = await second.call('GET', `${path}/claims?userId=${winner?.userId ?? ''}`, { as: 'service' });
      const own = coupons.filter(({ userId }) => userId === winner?.userId);
      assert.deepEqual(
        (told.body.items as { readonly slot: number }[]).map(({ slot }) => slot),
        own.map(({ slot }) => slot),
      );
    });

    test('a replay is told with its code, whichever process has issued it', async (t) => {
      const fleet = await Fleet.of(t, await freshStores(t, database, 'embedded'));
      const { apis } = await fleet.start(2, 1);
      const [first, second] = apis as [TestServer, TestServer];
      await first.create({ id: 'drop', capacity: 5 });
      const { body } = await first.claim('drop', 'alice');
      await first.settled('drop');
      const replay = await until(
        () => second.claim('drop', 'alice'),
        (answer) => answer.body.claim?.status === 'issued',
      );
      assert.equal(replay.status, 200);
      assert.equal(replay.body.claim?.id, body.claim?.id);
      assert.match(replay.body.claim?.code ?? '', /^[A-Z2-7]{16}$/);
    });
  });
}

const bySlot = ([a]: readonly [number, string], [b]: readonly [number, string]): number => a - b;
