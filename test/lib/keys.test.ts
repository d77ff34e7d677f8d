import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { text } from 'node:stream/consumers';
import { after, describe, test } from 'node:test';
import { DibsError, type TroubleCode } from '../../src/core/errors.ts';
import { checkKeys, keyFaults, keysFileOf, loadOrMakeKeys, readKeys } from '../../src/lib/keys.ts';

const root = mkdtempSync(join(tmpdir(), 'dibs-keys-'));
after(() => rmSync(root, { recursive: true }));
let folders = 0;
const folder = () => join(root, String(++folders), 'data');

const given = {
  adminKey: 'Vb3xKp9QzL7mTn2RwY8sJd4FhG6cXa1E',
  serviceKey: 'pL0oKm9iJn8uHb7yGv6tFc5rDx4eSz3w',
  tokenSecret: 'Zq1Xw2Ec3Rv4Tb5Yn6Um7Ik8Ol9Pp0Aa',
  codeSecret: '9fJ2kLm4Nq6Rs8Tv0Wx1Yz3Bc5Df7Gh2',
};

const refused = (code: TroubleCode, message: RegExp) => (error: unknown) =>
  error instanceof DibsError && error.code === code && message.test(error.message);

describe('the keys of a data folder', () => {
  test('are made once, named after what they are, and kept for their owner alone', async () => {
    const dataDir = folder();
    const { keys, made } = await loadOrMakeKeys(dataDir, {});
    assert.deepEqual(made, ['adminKey', 'serviceKey', 'tokenSecret', 'codeSecret']);
    assert.match(keys.adminKey, /^dibs_admin_[\w-]{43}$/);
    assert.match(keys.serviceKey, /^dibs_service_[\w-]{43}$/);
    assert.equal(new Set(Object.values(keys)).size, 4);
    assert.equal(statSync(dataDir).mode & 0o777, 0o700);
    assert.equal(statSync(keysFileOf(dataDir)).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(dataDir), ['keys.json']);
    assert.deepEqual(await loadOrMakeKeys(dataDir, {}), { keys, made: [] });
    assert.deepEqual(await readKeys(dataDir), keys);
  });

  test('give way to those that are given', async () => {
    const dataDir = folder();
    const first = await loadOrMakeKeys(dataDir, { adminKey: given.adminKey });
    assert.equal(first.keys.adminKey, given.adminKey);
    assert.deepEqual(first.made, ['serviceKey', 'tokenSecret', 'codeSecret']);
    assert.ok(!readFileSync(keysFileOf(dataDir), 'utf8').includes(given.adminKey));
    const second = await loadOrMakeKeys(dataDir, given);
    assert.deepEqual(second, { keys: given, made: [] });
  });

  test('are not kept where all are given', async () => {
    const dataDir = folder();
    assert.deepEqual(await loadOrMakeKeys(dataDir, given), { keys: given, made: [] });
    assert.ok(!existsSync(keysFileOf(dataDir)));
  });

  test('are not made anew for one that was given at first', async () => {
    const dataDir = folder();
    await loadOrMakeKeys(dataDir, { codeSecret: given.codeSecret });
    await assert.rejects(loadOrMakeKeys(dataDir, {}), refused('invalid_configuration', /^DIBS_CODE_SECRET: given at/));
  });

  test('are the same for processes that start at once', { timeout: 60_000 }, async () => {
    for (let round = 0; round < 3; round += 1) {
      const dataDir = folder();
      const module = JSON.stringify(join(import.meta.dirname, '../../src/lib/keys.ts'));
      // Each says that it is ready and waits for a line, so that all are past their start-up when the race begins.
      const script = `
        const { loadOrMakeKeys } = await import(${module});
        process.stdout.write('ready\\n');
        process.stdin.once('data', async () => {
          process.stdout.write(JSON.stringify(await loadOrMakeKeys(process.argv[1], {})));
          process.exit(0);
        });`;
      const children = Array.from({ length: 6 }, () =>
        spawn(process.execPath, ['--input-type=module', '-e', script, dataDir], { stdio: ['pipe', 'pipe', 'inherit'] }),
      );
      await Promise.all(children.map((child) => once(child.stdout, 'readable')));
      for (const child of children) child.stdin.write('go\n');
      const answers = await Promise.all(
        children.map(async (child) => (await text(child.stdout)).replace('ready\n', '')),
      );
      const outcomes = answers.map((answer) => JSON.parse(answer) as Awaited<ReturnType<typeof loadOrMakeKeys>>);
      assert.equal(new Set(outcomes.map(({ keys }) => JSON.stringify(keys))).size, 1);
      assert.equal(outcomes.filter(({ made }) => made.length > 0).length, 1, 'one made them');
      assert.deepEqual(readdirSync(dataDir), ['keys.json']);
    }
  });
});

