/** Bodies and headers that a caller can get wrong: each its own clear problem, and nothing of it changes an event. */
import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import fc from 'fast-check';
import { assertProblem, credentials, faultPaths, openRig, parseRaw, type Rig, type Sent, tokenOf } from './rig.ts';

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

const createdAs = (body: unknown) => rig.call('POST', '/v1/events', { as: 'admin', body });
const claimed = (body: unknown, sent: Sent = {}) =>
  rig.call('POST', '/v1/events/launch/claims', { as: 'service', body, ...sent });

describe('a body that is not JSON', () => {
  const cut: [name: string, body: string][] = [
    ['cut in the middle', '{"userId":"u'],
    ['cut at its end', '{"userId":"u1"'],
    ['two texts', '{"userId":"u1"}{"userId":"u2"}'],
    ['a trailing comma', '{"userId":"u1",}'],
    ['single quotes', "{'userId':'u1'}"],
    ['a comment', '{"userId":"u1"} // mine'],
    ['NaN', '{"capacity":NaN}'],
    ['a byte order mark', '\ufeff{"userId":"u1"}'],
    ['a key __proto__', '{"__proto__":{"userId":"u1"}}'],
    ['a key __proto__ spelt by escapes', '{"\\u005f_proto__":{"userId":"u1"}}'],
    ['a key __proto__ deep down', '{"userId":[{"a":{"__proto__":1}}]}'],
    ['a form', 'userId=u1'],
  ];
  for (const [name, body] of cut) {
    test(`${name} is refused by every call that takes one`, async () => {
      assertProblem(await claimed(body), 400, 'malformed_json');
      assertProblem(await createdAs(body), 400, 'malformed_json');
      assertProblem(await rig.call('PATCH', '/v1/events/launch', { as: 'admin', body }), 400, 'malformed_json');
      assertProblem(await rig.call('POST', '/v1/events/launch/pause', { as: 'admin', body }), 400, 'malformed_json');
    });
  }

  test('where one is needed, none or an empty one is no JSON either', async () => {
    assertProblem(await rig.call('POST', '/v1/events', { as: 'admin' }), 400, 'malformed_json');
    assertProblem(await createdAs(''), 400, 'malformed_json');
    assertProblem(await createdAs('   '), 400, 'malformed_json');
  });

  test('is not quoted back', async () => {
    const got = await claimed('{"userId":"my-secret-name"');
    assert.doesNotMatch(got.text, /my-secret-name/);
  });

  test('bytes that are no UTF-8 are refused, not replaced', async () => {
    const body = Buffer.concat([Buffer.from('{"name":"caf'), Buffer.from([0xe9]), Buffer.from('","capacity":1}')]);
    const head = `POST /v1/events HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer ${credentials.adminKey}\r\n`;
    const answer = await rig.raw(
      Buffer.concat([
        Buffer.from(`${head}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`),
        body,
      ]),
    );
    assert.equal(parseRaw(answer).json.code, 'malformed_json');
  });
});

