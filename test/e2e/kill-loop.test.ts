/** The kill loop passes a server that keeps its promises, catches those that do not, and can be stopped. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';

interface Loop {
  readonly child: ChildProcess;
  readonly lines: string[];
  /** Resolves with the exit code once all that it wrote has been read. */
  readonly ended: Promise<number | null>;
}

function kill(t: TestContext, ...args: string[]): Loop {
  const script = fileURLToPath(new URL('./kill.ts', import.meta.url));
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'ignore'] });
  t.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    await exit;
  });
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout });
  reader.on('line', (line) => lines.push(line));
  const ended = Promise.all([once(child, 'exit'), once(reader, 'close')]).then(([[code]]) => code as number | null);
  return { child, lines, ended };
}

test('two cycles of kills: every promise is kept, and the figures say what was done', async (t) => {
  const { lines, ended } = kill(t, '--from', '1', '--cycles', '2');
  assert.equal(await ended, 0, lines.join('\n'));
  const text = lines.join('\n');
  assert.equal(text.match(/^cycle \d+ .*: kept$/gm)?.length, 2);
  assert.match(text, /^kills +[1-9]/m);
  assert.match(text, /^wins told before a kill +[1-9]/m);
  assert.match(text, /^unknown outcomes resolved +[1-9]/m);
});

for (const [canary, what] of [
  ['early-ack', 'acknowledges before it is durable'],
  ['forgetful-start', 'starts from an older copy of its gate'],
  ['skipped-coupon', 'says that coupons are issued which are not'],
] as const) {
  test(`a server that ${what} is caught`, async (t) => {
    const { lines, ended } = kill(t, '--from', '1', '--cycles', '3', '--canary', canary);
    assert.equal(await ended, 1, lines.join('\n'));
    assert.match(lines.join('\n'), /BROKEN/);
    assert.match(lines.join('\n'), /again with: npm run kill -- --from 1 /);
  });
}

test('what it does not understand it does not begin', async (t) => {
  const { ended } = kill(t, '--cycles', 'many');
  assert.equal(await ended, 2);
});

test('Ctrl-C ends it, and leaves no process behind', async (t) => {
  const { child, lines, ended } = kill(t, '--from', '1', '--cycles', '50');
  await once(child.stdout as NodeJS.ReadableStream, 'data');
  const servers = process.platform === 'linux' ? childrenOf(child.pid ?? 0) : [];
  child.kill('SIGINT');
  assert.equal(await ended, 130, lines.join('\n'));
  for (const pid of servers) assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
});

function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}
