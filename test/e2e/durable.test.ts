/**
 * Nothing is said before it is on the disk. A killed process keeps what it has written whether it was synced or not, so that
 * no kill can show this: it is read from the system calls of the server, in the order in which its main thread makes them.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { scene } from './server.ts';
import { upTo } from './tallies.ts';

const unsynced = new URL('./traps/unsynced.ts', import.meta.url);
const skip =
  spawnSync('strace', ['-f', 'true'], { stdio: 'ignore' }).status === 0
    ? false
    : 'strace is not here, or may not trace';

/** What a server did while it was told to: create an event and decide 40 claims, at most eight at once. */
async function traced(t: TestContext, preloads: readonly URL[]): Promise<string[]> {
  const { start, folder } = await scene(t);
  const file = join(folder, 'trace');
  // -D: the tracer stands aside, and the process that is started is the server itself. -y: paths beside descriptors.
  const calls = 'trace=pwrite64,fdatasync,fsync,write,writev';
  const server = await start({ wrapper: ['strace', '-D', '-f', '-y', '-s', '16', '-e', calls, '-o', file], preloads });
  const { id } = await server.create({ id: 'drop', capacity: 30 });
  await server.claimAll(
    upTo(40).map((n) => ({ eventId: id, userId: `user-${n}`, key: null })),
    8,
  );
  await server.settled(id);
  assert.equal((await server.stop()).code, 0);
  const own = `${server.child.pid ?? 0} `;
  const lines = (await readFile(file, 'utf8')).split('\n');
  return lines.filter((line) => line.startsWith(own)).map((line) => line.slice(own.length).trim());
}

/** Answers of success that left while something written to the gate had not been synced; and how many there were in all. */
function earlyAnswers(calls: readonly string[]): { readonly answers: number; readonly early: number } {
  let dirty = false;
  let answers = 0;
  let early = 0;
  for (const call of calls) {
    const isGate = /gate\.db(-wal)?>/.test(call);
    if (isGate && call.startsWith('pwrite64(')) dirty = true;
    if (isGate && /^f(data)?sync\(/.test(call)) dirty = false;
    // Node writes head and body of such an answer in one call.
    if (!/^writev?\(/.test(call) || !call.includes('"HTTP/1.1 20')) continue;
    answers += 1;
    if (dirty) early += 1;
  }
  return { answers, early };
}

test('every answer of success leaves behind the sync of what it speaks of', { skip }, async (t) => {
  const { answers, early } = earlyAnswers(await traced(t, []));
  assert.ok(answers >= 31, `${answers} answers were seen: a creation, 30 wins and an audit`);
  assert.equal(early, 0);
});

test('a gate that does not wait for the disk is seen by it', { skip }, async (t) => {
  const { early } = earlyAnswers(await traced(t, [unsynced]));
  assert.ok(early > 0);
});