describe('a claim that does not fit', () => {
  const bodies: [name: string, body: unknown, paths: string[]][] = [
    ['null', null, ['']],
    ['a list', ['u1'], ['']],
    ['a text', '"u1"', ['']],
    ['a number', 7, ['']],
    ['no user', {}, ['/userId']],
    ['a number for a user', { userId: 7 }, ['/userId']],
    ['null for a user', { userId: null }, ['/userId']],
    ['an object for a user', { userId: { $ne: '' } }, ['/userId']],
    ['a list for a user', { userId: ['u1'] }, ['/userId']],
    ['an empty user', { userId: '' }, ['/userId']],
    ['a user with a space', { userId: 'u 1' }, ['/userId']],
    ['a user with a line feed at the end', { userId: 'u1\n' }, ['/userId']],
    ['a user with a NUL', { userId: 'u\u00001' }, ['/userId']],
    ['a user with DEL', { userId: 'u\u007f' }, ['/userId']],
    ['a user beyond ASCII', { userId: '민수' }, ['/userId']],
    ['a lone surrogate', '{"userId":"\\ud800"}', ['/userId']],
    ['a user of 129 characters', { userId: 'u'.repeat(129) }, ['/userId']],
    ['an unknown field', { userId: 'u1', eventId: 'launch' }, ['/eventId']],
    ['constructor as a field', '{"userId":"u1","constructor":1}', ['/constructor']],
    ['toString as a field', { userId: 'u1', toString: 1 }, ['/toString']],
    ['a field with a slash and a tilde', { userId: 'u1', 'a/b~c': 1 }, ['/a~1b~0c']],
    ['several faults at once', { userId: 1, a: 1, b: 2 }, ['/a', '/b', '/userId']],
  ];
  for (const [name, body, expected] of bodies) {
    test(name, async () => {
      const got = await claimed(body);
      assertProblem(got, 422, 'invalid_request');
      assert.deepEqual(faultPaths(got).toSorted(), expected);
    });
  }

  test('no body at all names no user', async () => {
    const got = await rig.call('POST', '/v1/events/launch/claims', { as: 'service' });
    assertProblem(got, 422, 'invalid_request');
    assert.deepEqual(faultPaths(got), ['/userId']);
  });

  const keys = [' ', 'a b', 'k'.repeat(129), 'k\u00e9', 'a\tb'];
  for (const key of keys) {
    test(`an Idempotency-Key of ${JSON.stringify(key).slice(0, 20)}`, async () => {
      const request = `POST /v1/events/many/claims HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer ${credentials.serviceKey}\r\nContent-Type: application/json\r\nContent-Length: 15\r\nIdempotency-Key: ${key}\r\n\r\n{"userId":"u1"}`;
      const { status, json } = parseRaw(await rig.raw(Buffer.from(request, 'latin1')));
      assert.deepEqual([status, json.code], [400, 'invalid_idempotency_key']);
    });
  }

  test('two Idempotency-Keys', async () => {
    const got = await claimed({ userId: 'u1' }, { headers: { 'idempotency-key': 'a, b' } });
    assertProblem(got, 400, 'invalid_idempotency_key');
  });

  test('none where the event needs one', async () => {
    const got = await rig.call('POST', '/v1/events/many/claims', { as: 'service', body: { userId: 'u1' } });
    assertProblem(got, 400, 'idempotency_key_required');
  });

  test('whatever JSON it is: 422, or 201 exactly when it is an object with a good userId alone', async () => {
    const own = await openRig();
    try {
      await own.create({ id: 'launch', name: 'Launch', capacity: 10_000 });
      const good = fc.record({ userId: fc.stringMatching(/^[\x21-\x7e]{1,128}$/) });
      const any = fc.oneof(fc.jsonValue(), fc.record({ userId: fc.jsonValue() }), good);
      const isGood = (value: unknown) =>
        typeof value === 'object' &&
        value !== null &&
        Object.keys(value).join() === 'userId' &&
        'userId' in value &&
        typeof value.userId === 'string' &&
        /^[\x21-\x7e]{1,128}$/.test(value.userId);
      await fc.assert(
        fc.asyncProperty(any, async (value) => {
          const body = JSON.stringify(value);
          fc.pre(!body.includes('__proto__'));
          const { status } = await own.call('POST', '/v1/events/launch/claims', { as: 'service', body });
          assert.ok(isGood(value) ? status === 201 || status === 200 : status === 422, `${status} for ${body}`);
        }),
      );
    } finally {
      await own.close();
    }
  });
});

