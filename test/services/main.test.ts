import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Service } from '../../services/services.ts';
import { keep } from './keeping.ts';
import { describeService } from './shared.ts';

const main = fileURLToPath(new URL('../../services/main.ts', import.meta.url));

describe('npm run services', () => {
  test('says how it is called', () => {
    const { status, stderr } = spawnSync(process.execPath, [main, 'mongo'], { encoding: 'utf8' });
    assert.equal(status, 2);
    assert.match(stderr, /^usage: npm run services/);
  });

  test('tells the remedy where one that is asked for is missing', () => {
    const env = { PATH: '', JAVA_HOME: '' };
    const { status, stderr, stdout } = spawnSync(process.execPath, [main, 'kafka', 'redis'], { encoding: 'utf8', env });
    assert.equal(status, 1);
    assert.equal(stdout, '');
    assert.match(stderr, /^Redis is not here: install it \(Debian: redis-server\)/m);
    assert.match(stderr, /^Java 17, for Kafka, is not here: .*npm run services -- --install/m);
  });
});

describeService(['redis', 'postgres'], 'npm run services, with services', () => {
  for (const json of [true, false]) {
    test(`runs them until Ctrl-C${json ? ', and tells it as JSON' : ''}`, async () => {
      const args = ['redis', 'postgres', ...(json ? ['--json'] : [])];
      const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'ignore'] });
      const exit = once(child, 'exit');
      const lines = createInterface({ input: child.stdout });
      const told: string[] = [];
      lines.on('line', (line) => told.push(line));
      await once(lines, 'line');
      if (json) {
        const { services, environment, lab } = JSON.parse(told.join('')) as {
          readonly services: readonly Service[];
          readonly environment: Readonly<Record<string, string>>;
          readonly lab: Readonly<Record<string, string>>;
        };
        for (const service of services) assert.ok(await (await keep(service)).isKept());
        const [redis, postgres] = services;
        assert.equal(environment['DIBS_GATE'], redis?.url);
        assert.equal(environment['DIBS_LEDGER'], postgres?.engineUrl);
        assert.deepEqual(lab, { DIBS_LAB_REDIS: redis?.url, DIBS_LAB_POSTGRES: postgres?.url });
        assert.match(environment['DIBS_ADMIN_KEY'] ?? '', /^[\w-]{43}$/);
        child.kill('SIGINT');
        assert.deepEqual(await exit, [0, null]);
        for (const { folder } of services) assert.ok(!existsSync(folder));
        return;
      }
      child.kill('SIGINT');
      assert.deepEqual(await exit, [0, null]);
      assert.match(
        told.join('\n'),
        /^redis +redis:[^]*^export DIBS_GATE=redis:[^]*^export DIBS_LEDGER=postgres:[^]*^export DIBS_LAB_POSTGRES=postgres:\/\/postgres@/m,
      );
      assert.ok(
        told.every((line) => line.length <= 80),
        told.join('\n'),
      );
    });
  }
});
