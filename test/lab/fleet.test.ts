/** Servers that die and are started again, with processes that do nothing but that. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Fleet } from '../../src/lab/fleet.ts';
import { MemberProcess } from '../../src/lab/member-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'dibs-fleet-'));
after(() => rmSync(folder, { recursive: true }));

/** A process that ends, without an answer, as often as a file says; then it answers whatever it is asked. */
function mortal(name: string, deaths: number): () => Promise<MemberProcess> {
  const [module, left] = [join(folder, `${name}.mjs`), join(folder, name)];
  writeFileSync(left, String(deaths));
  writeFileSync(
    module,
    `import { readFileSync, writeFileSync } from 'node:fs';
    process.on('disconnect', () => process.exit());
    process.on('message', ({ type, id, n }) => {
      const left = Number(readFileSync(${JSON.stringify(left)}));
      if (left > 0) {
        writeFileSync(${JSON.stringify(left)}, String(left - 1));
        process.kill(process.pid, 'SIGKILL');
      }
      process.send(type === 'claim' ? { type: 'answer', n, answer: 'won' } : { type: 'said', id, value: 'done' });
    });\n`,
  );
  return async () => new MemberProcess(module, { onStep() {}, onBroken() {} });
}

test('a claim is asked of the server anew until it is answered', async () => {
  const fleet = await Fleet.start(1, mortal('claims', 2));
  assert.equal((await fleet.claim(1, 'user-1', 0)).answer, 'won');
  assert.equal(fleet.restarts, 2);
  await fleet.close();
});

test('so is whatever else the first server is asked', async () => {
  const fleet = await Fleet.start(1, mortal('asks', 2));
  assert.equal(await fleet.ask('reissue'), 'done');
  assert.equal(fleet.restarts, 2);
  await fleet.close();
});

test('what a server said before it was killed is an answer', async () => {
  const module = join(folder, 'last-words.mjs');
  const answers = 50;
  writeFileSync(
    module,
    `process.once('message', () => {
      for (let n = 0; n < ${answers}; n += 1) process.send({ type: 'answer', n, answer: 'won' });
      process.kill(process.pid, 'SIGKILL');
    });\n`,
  );
  const member = new MemberProcess(module, { onStep() {}, onBroken() {} });
  const claims = Array.from({ length: answers }, (_, n) => member.claim(n, `user-${n}`));
  // Meanwhile it speaks and ends; both are then found at once.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_000);
  const told = await Promise.allSettled(claims);
  assert.equal(told.filter(({ status }) => status === 'fulfilled').length, answers);
  await member.ended;
});