describe('an event that does not fit', () => {
  const good = { name: 'New', capacity: 10 };
  const bodies: [name: string, body: unknown, paths: string[]][] = [
    ['nothing', {}, ['/capacity', '/name']],
    ['a list', [], ['']],
    ['capacity 0', { ...good, capacity: 0 }, ['/capacity']],
    ['a negative capacity', { ...good, capacity: -5 }, ['/capacity']],
    ['a fractional capacity', { ...good, capacity: 1.5 }, ['/capacity']],
    ['a capacity as text', { ...good, capacity: '10' }, ['/capacity']],
    ['a capacity as true', { ...good, capacity: true }, ['/capacity']],
    ['a capacity of null', { ...good, capacity: null }, ['/capacity']],
    ['a capacity over ten millions', { ...good, capacity: 10_000_001 }, ['/capacity']],
    ['a capacity beyond all numbers', '{"name":"New","capacity":1e999}', ['/capacity']],
    ['a capacity of 2^53', { ...good, capacity: 2 ** 53 }, ['/capacity']],
    ['a limit of 0', { ...good, limitPerUser: 0 }, ['/limitPerUser']],
    ['a limit of 101', { ...good, limitPerUser: 101 }, ['/limitPerUser']],
    ['an empty name', { ...good, name: '' }, ['/name']],
    ['a name of spaces', { ...good, name: '   ' }, ['/name']],
    ['a name of 201 characters', { ...good, name: 'x'.repeat(201) }, ['/name']],
    ['a name with a line feed', { ...good, name: 'a\nb' }, ['/name']],
    ['a name with half a letter', '{"name":"\\ud83d","capacity":1}', ['/name']],
    ['a name that is an object', { ...good, name: {} }, ['/name']],
    ['an id with a space', { ...good, id: 'a b' }, ['/id']],
    ['an id with a slash', { ...good, id: 'a/b' }, ['/id']],
    ['the id .', { ...good, id: '.' }, ['/id']],
    ['the id ..', { ...good, id: '..' }, ['/id']],
    ['the id __proto__', { ...good, id: '__proto__' }, ['/id']],
    ['an id of 65 characters', { ...good, id: 'a'.repeat(65) }, ['/id']],
    ['an id beyond ASCII', { ...good, id: '한정' }, ['/id']],
    ['a time without a zone', { ...good, opensAt: '2030-01-01T00:00:00' }, ['/opensAt']],
    ['a date alone', { ...good, opensAt: '2030-01-01' }, ['/opensAt']],
    ['a time with a space', { ...good, opensAt: '2030-01-01 00:00:00Z' }, ['/opensAt']],
    ['a time as a number', { ...good, opensAt: 1893456000000 }, ['/opensAt']],
    ['a day that there is not', { ...good, opensAt: '2030-02-30T00:00:00Z' }, ['/opensAt']],
    ['an hour that there is not', { ...good, closesAt: '2030-01-01T25:00:00Z' }, ['/closesAt']],
    ['a zone that there is not', { ...good, closesAt: '2030-01-01T00:00:00+25:00' }, ['/closesAt']],
    [
      'close before open',
      { ...good, opensAt: '2030-01-01T00:00:00Z', closesAt: '2029-01-01T00:00:00Z' },
      ['/closesAt'],
    ],
    [
      'close at the opening',
      { ...good, opensAt: '2030-01-01T00:00:00Z', closesAt: '2030-01-01T09:00:00+09:00' },
      ['/closesAt'],
    ],
    ['state as a field', { ...good, state: 'open' }, ['/state']],
  ];
  for (const [name, body, expected] of bodies) {
    test(name, async () => {
      const got = await createdAs(body);
      assertProblem(got, 422, 'invalid_request');
      assert.deepEqual(faultPaths(got).toSorted(), expected);
    });
  }

  const changes: [name: string, body: unknown, status: number, code: string][] = [
    ['nothing', {}, 422, 'invalid_request'],
    ['another limit per user', { limitPerUser: 2 }, 422, 'invalid_request'],
    ['another id', { id: 'other' }, 422, 'invalid_request'],
    ['a capacity of 0', { capacity: 0 }, 422, 'invalid_request'],
    ['null for a name', { name: null }, 422, 'invalid_request'],
    ['a closing without a zone', { closesAt: '2030-01-01T00:00:00' }, 422, 'invalid_request'],
    ['an opening after it has opened', { opensAt: '2030-01-01T00:00:00Z' }, 409, 'already_open'],
    ['an existing id with another content', { id: 'launch', name: 'Else', capacity: 10 }, 409, 'event_exists'],
  ];
  for (const [name, body, status, code] of changes) {
    test(`a change to ${name}`, async () => {
      const got =
        code === 'event_exists'
          ? await createdAs(body)
          : await rig.call('PATCH', '/v1/events/launch', { as: 'admin', body });
      assertProblem(got, status, code);
    });
  }

  const guards = ['3', '"3', 'W/"1"', '"abc"', '"01"', '"1", "2"', '', '"-1"', '"1.0"', '"99999999999999999999"'];
  for (const guard of guards) {
    test(`If-Match: ${guard}`, async () => {
      const sent = { as: 'admin', headers: { 'if-match': guard } };
      assertProblem(
        await rig.call('PATCH', '/v1/events/launch', { ...sent, body: { capacity: 20 } }),
        400,
        'malformed_request',
      );
      assertProblem(await rig.call('POST', '/v1/events/launch/close', sent), 400, 'malformed_request');
    });
  }

  test('a stale If-Match', async () => {
    const got = await rig.call('PATCH', '/v1/events/launch', {
      as: 'admin',
      body: { capacity: 20 },
      headers: { 'if-match': '"7"' },
    });
    assertProblem(got, 412, 'revision_mismatch');
    assert.equal(got.json.revision, 1);
  });

  test('a body with fields for an act that takes none', async () => {
    for (const act of ['pause', 'resume', 'close', 'recover']) {
      const got = await rig.call('POST', `/v1/events/launch/${act}`, { as: 'admin', body: { reason: 'why' } });
      assertProblem(got, 422, 'invalid_request');
    }
  });
});

