/** A server that is told to stop answers what it has taken, keeps what it has answered, and ends with 0. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { checkHistory } from '../../src/core/history.ts';
import { createClaimClient } from '../../src/load/claim-client.ts';
import { planClaims } from '../../src/load/plan.ts';
import { runClaims } from '../../src/load/run-claims.ts';
import { NotStarted, scene, type TestServer } from './server.ts';
import { slotsOf, upTo } from './tallies.ts';

test('SIGTERM under load: every answered win is there, the process ends with 0, and nothing that was sent hangs', async (t) => {
  const { start } = await scene(t);
  const first = await start();
  const spec = await first.create({ id: 'drop', capacity: 2_500 });
  const plan = planClaims({ eventId: spec.id, users: 4_000, repeats: 800, seed: 1 });
  const client = createClaimClient({ url: first.url, serviceKey: first.serviceKey, connections: 64, giveUpAfterMs: 0 });
  let stopped: ReturnType<TestServer['stop']> | null = null;
  const onAnswer = (answered: number) => {
    if (answered === 1_000) stopped = first.stop();
  };
  // That this ends at all says that every claim was answered or cut.
  const { history } = await runClaims(plan, { client, inFlight: 64, onAnswer });
  await client.close();
  const ended = await (stopped ?? first.stop());
  assert.deepEqual([ended.code, ended.signal], [0, null], ended.output);
  assert.match(ended.output, /"stopped"/);
  const told = history.filter(({ outcome }) => outcome === 'won').length;
  assert.ok(told >= 500 && told < 2_500, `${told} wins were told before it stopped`);
  assert.ok(history.every(({ status }) => [0, 200, 201, 503].includes(status)));
  const server = await start();
  const again = await server.claimAll(plan, 64);
  const { ok, issued } = await server.settled(spec.id);
  assert.deepEqual({ ok, issued }, { ok: true, issued: 2_500 });
  const coupons = await server.coupons(spec.id);
  assert.deepEqual(slotsOf(coupons), upTo(2_500));
  const all = [...history, ...again.history];
  assert.deepEqual(checkHistory({ spec, history: all, coupons, isWhole: true }), []);
});

test('SIGTERM with a figure stream open, idle connections and a half-sent request: it ends with 0 all the same', async (t) => {
  const { start } = await scene(t);
  const server = await start();
  await server.create({ id: 'drop', capacity: 5 });
  await server.claim('drop', 'alice');
  const { hostname, port } = new URL(server.url);
  const [idle, half] = [connect(Number(port), hostname), connect(Number(port), hostname)];
  for (const socket of [idle, half]) socket.on('error', () => undefined);
  half.write(
    'POST /v1/events/drop/claims HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{',
  );
  const stream = await fetch(`${server.url}/v1/stream`, { headers: { authorization: `Bearer ${server.adminKey}` } });
  const reader = stream.body?.getReader();
  await reader?.read();
  const { code, signal } = await server.stop();
  assert.deepEqual([code, signal], [0, null]);
  for (const socket of [idle, half]) socket.destroy();
  const next = await start();
  assert.equal((await next.claim('drop', 'alice')).status, 200);
});

test('SIGINT ends it as SIGTERM does, and a wrong flag before it has begun', async (t) => {
  const { start } = await scene(t);
  const server = await start();
  server.child.kill('SIGINT');
  assert.equal((await server.ended).code, 0);
  await assert.rejects(start({ flags: ['--issue-rate', 'much'] }), (error) => {
    assert.ok(error instanceof NotStarted);
    assert.equal(error.ended.signal, null);
    assert.notEqual(error.ended.code, 0);
    assert.match(error.ended.output, /DIBS_ISSUE_RATE/);
    return true;
  });
});
