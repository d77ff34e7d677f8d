/** A server that is told to stop answers what it has taken, keeps what it has answered, and ends with 0. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { registerStopping } from './cases/stopping.ts';
import { NotStarted, scene } from './server.ts';
import { oneServer } from './site.ts';

registerStopping(oneServer);

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
