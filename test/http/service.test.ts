/** What the server says of itself: whether it lives, is ready, its problems and its addresses. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type TroubleCode, troubles } from '../../src/core/errors.ts';
import { isLocal } from '../../src/http/loopback.ts';
import { operations } from '../../src/http/operations.ts';
import { assertProblem, openRig, type Rig } from './rig.ts';

let rig: Rig;
before(async () => {
  rig = await openRig();
});
after(() => rig.close());

describe('a server whose gate does not answer', () => {
  test('lives, is not ready, and names what is missing: to neighbours and the admin with the cause', async () => {
    const missing = [{ store: 'gate:sqlite', message: 'disk I/O error in /var/gate.db' }];
    const broken = await openRig({ override: { readiness: async () => ({ ready: false, missing }) } });
    try {
      assert.equal((await broken.call('GET', '/livez')).status, 200);
      const near = await broken.call('GET', '/readyz');
      assertProblem(near, 503, 'unavailable');
      assert.deepEqual(near.json.missing, missing);
      assert.match(near.json.detail, /gate:sqlite/);
      assert.ok(near.headers.has('retry-after'));
      const headers = { 'x-forwarded-for': '203.0.113.9' };
      const far = await broken.call('GET', '/readyz', { headers });
      assert.deepEqual(
        far.json.missing.map((each) => each['store']),
        ['gate:sqlite'],
      );
      assert.doesNotMatch(far.text, /gate\.db/);
      assert.deepEqual((await broken.call('GET', '/readyz', { headers, as: 'admin' })).json.missing, missing);
    } finally {
      await broken.close();
    }
  });

  test('that lacks but a part of its gate is ready, and names what is missing', async () => {
    const missing = [{ store: 'gate:redis', message: 'Redis at 10.0.0.2:6379 is not connected.' }];
    const partly = await openRig({ override: { readiness: async () => ({ ready: true, missing }) } });
    try {
      const near = await partly.call('GET', '/readyz');
      assert.deepEqual([near.status, near.json], [200, { ready: true, missing }]);
      const far = await partly.call('GET', '/readyz', { headers: { 'x-forwarded-for': '203.0.113.9' } });
      assert.deepEqual([far.status, far.json.missing[0]?.['store']], [200, 'gate:redis']);
      assert.doesNotMatch(far.text, /10\.0\.0\.2/);
    } finally {
      await partly.close();
    }
  });

  test('is not ready even where it cannot say what is missing', async () => {
    const broken = await openRig({ override: { readiness: () => Promise.reject(new Error('no idea')) } });
    try {
      assertProblem(await broken.call('GET', '/readyz'), 500, 'internal');
    } finally {
      await broken.close();
    }
  });
});

describe('a server', () => {
  test('that is well is alive and ready', async () => {
    assert.deepEqual((await rig.call('GET', '/livez')).json, { live: true });
    const ready = await rig.call('GET', '/readyz');
    assert.deepEqual([ready.status, ready.json], [200, { ready: true, missing: [] }]);
    assert.equal(ready.headers.get('cache-control'), 'no-store');
    assert.equal((await rig.call('HEAD', '/readyz')).status, 200);
  });

  test('names its addresses', async () => {
    const { json } = await rig.call('GET', '/');
    const named = (json['addresses'] as { method: string; path: string }[]).map(
      ({ method, path }) => `${method} ${path}`,
    );
    assert.deepEqual(
      named,
      Object.values(operations).map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`),
    );
  });

  test('explains each of its problems, as a page or as JSON', async () => {
    for (const code of Object.keys(troubles) as TroubleCode[]) {
      const page = await rig.call('GET', `/problems/${code}`);
      assert.equal(page.status, 200);
      assert.equal(page.headers.get('content-type'), 'text/html; charset=utf-8');
      assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'none'/);
      assert.ok(page.text.includes(code) && page.text.includes(troubles[code].title));
      assert.doesNotMatch(page.text, /undefined|<script/);
      const json = await rig.call('GET', `/problems/${code}`, { headers: { accept: 'application/json' } });
      assert.deepEqual([json.json.code, json.json['remedy']], [code, troubles[code].remedy]);
    }
  });
});

describe('a neighbour', () => {
  const from = (remoteAddress: string | undefined, headers: Record<string, string> = {}) =>
    isLocal({ socket: { remoteAddress }, headers } as unknown as Parameters<typeof isLocal>[0]);

  test('is who comes from the loopback address, without a proxy', () => {
    for (const address of ['127.0.0.1', '127.8.9.10', '::1', '::ffff:127.0.0.1']) assert.equal(from(address), true);
    for (const address of ['10.0.0.1', '128.0.0.1', '::2', '::ffff:10.0.0.1', '1127.0.0.1', '', undefined]) {
      assert.equal(from(address), false, address);
    }
    for (const header of ['x-forwarded-for', 'forwarded', 'x-real-ip', 'via', 'x-forwarded-host']) {
      assert.equal(from('127.0.0.1', { [header]: '' }), false, header);
    }
  });

  test('alone reads the metrics without a key', async () => {
    assert.equal((await rig.call('GET', '/metrics')).status, 200);
    for (const headers of [{ 'x-forwarded-for': '127.0.0.1' }, { forwarded: 'for=127.0.0.1' }]) {
      assertProblem(await rig.call('GET', '/metrics', { headers }), 401, 'unauthorized');
      assertProblem(await rig.call('GET', '/metrics', { headers, as: 'service' }), 403, 'forbidden');
      assert.equal((await rig.call('GET', '/metrics', { headers, as: 'admin' })).status, 200);
    }
  });
});