describe('a file of keys is refused', () => {
  async function withFile(content: string | Record<string, string>, mode = 0o600): Promise<string> {
    const dataDir = folder();
    mkdirSync(dataDir, { recursive: true });
    const text = typeof content === 'string' ? content : JSON.stringify(content);
    writeFileSync(keysFileOf(dataDir), text, { mode });
    chmodSync(keysFileOf(dataDir), mode);
    return dataDir;
  }

  test('where others may read it', async () => {
    for (const mode of [0o640, 0o604, 0o660, 0o777]) {
      const dataDir = await withFile(given, mode);
      await assert.rejects(loadOrMakeKeys(dataDir, {}), refused('store_unfit', /may be read by others.*chmod 600/));
    }
  });

  test('where it is cut, empty or holds something else', async () => {
    const whole = JSON.stringify(given, null, 2);
    for (const text of [
      '',
      whole.slice(0, -3),
      whole.slice(0, 40),
      '[]',
      'null',
      '{}',
      '{"adminKey": 1}',
      '{"a": "b"}',
    ]) {
      const dataDir = await withFile(text);
      await assert.rejects(
        loadOrMakeKeys(dataDir, {}),
        refused('store_unfit', /keys\.json (is cut|does not hold)/),
        text,
      );
      assert.equal(readFileSync(keysFileOf(dataDir), 'utf8'), text, 'and stands untouched');
    }
  });

  test('where a key in it is short or known, without showing it', async () => {
    const dataDir = await withFile({ ...given, adminKey: 'Hx7-short' });
    await assert.rejects(loadOrMakeKeys(dataDir, {}), (error: unknown) => {
      assert.ok(refused('store_unfit', /DIBS_ADMIN_KEY: has 9 characters/)(error));
      return !String(error).includes('Hx7-short');
    });
  });

  test('where the data folder is a file', async () => {
    const dataDir = folder();
    mkdirSync(join(dataDir, '..'), { recursive: true });
    writeFileSync(dataDir, '');
    await assert.rejects(loadOrMakeKeys(dataDir, {}), refused('store_unfit', /cannot be made/));
  });
});

describe('given keys', () => {
  test('pass where they are fit', () => {
    assert.deepEqual(checkKeys(given), given);
    const good = [
      'dibs_admin_Pq3mF0tLx7VbYz2KcRw9HsJd8NgUe5oA1iT4kXvBhQE',
      'q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=',
      '4f9c1d7ab2e86035c8d1f7e2a94b6c03',
      'our_service_secret_7Kd93mXq2LpV8sTn4Zc',
    ];
    for (const adminKey of good) assert.deepEqual(keyFaults({ adminKey }), [], adminKey);
  });

  test('are refused where they are missing, short, known or alike, all at once', () => {
    const error = (() => {
      try {
        checkKeys({ adminKey: 'short', serviceKey: 'changeme-changeme-changeme-changeme', tokenSecret: null });
      } catch (error) {
        return error;
      }
      return null;
    })();
    assert.ok(error instanceof DibsError);
    assert.deepEqual(
      error.message.split('\n').map((line) => line.slice(0, line.indexOf(':'))),
      ['DIBS_TOKEN_SECRET', 'DIBS_CODE_SECRET', 'DIBS_ADMIN_KEY', 'DIBS_SERVICE_KEY'],
    );
    assert.match(keyFaults({ ...given, serviceKey: given.adminKey }).join(), /are the same/);
  });

  test('are refused where anyone would guess them', () => {
    const known = [
      'password'.repeat(4),
      'x'.repeat(64),
      'abababababababababababababababab',
      'your-secret-key-your-secret-key-1',
      'dibs_admin_changeme_changeme_changeme',
      'my-secret-admin-key-for-testing-0001',
      '0123456789abcdefghijklmnopqrstuvwxyz',
      'example-service-key-example-service',
      '12345678901234567890123456789012',
    ];
    for (const adminKey of known) assert.match(keyFaults({ adminKey }).join(), /well known/, adminKey);
  });

  test('are refused where a header could not carry them', () => {
    for (const adminKey of [`${given.adminKey} `, `${given.adminKey}\n`, `${given.adminKey}é`, '열쇠'.repeat(20)]) {
      assert.match(keyFaults({ adminKey }).join(), /printable ASCII/);
    }
    assert.match(keyFaults({ adminKey: given.adminKey.repeat(33) }).join(), /more than 1024/);
  });
});
