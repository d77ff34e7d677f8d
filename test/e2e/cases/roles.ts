/** Faults of who may do what. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signToken } from '../../../src/lib/participant-token.ts';
import type { OpenSite, Site } from '../site.ts';

/** Registers them in the suite in which it is called. */
export function registerRoles(open: OpenSite): void {
  const acts = [
    ['POST', '/v1/events', { name: 'x', capacity: 1 }],
    ['PATCH', '/v1/events/roles', { capacity: 1_000 }],
    ['POST', '/v1/events/roles/pause'],
    ['POST', '/v1/events/roles/close'],
    ['POST', '/v1/events/roles/recover'],
    ['GET', '/v1/events/roles/coupons'],
    ['GET', '/v1/events/roles/audit'],
    ['GET', '/v1/failed-issuances'],
    ['POST', '/v1/failed-issuances/1/discard', { reason: 'x' }],
  ] as const;

  const tokensOf =
    ({ tokenSecret }: Site) =>
    (userId: string, eventId: string) =>
      signToken({ userId, eventId, expiresAt: Date.now() + 600_000 }, tokenSecret);

  test('no route of the organiser is open to users, to the service or to nobody, and nothing is changed', async (t) => {
    const site = await open(t);
    const { front } = site;
    await front.create({ id: 'roles', capacity: 5 });
    const token = tokensOf(site)('alice', 'roles');
    const before = (await front.call('GET', '/v1/events/roles')).body;
    for (const [method, path, body] of acts) {
      const sent = body === undefined ? {} : { body };
      assert.equal((await front.call(method, path, { as: 'nobody', ...sent })).status, 401, path);
      assert.equal((await front.call(method, path, { as: 'service', ...sent })).status, 403, path);
      assert.equal((await front.call(method, path, { token, ...sent })).status, 403, path);
    }
    const { body } = await front.call('GET', '/v1/events/roles');
    assert.deepEqual({ ...body, serverTime: null }, { ...before, serverTime: null });
  });

  test('the user is who the token names, whatever the body says', async (t) => {
    const site = await open(t);
    const { front } = site;
    await front.create({ id: 'token', capacity: 5 });
    await front.create({ id: 'token-other', capacity: 5 });
    const tokenOf = tokensOf(site);
    const path = '/v1/events/token/claims';
    const asBob = await front.call('POST', path, { token: tokenOf('alice', 'token'), body: { userId: 'bob' } });
    assert.equal(asBob.status, 403);
    const elsewhere = await front.call('POST', path, { token: tokenOf('alice', 'token-other') });
    assert.equal(elsewhere.status, 403);
    assert.equal((await front.call('POST', path, { as: 'nobody', body: { userId: 'bob' } })).status, 401);
    assert.equal((await front.call('POST', path, { as: 'admin', body: { userId: 'bob' } })).status, 403);
    const own = await front.call('POST', path, { token: tokenOf('alice', 'token') });
    assert.deepEqual([own.status, own.body.claim?.userId], [201, 'alice']);
    const looked = await front.call('GET', `${path}/${own.body.claim?.id ?? ''}`, { token: tokenOf('bob', 'token') });
    assert.equal(looked.status, 404);
    assert.equal((await front.settled('token'))['won'], 1);
  });
}
