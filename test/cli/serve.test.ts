import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import process from 'node:process';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { readConfig } from '../../src/config.ts';
import { createScreen } from '../../src/cli/screen.ts';
import { type Greeting, greetingLines } from '../../src/cli/serve/greeting.ts';
import { dibs, problemOf, serve, temporaryFolder } from './process.ts';

const exec = promisify(execFile);
const hasCurl = spawnSync('curl', ['--version']).status === 0;

/** The lines of a start that are to be pasted. */
function curlOf(lines: readonly string[]): string {
  const first = lines.findIndex((line) => line.includes('curl '));
  return lines.slice(first, lines.indexOf('', first)).join('\n');
}

interface Won {
  readonly claim: { readonly slot: number; readonly userId: string };
}

describe('dibs serve', () => {
  test('opens with nothing configured, with one demo event in a new data folder alone', async (t) => {
    const folder = temporaryFolder(t);
    const first = await serve(t, folder);
    assert.match(first.lines.join('\n'), /Event "demo" is open with 100 coupons/);
    const { items } = await first.json<{ items: { id: string; capacity: number; state: string }[] }>('event', 'list');
    assert.deepEqual(
      items.map(({ id, capacity, state }) => ({ id, capacity, state })),
      [{ id: 'demo', capacity: 100, state: 'open' }],
    );
    await first.run('event', 'close', 'demo', '--yes');
    assert.equal((await first.stop()).code, 0);

    const second = await serve(t, folder);
    const said = second.lines.join('\n');
    assert.match(said, /There are no open events\. Make one/);
    await second.run('event', 'create', 'launch', '--capacity', '5', '--limit-per-user', '2');
    await second.stop('SIGINT');

    const third = await serve(t, folder);
    assert.match(third.lines.join('\n'), /Claim a place of event "launch"/);
    assert.match(curlOf(third.lines), /Idempotency-Key/);
    assert.equal((await third.json<{ items: unknown[] }>('event', 'list')).items.length, 2);
  });

  test('prints a line that claims when it is pasted into a plain shell', {
    skip: !hasCurl && 'no curl here',
  }, async (t) => {
    const folder = temporaryFolder(t);
    // An apostrophe and a space: a path is quoted, not hoped for.
    const flags = ['--data', "it's data"];
    const first = await serve(t, folder, { flags });
    const { stdout } = await exec('sh', ['-c', curlOf(first.lines)], { cwd: '/' });
    assert.deepEqual((JSON.parse(stdout) as Won).claim.slot, 1);
    await first.stop();

    const given = { DIBS_SERVICE_KEY: 'Vb3xKp9QzL7mTn2RwY8sJd4FhG6cXa1E' };
    const second = await serve(t, folder, { flags, env: given });
    const line = curlOf(second.lines);
    assert.match(line, /\$DIBS_SERVICE_KEY"/);
    const again = await exec('sh', ['-c', line], { cwd: '/', env: { ...given, PATH: process.env['PATH'] } });
    assert.equal((JSON.parse(again.stdout) as { replayed: boolean }).replayed, true);
  });

  test('keeps keys out of what is not a terminal, and its files to its owner', async (t) => {
    const folder = temporaryFolder(t);
    const server = await serve(t, folder);
    const { stdout, stderr } = await server.stop();
    const keys = Object.values(JSON.parse(readFileSync(join(folder, 'data/keys.json'), 'utf8')) as object) as string[];
    assert.equal(keys.length, 4);
    for (const key of keys) assert.ok(!(stdout + stderr).includes(key));
    assert.match(stdout, /The keys are in .*data\/keys\.json/);
    for (const name of ['keys.json', 'gate.db', 'ledger.db']) {
      assert.equal(statSync(join(folder, 'data', name)).mode & 0o077, 0, name);
    }
    assert.match(stdout, /Stopping \(SIGTERM\).*\nStopped\.$/);
    assert.equal(stderr, '');
  });

  test('tells programs where it listens in one line of JSON', async (t) => {
    const folder = temporaryFolder(t);
    const server = await serve(t, folder, { flags: ['--json'], until: /"listening"/ });
    const { url, dataDir, madeKeys, fresh, demoEvent, ...more } = JSON.parse(server.lines[0] ?? '') as Record<
      string,
      unknown
    >;
    assert.deepEqual(
      { url, dataDir, fresh, demoEvent },
      { url: server.url, dataDir: join(folder, 'data'), fresh: true, demoEvent: 'demo' },
    );
    assert.deepEqual(madeKeys, ['adminKey', 'serviceKey', 'tokenSecret', 'codeSecret']);
    assert.equal(more['type'], 'listening');
    const { code, stdout } = await server.stop();
    assert.equal(code, 0);
    assert.deepEqual(stdout.split('\n').slice(1), ['{"type":"stopped"}']);
  });

  test('leaves a folder untouched whose port is taken', async (t) => {
    const folder = temporaryFolder(t);
    const other = createServer().listen(0, '127.0.0.1');
    t.after(() => other.close());
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as { port: number };
    const said = await dibs(['serve', '--port', String(port)], { cwd: folder });
    assert.equal(said.code, 1);
    assert.match(said.stderr, /is taken by another process.\nChoose another with --port/);
    assert.ok(!existsSync(join(folder, 'data')));
  });

  test('refuses a data folder that another server holds', async (t) => {
    const folder = temporaryFolder(t);
    await serve(t, folder);
    const said = await dibs(['serve', '--port', '0', '--json'], { cwd: folder });
    assert.deepEqual({ code: said.code, problem: problemOf(said).code }, { code: 1, problem: 'store_locked' });
  });

  test('lists every fault of the configuration at once, and ends with 2', async (t) => {
    const folder = temporaryFolder(t);
    writeFileSync(join(folder, 'dibs.config.json'), '{"prot": 1}');
    const env = { DIBS_GATE: 'oracle://localhost', DIBS_TYPO: '1' };
    const { code, stderr } = await dibs(['serve', '--port', 'x'], { cwd: folder, env });
    assert.equal(code, 2);
    for (const fault of [
      /has 4 faults/,
      /DIBS_PORT \(--port\)/,
      /DIBS_GATE \(environment\)/,
      /"DIBS_TYPO"/,
      /"prot"/,
    ]) {
      assert.match(stderr, fault);
    }
    const weak = await dibs(['serve', '--port', '0'], { cwd: folder, env: { DIBS_ADMIN_KEY: 'changeme' } });
    assert.equal(weak.code, 2);
    assert.doesNotMatch(weak.stderr, /changeme/);
  });

  test('warns of plain HTTP where other machines reach it', async (t) => {
    const open = await serve(t, temporaryFolder(t), { flags: ['--host', '0.0.0.0'] });
    assert.match(open.url, /^http:\/\/127\.0\.0\.1:/);
    assert.match((await open.stop()).stderr, /Warning: 0\.0\.0\.0 can be reached from other machines/);
  });
});

test('a start on a terminal shows the keys once, within 80 columns', () => {
  const { config } = readConfig({ env: {}, cwd: '/srv/dibs' });
  assert.ok(config !== null);
  const key = (name: string) => `dibs_${name}_${'k'.repeat(43)}`;
  const keys = {
    adminKey: key('admin'),
    serviceKey: key('service'),
    tokenSecret: key('token'),
    codeSecret: key('code'),
  };
  const greeting: Greeting = {
    config,
    served: { url: 'http://127.0.0.1:8080', keys, madeKeys: ['adminKey', 'serviceKey', 'tokenSecret', 'codeSecret'] },
    version: '0.1.0',
    keysFile: '/srv/dibs/data/keys.json',
    event: { id: 'demo', limitPerUser: 1 },
    isSeeded: true,
    isTerminal: true,
  };
  const linesOf = (changes: Partial<Greeting>) => greetingLines({ ...greeting, ...changes }, createScreen(false));
  const lines = linesOf({});
  assert.ok(lines.every((line) => line.length <= 80));
  const text = lines.join('\n');
  assert.ok(text.includes(keys.adminKey) && text.includes(keys.serviceKey));
  assert.ok(!text.includes(keys.tokenSecret) && !text.includes(keys.codeSecret));
  const later = linesOf({ served: { ...greeting.served, madeKeys: [] } }).join('\n');
  assert.ok(!Object.values(keys).some((key) => later.includes(key)));
  const slow = (perSecond: number) => linesOf({ config: { ...config, issueRate: { perSecond } } }).join('\n');
  assert.match(slow(5000), /at most 5,000 coupons per second/);
  assert.match(slow(100 / 60), /at most 100 coupons per minute/);
  assert.match(slow(1 / 3600), /at most 1 coupon per hour/);
});
