/** Faults that first-come-first-served systems have had, in deciding who wins: each is a test of ours. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkHistory } from '../../../src/core/history.ts';
import type { HistoryEntry } from '../../../src/load/history.ts';
import { planClaims } from '../../../src/load/plan.ts';
import type { OpenSite } from '../site.ts';
import { outcomesOf, slotsOf, upTo } from '../tallies.ts';

/** Registers them in the suite in which it is called. */
export function registerDeciding(open: OpenSite): void {
  test('one user cannot take all: with no rule given, one place a user', async (t) => {
    const { front } = await open(t);
    const { id } = await front.create({ id: 'greedy-one', capacity: 10 });
    const plan = upTo(40).map((n) => ({ eventId: id, userId: n % 2 === 0 ? 'greedy' : `user-${n}`, key: `key-${n}` }));
    const { history } = await front.claimAll(plan, 8);
    assert.equal(history.filter(({ userId, outcome }) => userId === 'greedy' && outcome === 'won').length, 1);
    assert.equal((await front.settled(id)).ok, true);
  });

  test('duplicates eat no stock: of 20 places all are won though every claim comes ten times', async (t) => {
    const { front } = await open(t);
    const spec = await front.create({ id: 'tenfold', capacity: 20 });
    const plan = upTo(200).map((n) => ({ eventId: spec.id, userId: `user-${n % 20}`, key: null }));
    const { history } = await front.claimAll(plan, 16);
    assert.deepEqual(outcomesOf(history), { won: 20, replayed: 180 });
    const view = await front.call('GET', `/v1/events/${spec.id}`, { as: 'nobody' });
    assert.deepEqual([view.body['won'], view.body['remaining']], [20, 0]);
    // Sold out now, and still a repeat is told its win and not that there is nothing left.
    assert.equal((await front.claim(spec.id, 'user-3')).status, 200);
    assert.equal((await front.claim(spec.id, 'late')).body.code, 'sold_out');
  });

  test('losers leave nothing behind: no row, no count that runs on, and they can win what is added later', async (t) => {
    const site = await open(t);
    const { front } = site;
    const spec = await front.create({ id: 'losers', capacity: 10 });
    const plan = planClaims({ eventId: spec.id, users: 2_000, repeats: 500, seed: 2 });
    const { history } = await front.claimAll(plan, 32);
    const raised = await front.call('PATCH', `/v1/events/${spec.id}`, { body: { capacity: 11 } });
    assert.deepEqual([raised.body['won'], raised.body['remaining']], [10, 1]);
    const loser = history.find(({ outcome }) => outcome === 'sold_out')?.userId ?? '';
    assert.deepEqual((await front.claim(spec.id, loser)).body.claim?.slot, 11);
    await front.settled(spec.id);
    const view = await front.call('GET', `/v1/events/${spec.id}`);
    assert.deepEqual([await site.winnersInGate(spec.id), view.body['won']], [11, 11]);
  });

  test('restarts in mid-event re-open nothing: six of them while a crowd claims, and N are won in all', async (t) => {
    const site = await open(t);
    const { front } = site;
    const spec = await front.create({ id: 'restarts', capacity: 150 });
    const plan = planClaims({ eventId: spec.id, users: 240, repeats: 60, seed: 6 });
    const history: HistoryEntry[] = [];
    for (const round of upTo(6)) {
      history.push(...(await front.claimAll(plan.slice((round - 1) * 50, round * 50), 8)).history);
      const before = await front.call('GET', `/v1/events/${spec.id}`);
      // By turns as a deploy does it, and as a power cut does.
      await site.replaceOne(round);
      const { body } = await front.call('GET', `/v1/events/${spec.id}`);
      assert.deepEqual([body['won'], body['revision']], [before.body['won'], before.body['revision']]);
    }
    const { ok, issued } = await front.settled(spec.id);
    assert.deepEqual({ ok, issued }, { ok: true, issued: 150 });
    const coupons = await front.coupons(spec.id);
    assert.deepEqual(slotsOf(coupons), upTo(150));
    assert.deepEqual(checkHistory({ spec, history, coupons, isWhole: true }), []);
  });

  test('a winner who asks again is told the win, never "duplicate": in every state of the event', async (t) => {
    const { front } = await open(t);
    const { id } = await front.create({ id: 'asking', capacity: 2, limitPerUser: 2 });
    const won = (await front.claim(id, 'alice', 'click')).body.claim;
    await front.settled(id);
    const told = async () => {
      const { status, body } = await front.claim(id, 'alice', 'click');
      assert.deepEqual([status, body.replayed, body.claim?.id, body.claim?.slot], [200, true, won?.id, 1]);
    };
    await told();
    await front.call('POST', `/v1/events/${id}/pause`);
    await told();
    assert.equal((await front.claim(id, 'alice', 'other')).body.code, 'paused');
    await front.call('POST', `/v1/events/${id}/resume`);
    await front.claim(id, 'bob', 'click');
    await told();
    assert.equal((await front.claim(id, 'alice', 'other')).body.code, 'sold_out');
    await front.call('POST', `/v1/events/${id}/close`);
    await told();
    assert.equal((await front.claim(id, 'alice', 'other')).body.code, 'closed');
  });

  test('capacity raised and lowered under load: never more than it is, and all of it in the end', async (t) => {
    const { front } = await open(t);
    const spec = await front.create({ id: 'resized', capacity: 50 });
    const plan = planClaims({ eventId: spec.id, users: 1_500, repeats: 300, seed: 3 });
    const load = front.claimAll(plan, 24);
    let acked = 50;
    for (const n of upTo(30)) {
      const { body } = await front.call('GET', `/v1/events/${spec.id}`);
      const won = Number(body['won']);
      const capacity = n % 3 === 0 ? Math.max(1, won - 1) : won + 20;
      const { status } = await front.call('PATCH', `/v1/events/${spec.id}`, { body: { capacity } });
      assert.ok(status === 200 || status === 409);
      if (status === 200) acked = capacity;
    }
    const { history } = await load;
    // What is left now is won by those who come later.
    const rest = await front.claimAll(
      upTo(acked).map((n) => ({ eventId: spec.id, userId: `more-${n}`, key: null })),
      16,
    );
    const { ok, issued, capacity } = await front.settled(spec.id);
    assert.deepEqual({ ok, issued, capacity }, { ok: true, issued: acked, capacity: acked });
    const coupons = await front.coupons(spec.id);
    const all = [...history, ...rest.history];
    assert.deepEqual(checkHistory({ spec: { ...spec, capacity: acked }, history: all, coupons, isWhole: false }), []);
  });
}
