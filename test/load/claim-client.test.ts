import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import type { Clock } from '../../src/core/clock.ts';
import { createClaimClient } from '../../src/load/claim-client.ts';
import { runClaims } from '../../src/load/run-claims.ts';

type Answer = (res: ServerResponse, req: IncomingMessage) => void;

/** A server that answers its n-th request as the n-th function says, and every later one as the last does. */
async function served(t: TestContext, ...answers: Answer[]) {
  const requests: { url: string; key: string | undefined; authorization: string | undefined; body: unknown }[] = [];
  const server = createServer((req, res) => {
    void json(req).then((body) => {
      const { authorization, 'idempotency-key': key } = req.headers;
      requests.push({ url: req.url ?? '', key: key?.toString(), authorization, body });
      (answers[requests.length - 1] ?? answers.at(-1))?.(res, req);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const slept: number[] = [];
  const clock: Clock = { now: () => 0, sleep: async (ms) => void slept.push(ms) };
  const { port } = server.address() as AddressInfo;
  const client = createClaimClient({ url: `http://127.0.0.1:${port}/base`, serviceKey: 'k', connections: 8, clock });
  t.after(async () => {
    await client.close();
    server.close();
  });
  return { client, requests, slept };
}

const answer =
  (status: number, body: unknown, headers: Record<string, string> = {}): Answer =>
  (res) =>
    res.writeHead(status, headers).end(JSON.stringify(body));
const cut: Answer = (res) => res.destroy();
const won = (slot: number, replayed = false) => ({ replayed, claim: { id: `${slot}-x`, slot, nth: 1 } });

test('a claim is sent as a backend sends it', async (t) => {
  const { client, requests } = await served(t, answer(201, won(1)));
  const { status, body, attempts, micros } = await client.claim('e/1', 'u', 'click');
  assert.deepEqual({ status, body, attempts }, { status: 201, body: won(1), attempts: 1 });
  assert.ok(micros > 0);
  assert.deepEqual(requests, [
    { url: '/base/v1/events/e%2F1/claims', key: 'click', authorization: 'Bearer k', body: { userId: 'u' } },
  ]);
});

test('trouble is retried with the same key, when the server says so', async (t) => {
  const busy = answer(503, { code: 'overloaded' }, { 'retry-after': '2' });
  const { client, requests, slept } = await served(t, busy, cut, answer(200, won(1, true)));
  const { status, attempts } = await client.claim('e', 'u', 'click');
  assert.deepEqual({ status, attempts }, { status: 200, attempts: 3 });
  assert.deepEqual(
    requests.map(({ key }) => key),
    ['click', 'click', 'click'],
  );
  assert.equal(slept[0], 2000);
  assert.ok((slept[1] ?? 0) < 200, 'a broken connection is tried again soon');
});

test('a business answer is not retried', async (t) => {
  const { client, requests } = await served(t, answer(409, { code: 'sold_out' }));
  assert.equal((await client.claim('e', 'u')).status, 409);
  assert.equal(requests.length, 1);
});

test('a client gives up, and says what it knows', async (t) => {
  const { client } = await served(t, answer(503, { code: 'recovering' }, { 'retry-after': '60' }));
  const busy = await client.claim('e', 'u');
  assert.deepEqual({ status: busy.status, attempts: busy.attempts }, { status: 503, attempts: 1 });

  const nobody = createClaimClient({ url: 'http://127.0.0.1:1', serviceKey: 'k', giveUpAfterMs: 20 });
  t.after(() => nobody.close());
  const { status, trouble } = await nobody.claim('e', 'u');
  assert.equal(status, 0);
  assert.match(trouble ?? '', /ECONNREFUSED/);
});

test('a run keeps so many in flight, and its history reads every answer', async (t) => {
  let [now, most, slot] = [0, 0, 0];
  const waiting: (() => void)[] = [];
  const { client } = await served(t, (res) => {
    now += 1;
    most = Math.max(most, now);
    const n = ++slot;
    waiting.push(() => {
      now -= 1;
      if (n <= 3) answer(201, won(n))(res, res.req);
      else if (n === 4) answer(200, won(1, true))(res, res.req);
      else if (n === 5) answer(500, { code: 'internal' })(res, res.req);
      else answer(409, { code: 'sold_out' })(res, res.req);
    });
    // Answered once four are here, or the last ones are: so the loop must have four on their way.
    if (now === 4 || slot >= 10) for (const go of waiting.splice(0)) go();
  });
  const plan = Array.from({ length: 12 }, (_, i) => ({ eventId: 'e', userId: `u${i}`, key: null }));
  const { history, latency, seconds } = await runClaims(plan, { client, inFlight: 4 });
  assert.equal(most, 4);
  assert.equal(latency.totalCount, 12);
  assert.ok(seconds > 0);
  const counts = Object.groupBy(history, ({ outcome }) => outcome);
  assert.deepEqual(Object.fromEntries(Object.entries(counts).map(([outcome, entries]) => [outcome, entries.length])), {
    won: 3,
    replayed: 1,
    unknown: 1,
    sold_out: 7,
  });
  assert.equal(history.find(({ outcome }) => outcome === 'unknown')?.trouble, 'internal');
});

test('a run ends early when it is told to', async (t) => {
  const { client } = await served(t, answer(409, { code: 'sold_out' }));
  const stop = new AbortController();
  const plan = Array.from({ length: 100 }, (_, i) => ({ eventId: 'e', userId: `u${i}`, key: null }));
  const onAnswer = (answered: number) => void (answered === 10 && stop.abort());
  const { history } = await runClaims(plan, { client, inFlight: 4, onAnswer, signal: stop.signal });
  assert.ok(history.length >= 10 && history.length < 20);
});
