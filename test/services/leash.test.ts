/** Services end with whoever started them, also where nobody can stop them any more. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { lives, treeOf } from '../../services/processes.ts';
import { until } from '../e2e/server.ts';
import { describeService } from './shared.ts';

const library = new URL('../../services/services.ts', import.meta.url).href;

/** A process that starts services, does more with them, and waits to be ended. */
async function starter(script: string) {
  const child = spawn(
    process.execPath,
    ['--input-type=module-typescript', '-e', `import * as s from '${library}';${script}`],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const exit = once(child, 'exit');
  const line = await Promise.race([once(createInterface({ input: child.stdout }), 'line'), exit]);
  if (typeof line[0] !== 'string') throw new Error(`it ended with ${String(line[0] ?? line[1])}`);
  const { pids, folder } = JSON.parse(line[0]) as { readonly pids: readonly number[]; readonly folder: string };
  return { child, exit, folder, pids: pids.flatMap(treeOf) };
}

const tells = 'console.log(JSON.stringify({ pids: a.pids, folder: a.folder }));';

describeService(['redis', 'postgres'], 'services end with their process', () => {
  test('that ends and forgets them', async () => {
    const { exit, pids, folder } = await starter(`const a = await s.startRedis(); ${tells}`);
    assert.deepEqual(await exit, [0, null]);
    await until(
      async () => pids.some(lives) || existsSync(folder),
      (left) => !left,
    );
  });

  for (const [what, script] of [
    ['which is killed', `const a = await s.startRedis(); ${tells} setInterval(() => {}, 1000);`],
    [
      'whose server is paused',
      `const a = await s.startPostgres(); ${tells} a.signal('SIGSTOP'); setInterval(() => {}, 1000);`,
    ],
    [
      'whose server is down',
      `const a = await s.startRedis(); a.signal('SIGKILL'); ${tells} setInterval(() => {}, 1000);`,
    ],
  ] as const) {
    test(what, async () => {
      const { child, exit, pids, folder } = await starter(script);
      assert.ok(existsSync(folder));
      child.kill('SIGKILL');
      await exit;
      await until(
        async () => pids.some(lives) || existsSync(folder),
        (left) => !left,
      );
    });
  }
});
