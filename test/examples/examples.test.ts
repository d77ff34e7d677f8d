import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { promisify } from 'node:util';

const example = (name: string): string[] => [
  '--conditions=dibs-source',
  join(import.meta.dirname, '../../examples', name),
];

test('the plain script gives 100 coupons to 300 users and finds them after it opened anew', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, example('script.ts'));
  assert.equal(stdout, 'won 100, sold out for 200\nuser-0 has slot 1, replayed: true\nissued 100 of 100, ok: true\n');
});

test("a route of somebody's own Fastify app claims, replays and refuses", async (t) => {
  const data = await mkdtemp(join(tmpdir(), 'dibs-example-'));
  t.after(() => rm(data, { recursive: true }));
  const { child, url } = await startApp(data);
  t.after(() => child.kill('SIGKILL'));
  const claim = async (userId: string): Promise<readonly [number, unknown]> => {
    const answer = await fetch(`${url}/coupons/spring`, { method: 'POST', headers: { 'x-user-id': userId } });
    return [answer.status, await answer.json()];
  };
  assert.deepEqual(await claim('alice'), [201, { slot: 1 }]);
  assert.deepEqual(await claim('alice'), [200, { slot: 1 }]);
  const [status, body] = await claim('not a user id');
  assert.equal(status, 400);
  assert.match(JSON.stringify(body), /printable ASCII/);
  const crowd = await Promise.all(Array.from({ length: 120 }, (_, index) => claim(`user-${index}`)));
  assert.equal(crowd.filter(([status]) => status === 201).length, 99);
  assert.deepEqual(crowd.find(([status]) => status === 409)?.[1], { message: 'sold_out' });
  const left = await fetch(`${url}/coupons/spring`);
  assert.deepEqual(await left.json(), { capacity: 100, remaining: 0, state: 'open' });
  child.kill('SIGTERM');
  assert.deepEqual(await once(child, 'exit'), [0, null]);
});

async function startApp(data: string): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(process.execPath, [...example('fastify-app.ts'), data, '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface({ input: child.stdout })) {
    const url = /^listening on (.*)$/.exec(line)?.[1];
    if (url !== undefined) return { child, url: url.replace('[::1]', 'localhost') };
  }
  throw new Error('the app ended before it listened');
}
