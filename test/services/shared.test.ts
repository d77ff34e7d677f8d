/** How suites that need services run: in runs of their own, on files made for it. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { text } from 'node:stream/consumers';
import { describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runSql } from '../../services/databases.ts';
import { until } from '../e2e/server.ts';
import { describeService, freshDatabase, hostVariable } from './shared.ts';

const shared = new URL('./shared.ts', import.meta.url).href;
const setup = fileURLToPath(new URL('./setup.ts', import.meta.url));

/** Starts a run of test files that have these bodies. */
async function run(t: TestContext, bodies: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'dibs-shared-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const files = bodies.map((_, i) => join(folder, `${i}.test.ts`));
  const head = `import { test } from 'node:test';\nimport * as s from '${shared}';\n`;
  await Promise.all(files.map((file, i) => writeFile(file, `${head}${bodies[i] ?? ''}`)));
  const own = Object.entries(process.env).filter(([name]) => !['NODE_TEST_CONTEXT', 'CI', hostVariable].includes(name));
  const args = ['--test', '--test-reporter=tap', `--test-global-setup=${setup}`, '--test-concurrency=2', ...files];
  const child = spawn(process.execPath, args, {
    env: { ...Object.fromEntries(own), ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return { child, said: said(child) };
}

async function said(child: ChildProcess): Promise<{ readonly code: number | null; readonly output: string }> {
  const exit = once(child, 'exit') as Promise<[number | null]>;
  const output = child.stdout === null ? '' : await text(child.stdout);
  return { code: (await exit)[0], output };
}

/** Whether somebody listens on a port. */
const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });

const lacking = `s.describeService('kafka', 'on Kafka', () => test('works', () => { throw new Error('ran'); }), () => 'get a Kafka');`;

describe('a suite whose service is missing', () => {
  test('is skipped by its name, with the remedy', async (t) => {
    const { code, output } = await (await run(t, [lacking])).said;
    assert.equal(code, 0, output);
    assert.match(output, /on Kafka # SKIP get a Kafka/);
    assert.doesNotMatch(output, /ran/);
  });

  test('fails under CI', async (t) => {
    const { code, output } = await (await run(t, [lacking], { CI: 'true' })).said;
    assert.equal(code, 1);
    assert.match(output, /not ok .* has kafka/);
    assert.match(output, /get a Kafka/);
  });
});

describeService('redis', 'the files of a run', () => {
  const tells = `test('tells', async () => console.log('at ' + (await s.sharedService('redis')) + ';'));`;

  test('share one service, which is gone after the last', async (t) => {
    const { code, output } = await (await run(t, [tells, tells])).said;
    assert.equal(code, 0, output);
    const ports = [...output.matchAll(/at redis:.*:(\d+);/g)].map(([, port]) => Number(port));
    assert.equal(ports.length, 2);
    assert.equal(ports[0], ports[1]);
    assert.ok(!(await answers(ports[0] ?? 0)));
  });

  for (const signal of ['SIGINT', 'SIGKILL'] as const) {
    test(`leave none where the run is ended by ${signal}`, async (t) => {
      const hangs = `${tells} test('hangs', () => new Promise((r) => setTimeout(r, 5_000)));`;
      const { child } = await run(t, [hangs]);
      let output = '';
      child.stdout?.on('data', (part) => {
        output += String(part);
      });
      const port = await until(
        async () => Number(/at redis:.*:(\d+);/.exec(output)?.[1] ?? 0),
        (found) => found > 0,
      );
      assert.ok(await answers(port));
      child.kill(signal);
      await until(
        () => answers(port),
        (does) => !does,
      );
    });
  }
});

describeService(['mariadb', 'postgres'], 'a fresh database', () => {
  for (const name of ['mariadb', 'postgres'] as const) {
    test(`of ${name} is empty, is its user's, closed to others, and goes`, async () => {
      const [one, other] = await Promise.all([freshDatabase(name), freshDatabase(name)]);
      await runSql(one.url, 'CREATE TABLE t (n int)', 'INSERT INTO t VALUES (1)');
      assert.equal((await runSql(one.url, 'SELECT n FROM t')).trim(), '1');
      await assert.rejects(runSql(other.url, 'SELECT n FROM t'), /exist/);
      const foreign = new URL(other.url);
      foreign.pathname = new URL(one.url).pathname;
      await assert.rejects(runSql(foreign.href, 'SELECT n FROM t'), /denied/);
      await Promise.all([one.drop(), other.drop()]);
      await assert.rejects(runSql(one.url, 'SELECT 1'), /denied|failed/);
    });
  }
});
