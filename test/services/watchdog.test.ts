import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';

/** Runs one file as `npm run test:only` runs each, with three seconds for it. */
function run(body: string): { readonly status: number | null; readonly output: string } {
  const folder = mkdtempSync(join(tmpdir(), 'dibs-watchdog-'));
  try {
    const file = join(folder, 'some.test.ts');
    writeFileSync(file, `import { test } from 'node:test';\ntest('passes', () => { ${body} });\n`);
    const watchdog = new URL('./watchdog.ts', import.meta.url).href;
    // As a runner of its own, not as a file of the one that runs this.
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', watchdog, '--test', file], {
      encoding: 'utf8',
      env: { ...env, TEST_FILE_MINUTES_MAX: '0.05' },
      timeout: 60_000,
    });
    return { status, output: stdout + stderr };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('a test file that does not end is ended, fails, and says what kept it', () => {
  const { status, output } = run('setInterval(() => {}, 1_000);');
  assert.equal(status, 1, output);
  assert.match(output, /some\.test\.ts has not ended after 0\.05 minutes; it is kept by: .*Timeout/);
});

test('one that ends is left alone', () => {
  const { status, output } = run('');
  assert.equal(status, 0, output);
});
