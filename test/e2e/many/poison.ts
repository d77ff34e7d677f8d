/** What somebody else writes into the topic, beside a stopped event: set aside, and nobody on the partition waits for it. */
import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { test } from 'node:test';
import { partitionIndexOf } from '../../../src/logs/kafka/place.ts';
import { takeMegabytes, winsRecord, write } from '../../logs/kafka/rig.ts';
import { failedOnes, totals, users } from '../cases/issuances.ts';
import { metricOf } from '../metric.ts';
import { type Front, until } from '../server.ts';
import { type FleetSite, partitions } from '../site.ts';

/** A failed issuance of a record that is none. */
interface Poison {
  readonly id: number;
  readonly eventId: string | null;
  readonly slot: number | null;
  readonly userId: string | null;
  readonly record: string;
}

/** What is written, and how it is kept: cut JSON, a text of 1.6 MB, a byte that PostgreSQL has no place for, a later schema. */
function poisonsFor(eventId: string) {
  const whole = JSON.stringify(winsRecord(eventId, 900));
  // More than Kafka takes by itself, and more than one read of a partition asks for.
  const large = 'Hello, 세계 '.repeat(100_000);
  const nul = Buffer.from('{"v":1,\0}');
  const texts = [whole.slice(0, -20), large, whole.replace('"v":1', '"v":2')];
  return [
    ...texts.map((text) => ({ value: Buffer.from(text), kept: text })),
    { value: nul, kept: `base64:${nul.toString('base64')}` },
  ];
}

async function poisonOf(front: Front, state = 'waiting'): Promise<readonly Poison[]> {
  const { body } = await front.call('GET', `/v1/failed-issuances?state=${state}&limit=1000`);
  return ((body.items ?? []) as readonly Poison[]).filter(({ eventId }) => eventId === null);
}

/** Registers it in the suite in which it is called; the log is Kafka. */
export function registerPoison(open: () => Promise<FleetSite>): void {
  test('poison, a planted contradiction and a stopped event on one partition: set aside, and the neighbour goes on', async () => {
    const site = await open();
    const { front, ledger, workers } = site;
    const [id, neighbour] = ['poisoned', site.besides('poisoned')];
    const own = partitionIndexOf(id, partitions);
    const [, url = '', topic = ''] = /^(kafka:\/\/[^/]+)\/([^?]+)/.exec(site.fleet.env['DIBS_LOG'] ?? '') ?? [];
    await takeMegabytes(url, topic);
    await front.create({ id, capacity: 40 });
    await front.create({ id: neighbour, capacity: 40 });
    await front.claimAll(users(5, id), 1);
    await front.claimAll(users(10, neighbour), 1);
    await Promise.all([front.settled(id), front.settled(neighbour)]);
    const columns = 'event_id, slot, user_id, nth, claim_id, claim_key, code, won_at, issued_at';
    const values = `'${id}', 6, 'mallory', 1, '6-aaaaaaaaaaaa', NULL, 'AAAAAAAAAAAAAAAA', 1, 1`;
    await ledger.run(`INSERT INTO coupons (${columns}) VALUES (${values})`);

    const poisons = poisonsFor(id);
    const messages = poisons.map(({ value }) => ({ key: id, value }));
    // Before the event stops, among what it and its neighbour win, and behind it.
    await write(url, topic, own, messages.slice(0, 1));
    await front.claimAll(users(20, neighbour, 11), 4);
    const told = await front.claim(id, 'user-6');
    assert.deepEqual([told.status, told.body.claim?.slot], [201, 6]);
    await write(url, topic, own, messages.slice(1, 3));
    await until(
      () => front.claim(id, 'user-7'),
      ({ status }) => status === 503,
    );
    await write(url, topic, own, messages.slice(3));
    await front.claimAll(users(40, neighbour, 21), 4);

    assert.deepEqual(totals(await front.settled(neighbour)), { ...clean, won: 40, issued: 40 });
    const kept = await until(
      () => poisonOf(front),
      ({ length }) => length >= poisons.length,
    );
    assert.deepEqual(
      kept.map(({ slot, userId, record }) => ({ slot, userId, record })),
      poisons.map(({ kept }) => ({ slot: null, userId: null, record: kept })),
    );
    // The event itself is stopped, its audit says why, and what it had won is kept raw.
    for (const server of site.servers()) {
      const { body } = await until(
        () => server.audit(id),
        ({ body }) => body.findings?.some(({ rule }) => rule === 'I2') === true,
      );
      assert.equal(body.ok, false);
    }
    // Slot 6 at least: the others may have been reissued by a worker that had not heard of the stop yet.
    const [win] = await failedOnes(front, id);
    assert.equal(win?.slot, 6);
    assert.match(win?.error ?? '', /contradicts the coupon that stands at slot 6/);
    // All of this is told by the workers as well.
    for (const worker of workers) {
      await until(
        async () => {
          const waiting = await metricOf(worker, 'dibs_failed_issuances', 'state="waiting"');
          return waiting - (await failedOnes(front, id)).length;
        },
        (others) => others === poisons.length,
      );
    }
    // What cannot be read is reissued by nobody, and an operator who has looked at it puts it away.
    for (const { id } of kept) {
      const refused = await front.call('POST', `/v1/failed-issuances/${id}/reissue`);
      assert.deepEqual([refused.status, refused.body.code], [409, 'reissue_refused']);
      const path = `/v1/failed-issuances/${id}/discard`;
      assert.equal((await front.call('POST', path, { body: { reason: 'Somebody else wrote it.' } })).status, 200);
    }
    // Mended, the event goes on, and its wins come home.
    await ledger.run(`DELETE FROM coupons WHERE event_id = '${id}' AND code = 'AAAAAAAAAAAAAAAA'`);
    assert.equal((await front.call('POST', `/v1/events/${id}/recover`)).status, 200);
    await front.claimAll(users(40, id), 4);
    const home = await until(
      () => front.settled(id),
      ({ issued }) => issued === 40,
    );
    assert.deepEqual(totals(home), { ...clean, won: 40, issued: 40 });
    assert.equal((await front.coupons(id))[5]?.userId, 'user-6');
    assert.deepEqual(await poisonOf(front), []);
  });
}

const clean = { ok: true, failed: 0, discarded: 0 } as const;
