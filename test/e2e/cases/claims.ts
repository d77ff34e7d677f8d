/** N places go to the first N claims, however many come: over HTTP, against real processes. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { checkHistory } from '../../../src/core/history.ts';
import type { HistoryEntry } from '../../../src/load/history.ts';
import { planClaims } from '../../../src/load/plan.ts';
import { type Front, until } from '../server.ts';
import type { OpenSite } from '../site.ts';
import { outcomesOf, slotsOf, upTo } from '../tallies.ts';

const capacity = 100;

/** Registers them in the suite in which it is called. */
export function registerClaims(open: OpenSite): void {
  test('one claim gives one coupon', async (t) => {
    const { front } = await open(t);
    const { id } = await front.create({ id: 'one', capacity: 1 });
    const { status, body, headers } = await front.claim(id, 'alice');
    assert.equal(status, 201);
    assert.equal(headers.get('cache-control'), 'no-store');
    assert.equal(body.replayed, false);
    assert.deepEqual([body.claim?.slot, body.claim?.nth, body.claim?.userId], [1, 1, 'alice']);
    const { ok, issued } = await front.settled(id);
    assert.deepEqual({ ok, issued }, { ok: true, issued: 1 });
    const [coupon, ...more] = await front.coupons(id);
    assert.deepEqual([coupon?.slot, coupon?.userId, coupon?.claimId, more.length], [1, 'alice', body.claim?.id, 0]);
    const again = await front.claim(id, 'alice');
    assert.equal(again.status, 200);
    assert.deepEqual(
      [again.body.claim?.id, again.body.claim?.status, again.body.claim?.code],
      [body.claim?.id, 'issued', coupon?.code],
    );
  });

  test('300 claims one after another give 100, in the order in which they came', async (t) => {
    const { front } = await open(t);
    const spec = await front.create({ id: 'in-turn', capacity });
    const told: number[] = [];
    for (const n of upTo(300)) {
      const { status, body } = await front.claim(spec.id, `user-${n}`);
      assert.equal(status, n <= capacity ? 201 : 409);
      if (body.claim !== undefined) told.push(body.claim.slot);
      else assert.equal(body.code, 'sold_out');
    }
    assert.deepEqual(told, upTo(capacity));
    assert.equal((await front.settled(spec.id)).ok, true);
    assert.deepEqual(slotsOf(await front.coupons(spec.id)), upTo(capacity));
  });

  for (const users of [1_000, 3_000, 10_000]) {
    test(`${users} claims at 32 in flight give exactly 100, each slot once`, async (t) => {
      const { front } = await open(t);
      const spec = await front.create({ id: `crowd-${users}`, capacity });
      const plan = planClaims({ eventId: spec.id, users, repeats: 0, seed: users });
      const { history } = await front.claimAll(plan, 32);
      assert.deepEqual(outcomesOf(history), { won: capacity, sold_out: users - capacity });
      const { ok, won, issued, failed, discarded } = await front.settled(spec.id);
      assert.deepEqual(
        { ok, won, issued, failed, discarded },
        { ok: true, won: 100, issued: 100, failed: 0, discarded: 0 },
      );
      const coupons = await front.coupons(spec.id);
      assert.deepEqual(slotsOf(coupons), upTo(capacity));
      assert.deepEqual(checkHistory({ spec, history, coupons, isWhole: true }), []);
    });
  }

  test('1,000 claims of one user give one', async (t) => {
    const { front } = await open(t);
    const spec = await front.create({ id: 'greedy', capacity });
    const plan = Array.from({ length: 1_000 }, () => ({ eventId: spec.id, userId: 'greedy', key: null }));
    const { history } = await front.claimAll(plan, 32);
    assert.deepEqual(outcomesOf(history), { won: 1, replayed: 999 });
    assert.deepEqual(new Set(history.map(({ win }) => win?.claimId)).size, 1);
    assert.equal((await front.settled(spec.id))['won'], 1);
  });

  test('1,000 claims of one user give 5 where 5 a user are allowed, under keys of their own', async (t) => {
    const { front } = await open(t);
    const spec = await front.create({ id: 'greedy-five', capacity, limitPerUser: 5 });
    const plan = Array.from({ length: 1_000 }, (_, n) => ({ eventId: spec.id, userId: 'greedy', key: `click-${n}` }));
    const { history } = await front.claimAll(plan, 32);
    assert.deepEqual(outcomesOf(history), { won: 5, limit_reached: 995 });
    assert.equal((await front.settled(spec.id)).ok, true);
    const coupons = await front.coupons(spec.id);
    assert.deepEqual(
      coupons.map(({ nth }) => nth),
      [1, 2, 3, 4, 5],
    );
    assert.deepEqual(checkHistory({ spec, history, coupons, isWhole: true }), []);
  });

  test('without a key a claim is not taken where a user may win more than once', async (t) => {
    const { front } = await open(t);
    const { id } = await front.create({ id: 'keyless', capacity, limitPerUser: 2 });
    const { status, body } = await front.claim(id, 'alice');
    assert.deepEqual([status, body.code], [400, 'idempotency_key_required']);
  });

  test('the same claim 50 times at the same moment is one win and 49 replays of it', async (t) => {
    const { front } = await open(t);
    const spec = await front.create({ id: 'double-click', capacity, limitPerUser: 5 });
    const plan = Array.from({ length: 50 }, () => ({ eventId: spec.id, userId: 'alice', key: 'click' }));
    const { history } = await front.claimAll(plan, 50);
    assert.deepEqual(outcomesOf(history), { won: 1, replayed: 49 });
    assert.equal(new Set(history.map(({ win }) => win?.claimId)).size, 1);
  });

  test('a crowd with double clicks and later retries, three places a user: nobody has more, nothing is sold twice', async (t) => {
    const { front } = await open(t);
    const spec = await front.create({ id: 'mixed', capacity: 700, limitPerUser: 3 });
    // Five clicks each of 300 users, each click sent twice: more than places, more than the limit.
    const plan = Array.from({ length: 3_000 }, (_, n) => ({
      eventId: spec.id,
      userId: `user-${n % 300}`,
      key: `click-${Math.floor(n / 300) % 5}`,
    }));
    const { history } = await front.claimAll(plan, 48);
    assert.equal((await front.settled(spec.id)).ok, true);
    const coupons = await front.coupons(spec.id);
    assert.deepEqual(slotsOf(coupons), upTo(700));
    assert.deepEqual(checkHistory({ spec, history, coupons, isWhole: true }), []);
    assert.equal(outcomesOf(history)['won'], 700);
  });

  test('an answer that was lost costs nothing: the same key again is the same claim, the next user gets the next slot', async (t) => {
    const { front } = await open(t);
    const { id } = await front.create({ id: 'lost-answer', capacity, limitPerUser: 2 });
    await sendAndVanish(front, id, 'alice', 'click-1');
    const view = await until(
      () => front.call('GET', `/v1/events/${id}`),
      ({ body }) => body['won'] === 1,
    );
    assert.equal(view.body['won'], 1);
    const again = await front.claim(id, 'alice', 'click-1');
    assert.deepEqual([again.status, again.body.replayed, again.body.claim?.slot], [200, true, 1]);
    assert.equal((await front.claim(id, 'bob', 'click-1')).body.claim?.slot, 2);
    assert.equal((await front.claim(id, 'alice', 'click-2')).body.claim?.slot, 3);
  });

  test('100 answers that were lost at once: each of the users finds one win of his own', async (t) => {
    const { front } = await open(t);
    const spec = await front.create({ id: 'lost-answers', capacity });
    const users = upTo(100).map((n) => `user-${n}`);
    const lost = await Promise.all(users.map((userId) => sendAndVanish(front, spec.id, userId)));
    await until(
      () => front.call('GET', `/v1/events/${spec.id}`),
      ({ body }) => body['won'] === 100,
    );
    const plan = users.map((userId) => ({ eventId: spec.id, userId, key: null }));
    const { history } = await front.claimAll(plan, 32);
    assert.deepEqual(outcomesOf(history), { replayed: 100 });
    assert.equal((await front.settled(spec.id))['won'], 100);
    const coupons = await front.coupons(spec.id);
    assert.deepEqual(slotsOf(coupons), upTo(100));
    assert.deepEqual(checkHistory({ spec, history: [...lost, ...history], coupons, isWhole: true }), []);
  });

  test('a claim cut at each of its bytes is none, and asked again it is told one place', async (t) => {
    const { front } = await open(t);
    const { length } = claimRequest(front.next(), 'cut', userAt(0), 'click');
    const spec = await front.create({ id: 'cut', capacity: 2 * (length + 1), limitPerUser: 2 });
    for (let at = 0; at < length; at += 1) {
      const place = front.next();
      const whole = claimRequest(place, spec.id, userAt(at), 'click');
      assert.equal(whole.length, length, 'each offset is met once');
      await vanishBehind(place, whole.slice(0, at));
    }
    const lost = await sendAndVanish(front, spec.id, userAt(length), 'click');
    // All but the last byte is no claim yet.
    await until(
      () => front.call('GET', `/v1/events/${spec.id}`),
      ({ body }) => body['won'] === 1,
    );
    const plan = upTo(length + 1).map((n) => ({ eventId: spec.id, userId: userAt(n - 1), key: 'click' }));
    const { history } = await front.claimAll([...plan, ...plan], 32);
    assert.deepEqual(outcomesOf(history), { won: length, replayed: length + 2 });
    assert.equal((await front.settled(spec.id)).ok, true);
    const coupons = await front.coupons(spec.id);
    assert.deepEqual(slotsOf(coupons), upTo(length + 1));
    assert.equal(coupons[0]?.userId, userAt(length));
    assert.deepEqual(checkHistory({ spec, history: [lost, ...history], coupons, isWhole: true }), []);
  });
}

