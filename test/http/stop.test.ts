/** Stopping: what is under way is answered, what is idle or half sent does not hold it up. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import process from 'node:process';
import { describe, test } from 'node:test';
import type { Dibs } from '../../src/engine/dibs.ts';
import type { ClaimDecision } from '../../src/engine/views.ts';
import { createMetrics } from '../../src/http/metrics.ts';
import { createHttpServer } from '../../src/http/server.ts';
import { credentials, open, openRig, parseRaw, type Rig, rest } from './rig.ts';

const body = '{"userId":"u1"}';
const claim = `POST /v1/events/launch/claims HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${credentials.serviceKey}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

/** Begins a stop; `begun` once no new connection is taken. */
function stopping({ app }: Rig): { begun: Promise<void>; done: Promise<void> } {
  const done = app.close();
  const begun = async () => {
    while (app.server.listening) await new Promise(setImmediate);
  };
  return { begun: begun(), done };
}

describe('a stop', () => {
  test('cuts off what does not end by itself', async (t) => {
    const never = Promise.withResolvers<ClaimDecision>();
    const handed = Promise.withResolvers<void>();
    const rig = await openRig({
      limits: { stopGraceMs: 50 },
      override: {
        claim: () => {
          handed.resolve();
          return never.promise;
        },
      },
    });
    t.after(() => rig.close());
    const waiting = await open(rig.port);
    waiting.write(claim);
    const half = await open(rig.port);
    half.write(claim.slice(0, -5));
    await handed.promise;
    const answers = Promise.all([rest(waiting), rest(half)]);
    await rig.close();
    assert.deepEqual(await answers, ['', '']);
  });

  test('does not wait for connections that are kept alive, were never used, or are unused again', async (t) => {
    const rig = await openRig({ limits: { stopGraceMs: 600_000 } });
    t.after(() => rig.close());
    const unused = await open(rig.port);
    const idle = await open(rig.port);
    idle.write('GET /livez HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(idle, 'data');
    await Promise.all([rig.close(), rest(unused), rest(idle)]);
  });

  test('of a server that never listened leaves nothing running', async () => {
    // Without an engine, whose own timers would be counted as well.
    const quiet = await createHttpServer({ dibs: {} as Dibs, credentials, metrics: createMetrics() });
    assert.equal((await quiet.inject('/livez')).statusCode, 200);
    const timers = () => process.getActiveResourcesInfo().filter((each) => each === 'Timeout').length;
    const before = timers();
    await quiet.close();
    assert.equal(timers(), before);
  });

  test('answers the claims that were taken, and closes their connections', async (t) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const handed = Promise.withResolvers<void>();
    const rig = await openRig({
      limits: { stopGraceMs: 600_000 },
      override: {
        claim: async (input) => {
          handed.resolve();
          await promise;
          return await rig.dibs.claim(input);
        },
      },
    });
    t.after(() => rig.close());
    await rig.create({ id: 'launch', name: 'Launch', capacity: 1 });
    const socket = await open(rig.port);
    socket.write(claim);
    await handed.promise;
    const closing = stopping(rig);
    const answer = rest(socket);
    await closing.begun;
    resolve();
    const got = parseRaw(await answer);
    assert.deepEqual([got.status, got.json.claim['slot']], [201, 1]);
    assert.match(got.head, /connection: close/i);
    await closing.done;
  });

  test('says that it is stopping to whoever still asks on an open connection', async (t) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const handed = Promise.withResolvers<void>();
    const rig = await openRig({
      limits: { stopGraceMs: 600_000 },
      override: {
        listEvents: async (query) => {
          handed.resolve();
          await promise;
          return await rig.dibs.listEvents(query);
        },
      },
    });
    t.after(() => rig.close());
    const socket = await open(rig.port);
    // The second request waits on the same connection until the first has been answered.
    socket.write(
      `GET /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${credentials.serviceKey}\r\n\r\nGET /readyz HTTP/1.1\r\nHost: x\r\n\r\n`,
    );
    await handed.promise;
    const closing = stopping(rig);
    await closing.begun;
    resolve();
    const answer = await rest(socket);
    assert.match(answer, /^HTTP\/1\.1 200 /);
    assert.match(answer, /connection: close/i);
    await closing.done;
    await assert.rejects(open(rig.port));
  });
});
