/**
 * The kill script of fleets passes the design as it is, finds out three that are wrong, and can be stopped. Not among the tests
 * that run beside each other, as it takes minutes of a machine that does nothing else; `.ci/run` runs it by itself:
 * `npm run test:only -- test/e2e/kill-fleet.check.ts`.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { lives, treeOf } from '../../services/processes.ts';
import { describeService } from '../services/shared.ts';

interface Run {
  readonly child: ChildProcess;
  readonly lines: string[];
  /** Resolves with the exit code once all that it wrote has been read. */
  readonly ended: Promise<number | null>;
}

function killFleet(t: TestContext, ...args: string[]): Run {
  const script = fileURLToPath(new URL('./kill-fleet.ts', import.meta.url));
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    await exit;
  });
  const lines: string[] = [];
  const readers = [child.stdout, child.stderr].map((input) => createInterface({ input }));
  for (const reader of readers) reader.on('line', (line) => lines.push(line));
  const read = Promise.all(readers.map((reader) => once(reader, 'close')));
  const ended = Promise.all([once(child, 'exit'), read]).then(([[code]]) => code as number | null);
  return { child, lines, ended };
}

describeService(['redis', 'kafka', 'postgres'], 'the kill script of fleets', () => {
  test('two cycles of kills and stops: every promise is kept, and the figures say what was done', async (t) => {
    // Short ones: API, worker, Redis and Kafka are struck within 3 s.
    const { lines, ended } = killFleet(t, '--from', '87', '--cycles', '2');
    const code = await ended;
    const text = lines.join('\n');
    assert.equal(code, 0, text);
    assert.equal(text.match(/^cycle \d+ .*: kept$/gm)?.length, 2);
    assert.match(text, /^kills +[1-9]/m);
    assert.match(text, /^stops +[1-9]/m);
    assert.match(text, /^wins told before a fault +[1-9]/m);
    assert.match(text, /^unknown outcomes resolved +[1-9]/m);
    assert.match(text, /^fences healed by themselves +[1-9]/m);
    assert.match(text, /^served after a Redis restart +median \d/m);
    for (const line of lines) assert.ok(line.length <= 100, line);
  });

  for (const [name, wrong, fault, found] of [
    ['everysec', 'syncs once a second', 'Redis killed in a sync', /: I2: slot \d+ was told to user-.* and to user-/],
    ['no-fence', 'believes any Redis', 'an older file put back', /: I2: slot \d+ was told to user-.* and to user-/],
    [
      'no-outbox',
      'sends the record of a slot after the script',
      'the API killed behind it',
      /: I17: the gate has (\d+) wins, the ledger (?!\1 )\d+ coupons, and it waits/,
    ],
  ] as const) {
    test(`a design that ${wrong} is found out by ${fault}`, async (t) => {
      const { lines, ended } = killFleet(t, '--cycles', '3', '--canary', name);
      const code = await ended;
      const text = lines.join('\n');
      assert.equal(code, 1, text);
      assert.match(text, found);
      assert.match(text, /again with: npm run kill:fleet -- --from /);
    });

    test(`the right design passes the same: ${fault}`, async (t) => {
      const { lines, ended } = killFleet(t, '--cycles', '1', '--control', name);
      assert.equal(await ended, 0, lines.join('\n'));
    });
  }

  test('what it does not understand it does not begin', async (t) => {
    const { lines, ended } = killFleet(t, '--ledger', 'oracle');
    assert.equal(await ended, 2);
    assert.match(lines.join('\n'), /^usage:/);
  });

  test('Ctrl-C ends it, and leaves no process behind', async (t) => {
    const { child, lines, ended } = killFleet(t, '--cycles', '50', '--ledger', 'postgres', '--log', 'embedded');
    await once(child.stdout as NodeJS.ReadableStream, 'data');
    const processes = process.platform === 'linux' ? treeOf(child.pid ?? 0) : [];
    child.kill('SIGINT');
    assert.equal(await ended, 130, lines.join('\n'));
    assert.deepEqual(processes.filter(lives), []);
  });
});
