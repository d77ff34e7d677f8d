/** Faults that first-come-first-served systems have had, in deciding who wins: each is a test of ours. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import { checkHistory } from '../../src/core/history.ts';
import type { HistoryEntry } from '../../src/load/history.ts';
import { planClaims } from '../../src/load/plan.ts';
import { readKeys } from '../../src/lib/keys.ts';
import { signToken } from '../../src/lib/participant-token.ts';
import { scene, type TestServer } from './server.ts';
import { outcomesOf, slotsOf, upTo } from './tallies.ts';

describe('faults of deciding', () => {
  test('one user cannot take all: with no rule given, one place a user', async (t) => {
    const { start } = await scene(t);
    const server = await start();
    const { id } = await server.create({ id: 'drop', capacity: 10 });
    const plan = upTo(40).map((n) => ({ eventId: id, userId: n % 2 === 0 ? 'greedy' : `user-${n}`, key: `key-${n}` }));
    const { history } = await server.claimAll(plan, 8);
    assert.equal(history.filter(({ userId, outcome }) => userId === 'greedy' && outcome === 'won').length, 1);
    assert.equal((await server.settled(id)).ok, true);
  });

  test('duplicates eat no stock: of 20 places all are won though every claim comes ten times', async (t) => {
    const { start } = await scene(t);
    const server = await start();
    const spec = await server.create({ id: 'drop', capacity: 20 });
    const plan = upTo(200).map((n) => ({ eventId: spec.id, userId: `user-${n % 20}`, key: null }));
    const { history } = await server.claimAll(plan, 16);
    assert.deepEqual(outcomesOf(history), { won: 20, replayed: 180 });
    const view = await server.call('GET', `/v1/events/${spec.id}`, { as: 'nobody' });
    assert.deepEqual([view.body['won'], view.body['remaining']], [20, 0]);
    // Sold out now, and still a repeat is told its win and not that there is nothing left.
    assert.equal((await server.claim(spec.id, 'user-3')).status, 200);
    assert.equal((await server.claim(spec.id, 'late')).body.code, 'sold_out');
  });

  test('losers leave nothing behind: no row, no count that runs on, and they can win what is added later', async (t) => {
    const { start, data } = await scene(t);
    const server = await start();
    const spec = await server.create({ id: 'drop', capacity: 10 });
    const plan = planClaims({ eventId: spec.id, users: 2_000, repeats: 500, seed: 2 });
    const { history } = await server.claimAll(plan, 32);
    const raised = await server.call('PATCH', `/v1/events/${spec.id}`, { body: { capacity: 11 } });
    assert.deepEqual([raised.body['won'], raised.body['remaining']], [10, 1]);
    const loser = history.find(({ outcome }) => outcome === 'sold_out')?.userId ?? '';
    assert.deepEqual((await server.claim(spec.id, loser)).body.claim?.slot, 11);
    await server.settled(spec.id);
    assert.equal((await server.stop()).code, 0);
    const db = new DatabaseSync(join(data, 'gate.db'), { readOnly: true });
    const { wins } = db.prepare('SELECT COUNT(*) AS wins FROM wins').get() ?? {};
    const { won } = db.prepare("SELECT won FROM events WHERE event_id = 'drop'").get() ?? {};
    db.close();
    assert.deepEqual([wins, won], [11, 11]);
  });

  test('restarts in mid-event re-open nothing: six of them while a crowd claims, and N are won in all', async (t) => {
    const { start } = await scene(t);
    let server = await start();
    const spec = await server.create({ id: 'drop', capacity: 150 });
    const plan = planClaims({ eventId: spec.id, users: 240, repeats: 60, seed: 6 });
    const history: HistoryEntry[] = [];
    for (const round of upTo(6)) {
      history.push(...(await server.claimAll(plan.slice((round - 1) * 50, round * 50), 8)).history);
      const before = await server.call('GET', `/v1/events/${spec.id}`);
      // By turns as a deploy does it, and as a power cut does.
      await (round % 2 === 0 ? server.kill() : server.stop());
      server = await start();
      const { body } = await server.call('GET', `/v1/events/${spec.id}`);
      assert.deepEqual([body['won'], body['revision']], [before.body['won'], before.body['revision']]);
    }
    const { ok, issued } = await server.settled(spec.id);
    assert.deepEqual({ ok, issued }, { ok: true, issued: 150 });
    const coupons = await server.coupons(spec.id);
    assert.deepEqual(slotsOf(coupons), upTo(150));
    assert.deepEqual(checkHistory({ spec, history, coupons, isWhole: true }), []);
  });

  test('a winner who asks again is told the win, never "duplicate": in every state of the event', async (t) => {
    const { start } = await scene(t);
    const server = await start();
    const { id } = await server.create({ id: 'drop', capacity: 2, limitPerUser: 2 });
    const won = (await server.claim(id, 'alice', 'click')).body.claim;
    await server.settled(id);
    const told = async () => {
      const { status, body } = await server.claim(id, 'alice', 'click');
      assert.deepEqual([status, body.replayed, body.claim?.id, body.claim?.slot], [200, true, won?.id, 1]);
    };
    await told();
    await server.call('POST', `/v1/events/${id}/pause`);
    await told();
    assert.equal((await server.claim(id, 'alice', 'other')).body.code, 'paused');
    await server.call('POST', `/v1/events/${id}/resume`);
    await server.claim(id, 'bob', 'click');
    await told();
    assert.equal((await server.claim(id, 'alice', 'other')).body.code, 'sold_out');
    await server.call('POST', `/v1/events/${id}/close`);
    await told();
    assert.equal((await server.claim(id, 'alice', 'other')).body.code, 'closed');
  });

  test('capacity raised and lowered under load: never more than it is, and all of it in the end', async (t) => {
    const { start } = await scene(t);
    const server = await start();
    const spec = await server.create({ id: 'drop', capacity: 50 });
    const plan = planClaims({ eventId: spec.id, users: 1_500, repeats: 300, seed: 3 });
    const load = server.claimAll(plan, 24);
    let acked = 50;
    for (const n of upTo(30)) {
      const { body } = await server.call('GET', `/v1/events/${spec.id}`);
      const won = Number(body['won']);
      const capacity = n % 3 === 0 ? Math.max(1, won - 1) : won + 20;
      const { status } = await server.call('PATCH', `/v1/events/${spec.id}`, { body: { capacity } });
      assert.ok(status === 200 || status === 409);
      if (status === 200) acked = capacity;
    }
    const { history } = await load;
    // What is left now is won by those who come later.
    const rest = await server.claimAll(
      upTo(acked).map((n) => ({ eventId: spec.id, userId: `more-${n}`, key: null })),
      16,
    );
    const { ok, issued, capacity } = await server.settled(spec.id);
    assert.deepEqual({ ok, issued, capacity }, { ok: true, issued: acked, capacity: acked });
    const coupons = await server.coupons(spec.id);
    const all = [...history, ...rest.history];
    assert.deepEqual(checkHistory({ spec: { ...spec, capacity: acked }, history: all, coupons, isWhole: false }), []);
  });
});

describe('faults of who may do what', () => {
  const acts = [
    ['POST', '/v1/events', { name: 'x', capacity: 1 }],
    ['PATCH', '/v1/events/drop', { capacity: 1_000 }],
    ['POST', '/v1/events/drop/pause'],
    ['POST', '/v1/events/drop/close'],
    ['POST', '/v1/events/drop/recover'],
    ['GET', '/v1/events/drop/coupons'],
    ['GET', '/v1/events/drop/audit'],
    ['GET', '/v1/failed-issuances'],
    ['POST', '/v1/failed-issuances/1/discard', { reason: 'x' }],
  ] as const;

  async function withParticipant(server: TestServer, data: string) {
    const secret = (await readKeys(data))?.tokenSecret ?? '';
    return (userId: string, eventId = 'drop') =>
      signToken({ userId, eventId, expiresAt: Date.now() + 600_000 }, secret);
  }

  test('no route of the organiser is open to users, to the service or to nobody, and nothing is changed', async (t) => {
    const { start, data } = await scene(t);
    const server = await start();
    await server.create({ id: 'drop', capacity: 5 });
    const token = (await withParticipant(server, data))('alice');
    const before = (await server.call('GET', '/v1/events/drop')).body;
    for (const [method, path, body] of acts) {
      const sent = body === undefined ? {} : { body };
      assert.equal((await server.call(method, path, { as: 'nobody', ...sent })).status, 401, path);
      assert.equal((await server.call(method, path, { as: 'service', ...sent })).status, 403, path);
      assert.equal((await server.call(method, path, { token, ...sent })).status, 403, path);
    }
    const { body } = await server.call('GET', '/v1/events/drop');
    assert.deepEqual({ ...body, serverTime: null }, { ...before, serverTime: null });
  });

  test('the user is who the token names, whatever the body says', async (t) => {
    const { start, data } = await scene(t);
    const server = await start();
    await server.create({ id: 'drop', capacity: 5 });
    await server.create({ id: 'other', capacity: 5 });
    const tokenOf = await withParticipant(server, data);
    const path = '/v1/events/drop/claims';
    const asBob = await server.call('POST', path, { token: tokenOf('alice'), body: { userId: 'bob' } });
    assert.equal(asBob.status, 403);
    const elsewhere = await server.call('POST', path, { token: tokenOf('alice', 'other') });
    assert.equal(elsewhere.status, 403);
    assert.equal((await server.call('POST', path, { as: 'nobody', body: { userId: 'bob' } })).status, 401);
    assert.equal((await server.call('POST', path, { as: 'admin', body: { userId: 'bob' } })).status, 403);
    const own = await server.call('POST', path, { token: tokenOf('alice') });
    assert.deepEqual([own.status, own.body.claim?.userId], [201, 'alice']);
    const looked = await server.call('GET', `${path}/${own.body.claim?.id ?? ''}`, { token: tokenOf('bob') });
    assert.equal(looked.status, 404);
    assert.equal((await server.settled('drop'))['won'], 1);
  });
});
