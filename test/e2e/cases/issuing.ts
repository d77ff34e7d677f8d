/** Faults that such systems have had between one win and its coupon: each is a test of ours. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../server.ts';
import type { OpenSite } from '../site.ts';
import { slotsOf, upTo } from '../tallies.ts';
import { failedOnes, refuse, totals, users } from './issuances.ts';

/** Registers them in the suite in which it is called. */
export function registerIssuing(open: OpenSite): void {
  test('a win that the ledger refuses is kept, comes home by itself under its first slot, and nobody else gets it', async (t) => {
    const { front, ledger } = await open(t);
    const { id } = await front.create({ id: 'refused-one', capacity: 10 });
    const callOff = await refuse(t, ledger, (column) => `${column('event_id')} = '${id}' AND ${column('slot')} = 3`);
    await front.claimAll(users(8, id), 1);
    assert.deepEqual(totals(await front.settled(id)), { ok: true, won: 8, issued: 7, failed: 1, discarded: 0 });
    const [failed] = await failedOnes(front, id);
    assert.deepEqual([failed?.slot, failed?.userId, failed?.state], [3, 'user-3', 'waiting']);
    assert.match(failed?.error ?? '', /not_this_one/);
    // What the next ones win are the next slots; the slot of the failed one is not up again.
    assert.deepEqual(
      [(await front.claim(id, 'user-9')).body.claim?.slot, (await front.claim(id, 'user-10')).body.claim?.slot],
      [9, 10],
    );
    assert.equal((await front.claim(id, 'user-11')).body.code, 'sold_out');
    // And it is still its winner's, whose win is not judged again: not when the event closes, either.
    assert.equal((await front.call('POST', `/v1/events/${id}/close`)).status, 200);
    assert.deepEqual((await front.claim(id, 'user-3')).body.claim?.status, 'won');
    // Tried again while its cause stands: counted, and kept.
    await until(
      () => failedOnes(front, id),
      ([one]) => (one?.attempts ?? 0) >= 2,
    );
    await callOff();
    await until(
      () => failedOnes(front, id),
      ({ length }) => length === 0,
    );
    assert.deepEqual(totals(await front.settled(id)), { ok: true, won: 10, issued: 10, failed: 0, discarded: 0 });
    const coupons = await front.coupons(id);
    assert.deepEqual(slotsOf(coupons), upTo(10));
    assert.equal(coupons[2]?.userId, 'user-3');
    assert.deepEqual((await front.claim(id, 'user-3')).body.claim?.status, 'issued');
  });

  test('batch reissue by hand: 30 failed ones over three events come home, two operators at once are harmless', async (t) => {
    const { front, ledger } = await open(t);
    const ids = ['by-hand-a', 'by-hand-b', 'by-hand-c'];
    for (const id of ids) await front.create({ id, capacity: 20 });
    const callOff = await refuse(
      t,
      ledger,
      (column) => `${column('event_id')} IN (${ids.map((id) => `'${id}'`).join(', ')}) AND ${column('slot')} % 2 = 0`,
    );
    for (const id of ids) await front.claimAll(users(20, id), 8);
    for (const id of ids) assert.equal((await front.settled(id))['failed'], 10);
    const refused = (await Promise.all(ids.map((id) => failedOnes(front, id)))).flat();
    assert.equal(refused.length, 30);
    const [first] = refused;
    const early = await front.call('POST', `/v1/failed-issuances/${first?.id ?? 0}/reissue`);
    assert.deepEqual([early.status, early.body.code], [409, 'reissue_refused']);
    await callOff();
    const reissues = refused.flatMap(({ id }) => [id, id]);
    const answers = await Promise.all(reissues.map((id) => front.call('POST', `/v1/failed-issuances/${id}/reissue`)));
    assert.deepEqual(
      [...new Set(answers.map(({ status, body }) => `${status} ${String(body['state'])}`))],
      ['200 reissued'],
    );
    for (const id of ids) {
      assert.deepEqual(totals(await front.settled(id)), { ok: true, won: 20, issued: 20, failed: 0, discarded: 0 });
      assert.deepEqual(slotsOf(await front.coupons(id)), upTo(20));
    }
  });

  test('a failed one that is discarded is counted as such, keeps its reason, and its slot is not sold again', async (t) => {
    const site = await open(t);
    const { front, ledger } = site;
    const { id } = await front.create({ id: 'discarded-one', capacity: 5 });
    await refuse(t, ledger, (column) => `${column('event_id')} = '${id}' AND ${column('slot')} = 2`);
    await front.claimAll(users(5, id), 1);
    await front.settled(id);
    const [failed] = await failedOnes(front, id);
    const path = `/v1/failed-issuances/${failed?.id ?? 0}`;
    assert.equal((await front.call('POST', `${path}/discard`, { body: {} })).status, 422);
    const { status } = await front.call('POST', `${path}/discard`, { body: { reason: 'A robot.' } });
    assert.equal(status, 200);
    assert.equal((await front.call('POST', `${path}/reissue`)).body.code, 'not_failed');
    assert.deepEqual(totals(await front.settled(id)), { ok: true, won: 5, issued: 4, failed: 0, discarded: 1 });
    assert.equal((await front.claim(id, 'user-6')).body.code, 'sold_out');
    const { body } = await front.claim(id, 'user-2');
    assert.deepEqual([body.claim?.status, body.claim?.slot, body.claim?.code], ['discarded', 2, null]);
    await site.end();
    await site.start();
    assert.deepEqual(totals(await front.settled(id)), { ok: true, won: 5, issued: 4, failed: 0, discarded: 1 });
    assert.equal((await failedOnes(front, id, 'discarded')).length, 1);
    assert.deepEqual(slotsOf(await front.coupons(id)), [1, 3, 4, 5]);
  });

  test('an integrity error is not taken for "stands already": a column that refuses a value fails that row alone', async (t) => {
    const { front, ledger } = await open(t);
    const { id } = await front.create({ id: 'banned', capacity: 40 });
    // Whatever an organiser adds: foreign keys, lengths, checks.
    const members = upTo(40).map((n) => `member-${n}`);
    const banned = ['member-7', 'member-23'];
    const callOff = await ledger.ban(
      banned,
      members.filter((user) => !banned.includes(user)),
    );
    t.after(callOff);
    const plan = members.map((userId) => ({ eventId: id, userId, key: null }));
    await front.claimAll(plan, 16);
    assert.deepEqual(totals(await front.settled(id)), { ok: true, won: 40, issued: 38, failed: 2, discarded: 0 });
    const failed = await failedOnes(front, id);
    assert.deepEqual(failed.map(({ userId }) => userId).sort(), ['member-23', 'member-7']);
    for (const { error } of failed) assert.match(error, /foreign key/i);
    await callOff();
    await until(
      () => failedOnes(front, id),
      ({ length }) => length === 0,
    );
    assert.deepEqual(totals(await front.settled(id)), { ok: true, won: 40, issued: 40, failed: 0, discarded: 0 });
  });
}
