/** What never becomes a request, or becomes one too slowly: answered on the bare socket, as a problem like all others. */
import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import fc from 'fast-check';
import type { ClaimDecision } from '../../src/engine/views.ts';
import { credentials, open, openRig, parseRaw, type Rig, rest } from './rig.ts';

let rig: Rig;
let stood: string;
before(async () => {
  rig = await openRig({ limits: { headerBytesMax: 4096 } });
  await rig.create({ id: 'launch', name: 'Launch', capacity: 10 });
});
after(() => rig.close());
beforeEach(async () => {
  stood = await rig.events();
});
afterEach(async () => assert.equal(await rig.events(), stood, 'the events are as they were'));

const head = (line: string, more = '') => `${line}\r\nHost: x\r\nConnection: close\r\n${more}\r\n`;

function assertRaw(answer: string, status: number, code: string): void {
  const got = parseRaw(answer);
  assert.deepEqual([got.status, got.json.code, got.json.status], [status, code, status], answer);
  assert.match(got.head, /^HTTP\/1\.1 \d{3} [A-Z]/);
  assert.match(got.head, /content-type: application\/problem\+json/i);
  assert.match(got.head, /connection: close/i);
}

const chunked = 'Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n';

describe('what is no request', () => {
  const lines: [name: string, bytes: string][] = [
    ['another protocol', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['a TLS greeting', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
    ['a method that there is not', head('BREW /v1/events HTTP/1.1')],
    ['a method in small letters', head('get /v1/events HTTP/1.1')],
    ['no path', head('GET HTTP/1.1')],
    ['HTTP/2 spoken as text', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['a space in the path', head('GET /v1/events/a b HTTP/1.1')],
    ['a space before the colon of a header', head('GET /livez HTTP/1.1', 'A : b\r\n')],
    ['a bare line feed in a header', head('GET /livez HTTP/1.1', 'A: b\nC: d\r\n')],
    ['a length that is no number', head('POST /v1/events HTTP/1.1', 'Content-Length: x\r\n')],
    ['two lengths', head('POST /v1/events HTTP/1.1', 'Content-Length: 1\r\nContent-Length: 2\r\n')],
    ['a length beside chunks', head('POST /v1/events HTTP/1.1', 'Content-Length: 1\r\nTransfer-Encoding: chunked\r\n')],
    ['chunks that are none', `${head('POST /v1/events HTTP/1.1', chunked)}zz\r\n`],
    ['no Host', 'GET /livez HTTP/1.1\r\nConnection: close\r\n\r\n'],
    ['an expectation', head('POST /v1/events HTTP/1.1', 'Expect: 200-maybe\r\n')],
    ['a broken escape in the path', head('GET /v1/events/%zz HTTP/1.1')],
    ['half an escape in the path', head('GET /v1/events/%e2%82 HTTP/1.1')],
  ];
  for (const [name, bytes] of lines) {
    test(name, async () => assertRaw(await rig.raw(Buffer.from(bytes, 'latin1')), 400, 'malformed_request'));
  }

  test('a tunnel', async () => assertRaw(await rig.raw(head('CONNECT x:443 HTTP/1.1')), 405, 'method_not_allowed'));

  test('an upgrade is answered as if nothing had been asked', async () => {
    const answer = await rig.raw(
      'GET /livez HTTP/1.1\r\nHost: x\r\nConnection: upgrade, close\r\nUpgrade: h2c\r\n\r\n',
    );
    assert.equal(parseRaw(answer).status, 200);
  });

  test('headers that are too large, by one or by far', async () => {
    for (const size of [4096, 64 * 1024, 1024 * 1024]) {
      const answer = await rig.raw(head('GET /livez HTTP/1.1', `A: ${'x'.repeat(size)}\r\n`));
      assertRaw(answer, 431, 'headers_too_large');
    }
    const many = Array.from({ length: 2000 }, (_, i) => `H${i}: 1\r\n`).join('');
    assertRaw(await rig.raw(head('GET /livez HTTP/1.1', many)), 431, 'headers_too_large');
    assertRaw(await rig.raw(head(`GET /${'x'.repeat(5000)} HTTP/1.1`)), 431, 'headers_too_large');
  });

  test('whatever the bytes are, the server answers or closes, and goes on', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 64 }), async (bytes) => {
        const answer = await rig.raw(Buffer.from(bytes));
        assert.match(answer, /^(HTTP\/1\.1 4\d\d |$)/);
      }),
      { numRuns: 50 },
    );
    assert.equal((await rig.call('GET', '/livez')).status, 200);
  });

  test('a client that goes away in the middle is no trouble', async () => {
    const more = `Authorization: Bearer ${credentials.serviceKey}\r\nContent-Type: application/json\r\nContent-Length: 15\r\n`;
    for (const sent of ['GET /livez HT', head('POST /v1/events/launch/claims HTTP/1.1', more)]) {
      const socket = await open(rig.port);
      socket.write(sent);
      socket.resetAndDestroy();
      await once(socket, 'close');
    }
    assert.equal((await rig.call('GET', '/livez')).status, 200);
    assert.deepEqual(rig.logged, []);
  });
});

describe('a connection', () => {
  const body = '{"userId":"u1"}';
  const claim = `POST /v1/events/launch/claims HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${credentials.serviceKey}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

  test('on which rubbish follows a claim is cut, not answered in its place', async () => {
    const { promise, resolve } = Promise.withResolvers<ClaimDecision>();
    const handed = Promise.withResolvers<void>();
    const slow = await openRig({
      override: {
        claim: () => {
          handed.resolve();
          return promise;
        },
      },
    });
    try {
      const socket = await open(slow.port);
      socket.write(claim);
      await handed.promise;
      const answer = rest(socket);
      socket.write('rubbish\r\n\r\n');
      assert.equal(await answer, '');
      resolve({ outcome: 'rejected', reason: 'sold_out', opensAt: null, claims: [] });
    } finally {
      await slow.close();
    }
  });

  test('may carry several requests at once, answered in their order', async () => {
    const socket = await open(rig.port);
    const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n`;
    socket.write(`${get('/livez')}\r\n${get('/nothing')}\r\n${get('/readyz')}Connection: close\r\n\r\n`);
    const statuses = [...(await rest(socket)).matchAll(/HTTP\/1\.1 (\d{3})/g)].map((match) => match[1]);
    assert.deepEqual(statuses, ['200', '404', '200']);
  });

  test('beyond the number that is allowed is closed', async () => {
    const small = await openRig({ limits: { connectionsMax: 1 } });
    try {
      const first = await open(small.port);
      const second = connect(small.port, '127.0.0.1');
      second.on('error', () => undefined);
      assert.equal(await rest(second), '');
      first.destroy();
    } finally {
      await small.close();
    }
  });
});

describe('what comes too slowly', () => {
  // A server of its own: on a busy machine such short times could run out for an honest request too.
  const limits = { headersTimeoutMs: 60, requestTimeoutMs: 90, timeoutCheckIntervalMs: 20 };
  let hasty: Rig;
  before(async () => {
    hasty = await openRig({ limits });
  });
  after(() => hasty.close());

  test('headers that never end', async () => {
    assertRaw(await hasty.raw('GET /livez HTTP/1.1\r\nHost: x\r\nA: '), 408, 'request_timeout');
  });

  test('a body that never ends', async () => {
    const more = `Authorization: Bearer ${credentials.serviceKey}\r\nContent-Type: application/json\r\nContent-Length: 15\r\n`;
    assertRaw(await hasty.raw(`${head('POST /v1/events/launch/claims HTTP/1.1', more)}{"user`), 408, 'request_timeout');
  });
});