/** Users whose names are of one length. */
const userAt = (at: number): string => `user-${String(at).padStart(4, '0')}`;

/** The bytes of a claim as a client sends it. */
function claimRequest(place: ReturnType<Front['next']>, eventId: string, userId: string, key?: string): string {
  const body = JSON.stringify({ userId });
  const lines = [
    `POST /v1/events/${eventId}/claims HTTP/1.1`,
    `Host: ${new URL(place.url).host}`,
    `Authorization: Bearer ${place.serviceKey}`,
    'Content-Type: application/json',
    `Content-Length: ${body.length}`,
    ...(key === undefined ? [] : [`Idempotency-Key: ${key}`]),
  ];
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

/** Sends bytes and tears the connection down once all of them are on their way, without reading a byte of the answer. */
async function vanishBehind({ url }: { readonly url: string }, bytes: string): Promise<void> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  if (bytes !== '') await new Promise<void>((resolve) => socket.write(bytes, () => resolve()));
  // An end, not a reset: a reset may overtake what was written.
  socket.end();
  socket.destroy();
}

/** Sends a claim whose answer nobody reads; what is known of it. */
async function sendAndVanish(front: Front, eventId: string, userId: string, key?: string): Promise<HistoryEntry> {
  const askedAt = performance.now();
  const place = front.next();
  await vanishBehind(place, claimRequest(place, eventId, userId, key));
  const untold = { outcome: 'unknown', win: null, status: 0, trouble: 'cut', attempts: 1 } as const;
  return { eventId, userId, key: key ?? null, ...untold, askedAt, answeredAt: performance.now() };
}
