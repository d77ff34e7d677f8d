/** Addresses, queries and methods that lead nowhere: each its own clear problem, and nothing of it changes an event. */
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { assertProblem, credentials, faultPaths, openRig, parseRaw, type Rig } from './rig.ts';

let rig: Rig;
let stood: string;

before(async () => {
  rig = await openRig({ limits: { bodyBytesMax: 4096, headerBytesMax: 8192 } });
  await rig.create({ id: 'launch', name: 'Launch', capacity: 10 });
  await rig.create({ id: 'many', name: 'Many', capacity: 10, limitPerUser: 3 });
  await rig.dibs.claim({ eventId: 'launch', userId: 'first' });
});
after(() => rig.close());
beforeEach(async () => {
  stood = await rig.events();
});
afterEach(async () => {
  assert.equal(await rig.events(), stood, 'the events are as they were');
  assert.deepEqual(rig.logged, [], 'none of it is trouble of the server');
});

describe('an address that leads nowhere', () => {
  const unknown = [
    'nothing',
    '.',
    '..',
    '%2e',
    '%2e%2e',
    'a%20b',
    'a%00b',
    '%F0%9F%8E%89',
    'x'.repeat(300),
    '__proto__',
    'constructor',
    '',
  ];
  for (const id of unknown) {
    test(`event ${JSON.stringify(id.slice(0, 20))}`, async () => {
      const asked: [method: string, path: string, as: string, body?: string][] = [
        ['GET', `/v1/events/${id}`, 'nobody'],
        ['POST', `/v1/events/${id}/claims`, 'service', '{"userId":"u1"}'],
        ['GET', `/v1/events/${id}/claims?userId=u1`, 'service'],
        ['GET', `/v1/events/${id}/claims/1-000000000000`, 'service'],
        ['GET', `/v1/events/${id}/coupons`, 'admin'],
        ['GET', `/v1/events/${id}/audit`, 'admin'],
        ['GET', `/v1/events/${id}/recovery`, 'admin'],
        ['POST', `/v1/events/${id}/recover`, 'admin'],
        ['POST', `/v1/events/${id}/pause`, 'admin'],
        ['PATCH', `/v1/events/${id}`, 'admin', '{"capacity":11}'],
      ];
      for (const [method, path, as, body = ''] of asked) {
        // A client would resolve the dots itself.
        const key = as === 'admin' ? credentials.adminKey : credentials.serviceKey;
        const type = body === '' ? '' : 'Content-Type: application/json\r\n';
        const answer = await rig.raw(
          `${method} ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer ${key}\r\n${type}Content-Length: ${body.length}\r\n\r\n${body}`,
        );
        const { status, json } = parseRaw(answer);
        assert.deepEqual([method, path, status, json.code], [method, path, 404, 'event_not_found']);
      }
    });
  }

  test('a claim that is not there, or whose id is none', async () => {
    for (const id of ['2-000000000000', 'x', '..%2f', '1', '__proto__', '99999999999-000000000000']) {
      const got = await rig.call('GET', `/v1/events/launch/claims/${id}`, { as: 'service' });
      assertProblem(got, 404, 'claim_not_found');
    }
  });

  test('a failed issuance that is not there, or whose id is none', async () => {
    for (const id of ['1', '0', '-1', '1.5', 'x', '1e3', '9007199254740993', '%20']) {
      const path = `/v1/failed-issuances/${id}`;
      assertProblem(await rig.call('POST', `${path}/reissue`, { as: 'admin' }), 404, 'failed_issuance_not_found');
      assertProblem(
        await rig.call('POST', `${path}/discard`, { as: 'admin', body: { reason: 'lost' } }),
        404,
        'failed_issuance_not_found',
      );
    }
  });

  test('a discard without a reason, an empty one or too long a one', async () => {
    for (const body of [{}, { reason: '' }, { reason: 'x'.repeat(501) }, { reason: 1 }]) {
      const got = await rig.call('POST', '/v1/failed-issuances/1/discard', { as: 'admin', body });
      assertProblem(got, 422, 'invalid_request');
      assert.deepEqual(faultPaths(got), ['/reason']);
    }
  });

  const queries: [path: string, as: string, fault: string][] = [
    ['/v1/events?limit=0', 'admin', '/limit'],
    ['/v1/events?limit=1001', 'admin', '/limit'],
    ['/v1/events?limit=-1', 'admin', '/limit'],
    ['/v1/events?limit=1.5', 'admin', '/limit'],
    ['/v1/events?limit=0x10', 'admin', '/limit'],
    ['/v1/events?limit=', 'admin', '/limit'],
    ['/v1/events?limit=ten', 'admin', '/limit'],
    ['/v1/events?limit=1&limit=2', 'admin', '/limit'],
    ['/v1/events?limit=99999999999999999999', 'admin', '/limit'],
    ['/v1/events?limt=5', 'admin', '/limt'],
    ['/v1/events?__proto__=5', 'admin', '/__proto__'],
    ['/v1/events?cursor=a%20b', 'admin', '/cursor'],
    ['/v1/events?cursor=', 'admin', '/cursor'],
    ['/v1/events/launch/coupons?cursor=x', 'admin', '/cursor'],
    ['/v1/events/launch/coupons?limit=0', 'admin', '/limit'],
    ['/v1/failed-issuances?state=gone', 'admin', '/state'],
    ['/v1/failed-issuances?cursor=x', 'admin', '/cursor'],
    ['/v1/events/launch/claims', 'service', '/userId'],
    ['/v1/events/launch/claims?userId=a%20b', 'service', '/userId'],
    ['/v1/events/launch/claims?userId=a&userId=b', 'service', '/userId'],
  ];
  for (const [path, as, fault] of queries) {
    test(path, async () => {
      const got = await rig.call('GET', path, { as });
      assertProblem(got, 422, 'invalid_request');
      assert.deepEqual(faultPaths(got), [fault]);
    });
  }

  test('an address that there is not', async () => {
    for (const path of ['/v2/events', '/v1', '/v1/event', '/V1/events', '/v1/events/launch/nothing', '/favicon.ico']) {
      assertProblem(await rig.call('GET', path), 404, 'not_found');
      assertProblem(await rig.call('POST', path, { body: '{"cut' }), 404, 'not_found');
    }
    assertProblem(await rig.call('GET', '/problems/nothing'), 404, 'not_found');
    assertProblem(await rig.call('GET', '/problems/toString'), 404, 'not_found');
  });

  const methods: [method: string, path: string, allow: string][] = [
    ['DELETE', '/v1/events/launch', 'GET, HEAD, PATCH'],
    ['PUT', '/v1/events/launch', 'GET, HEAD, PATCH'],
    ['OPTIONS', '/v1/events', 'GET, HEAD, POST'],
    ['GET', '/v1/events/launch/pause', 'POST'],
    ['POST', '/v1/events/launch', 'GET, HEAD, PATCH'],
    ['PATCH', '/v1/events/launch/claims', 'GET, HEAD, POST'],
    ['POST', '/readyz', 'GET, HEAD'],
    ['DELETE', '/', 'GET, HEAD'],
    ['PROPFIND', '/v1/events', 'GET, HEAD, POST'],
  ];
  for (const [method, path, allow] of methods) {
    test(`${method} ${path}`, async () => {
      const got = await rig.call(method, path, { as: 'admin' });
      assertProblem(got, 405, 'method_not_allowed');
      assert.equal(got.headers.get('allow'), allow);
    });
  }

  test('a method that is not allowed, whatever its body', async () => {
    const got = await rig.call('PUT', '/v1/events/launch', { as: 'admin', body: '{"cut' });
    assertProblem(got, 405, 'method_not_allowed');
    const other = { as: 'admin', body: 'x', headers: { 'content-type': 'text/plain' } };
    assertProblem(await rig.call('PUT', '/v1/events/launch', other), 405, 'method_not_allowed');
  });
});