describe('a body that is not declared as JSON', () => {
  const types = ['text/plain', 'application/x-www-form-urlencoded', 'text/json', 'application/jsonx', 'json', 'x', ';'];
  for (const type of types) {
    test(type, async () => {
      const headers = { 'content-type': type };
      assertProblem(await claimed({ userId: 'u1' }, { headers }), 415, 'unsupported_media_type');
      const sent = { as: 'admin', headers, body: { name: 'New', capacity: 1 } };
      assertProblem(await rig.call('POST', '/v1/events', sent), 415, 'unsupported_media_type');
    });
  }

  test('not at all', async () => {
    const answer = await rig.raw(
      `POST /v1/events/launch/claims HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer ${credentials.serviceKey}\r\nContent-Length: 15\r\n\r\n{"userId":"u1"}`,
    );
    assert.deepEqual([parseRaw(answer).status, parseRaw(answer).json.code], [415, 'unsupported_media_type']);
  });
});

describe('a body that is too large', () => {
  const megabyte = JSON.stringify({ userId: 'x'.repeat(1024 * 1024) });

  test('of one megabyte, announced', async () => {
    assertProblem(await claimed(megabyte), 413, 'payload_too_large');
    assertProblem(await createdAs(megabyte), 413, 'payload_too_large');
  });

  test('in chunks that say nothing of their sum', async () => {
    const chunk = `1000\r\n${'x'.repeat(4096)}\r\n`;
    const head = `POST /v1/events/launch/claims HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer ${credentials.serviceKey}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`;
    const answer = await rig.raw(`${head}${chunk.repeat(64)}0\r\n\r\n`);
    assert.deepEqual([parseRaw(answer).status, parseRaw(answer).json.code], [413, 'payload_too_large']);
  });

  test('in brackets, as deep as may be, is read without a crash', async () => {
    assertProblem(await claimed('['.repeat(4000)), 400, 'malformed_json');
    const deep = `${'['.repeat(2000)}"\\u0061"${']'.repeat(2000)}`;
    assertProblem(await claimed(deep), 422, 'invalid_request');
  });
});

describe('a token that does not fit the request', () => {
  test('for another event', async () => {
    const sent = { as: tokenOf('u1', 'many') };
    assertProblem(await rig.call('POST', '/v1/events/launch/claims', sent), 403, 'forbidden');
    assertProblem(await rig.call('GET', '/v1/events/launch/claims', sent), 403, 'forbidden');
  });

  test("with another user's name in the body", async () => {
    const got = await claimed({ userId: 'u2' }, { as: tokenOf('u1', 'launch') });
    assertProblem(got, 403, 'forbidden');
  });

  test('with a body that does not fit', async () => {
    const got = await claimed({ user: 'u1' }, { as: tokenOf('u1', 'launch') });
    assertProblem(got, 422, 'invalid_request');
  });
});
