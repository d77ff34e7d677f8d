import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { displayWidth } from '../../src/cli/text.ts';
import { verifyToken } from '../../src/lib/participant-token.ts';
import { dibs, problemOf, serve, type TestServe, temporaryFolder } from './process.ts';

const cleanups: (() => void | Promise<void>)[] = [];
const suite = { after: (cleanup: () => void | Promise<void>) => void cleanups.unshift(cleanup) };
let server: TestServe;

before(async () => {
  server = await serve(suite, temporaryFolder(suite));
});
after(async () => {
  for (const cleanup of cleanups) await cleanup();
});

interface Shown {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly capacity: number;
  readonly closesAt: string | null;
  readonly revision: number;
}

describe('events', () => {
  test('are created, shown, changed, paused and resumed', async () => {
    const create = [
      'event',
      'create',
      'e1',
      '--capacity',
      '5',
      '--name',
      '추석 쿠폰',
      '--closes-at',
      '2030-01-01T00:00:00+09:00',
    ];
    const made = await server.json<Shown>(...create);
    assert.deepEqual([made.name, made.state, made.closesAt], ['추석 쿠폰', 'open', '2029-12-31T15:00:00.000Z']);
    assert.equal((await server.json<Shown>(...create)).revision, 1, 'the same again changes nothing');
    const changed = await server.json<Shown>(
      'event',
      'set',
      'e1',
      '--capacity',
      '7',
      '--closes-at',
      'none',
      '--if-revision',
      '1',
    );
    assert.deepEqual([changed.capacity, changed.closesAt, changed.revision], [7, null, 2]);
    assert.equal((await server.json<Shown>('event', 'pause', 'e1')).state, 'paused');
    const refused = await server.run('claim', 'e1', 'u1');
    assert.deepEqual([refused.code, refused.stdout.startsWith('No: paused.')], [1, true]);
    assert.equal((await server.json<Shown>('event', 'resume', 'e1')).state, 'open');
    assert.equal((await server.json<Shown>('event', 'show', 'e1')).capacity, 7);
    const stale = await server.run('event', 'set', 'e1', '--capacity', '8', '--if-revision', '1', '--json');
    assert.deepEqual([stale.code, problemOf(stale).code], [1, 'revision_mismatch']);
  });

  test('have an id of their own where none is given, and a name', async () => {
    const made = await server.json<Shown>(
      'event',
      'create',
      '--name',
      'No id',
      '--capacity',
      '1',
      '--opens-at',
      '2030-01-01T00:00:00Z',
    );
    assert.match(made.id, /^[A-Za-z0-9]/);
    assert.equal(made.state, 'scheduled');
    assert.equal((await server.run('event', 'create', '--capacity', '1')).code, 2);
  });

  test('stand in columns, Korean names and all, and no name can move the cursor', async () => {
    await server.run('event', 'create', 'e2', '--capacity', '1', '--name', `${'아주 긴 이름의 행사 '.repeat(8)}끝`);
    await server.run('event', 'create', 'e3', '--capacity', '1', '--name', 'right\u202eleft');
    const { stdout } = await server.run('event', 'list');
    const [head = '', ...rows] = stdout.trimEnd().split('\n');
    const column = displayWidth(head.slice(0, head.indexOf('STATE')));
    for (const row of rows) {
      assert.ok(displayWidth(row) <= 80, row);
      const before = row.slice(0, row.search(/ (open|scheduled|closed|paused) /) + 1);
      assert.equal(displayWidth(before), column, row);
    }
    assert.match(stdout, /right\\u\{202e\}left/);
  });

  test('are closed only by one who says so', async () => {
    await server.run('event', 'create', 'e4', '--capacity', '9');
    const silent = await server.run('event', 'close', 'e4');
    assert.equal(silent.code, 2);
    assert.match(silent.stdout, /Closing e4 is for ever[^]*0 of 9[^]*9, which nobody would get/);
    assert.match(silent.stderr, /Add --yes/);
    const asJson = await server.run('event', 'close', 'e4', '--json');
    assert.deepEqual([asJson.code, asJson.stdout, problemOf(asJson).code], [2, '', 'usage']);
    assert.equal((await server.json<Shown>('event', 'show', 'e4')).state, 'open');
    assert.equal((await server.json<Shown>('event', 'close', 'e4', '--yes')).state, 'closed');
    const late = await server.run('event', 'resume', 'e4', '--json');
    assert.deepEqual([late.code, problemOf(late).code], [1, 'closed']);
  });
});

describe('claims', () => {
  test('win, are replayed, and are refused', async () => {
    await server.run('event', 'create', 'c1', '--capacity', '1');
    const won = await server.run('claim', 'c1', 'zoe');
    assert.deepEqual([won.code, won.stdout.startsWith('Won: slot 1 of c1.')], [0, true]);
    const again = await server.json<{ outcome: string; replayed: boolean }>('claim', 'c1', 'zoe');
    assert.deepEqual([again.outcome, again.replayed], ['won', true]);
    const late = await server.run('claim', 'c1', 'max', '--json');
    assert.equal(late.code, 1);
    assert.deepEqual(JSON.parse(late.stdout), { outcome: 'rejected', reason: 'sold_out', opensAt: null, claims: [] });
    assert.equal(late.stderr, '', 'a refusal is an answer, not a problem');
  });

  test('need a key where a user may win twice', async () => {
    await server.run('event', 'create', 'c2', '--capacity', '9', '--limit-per-user', '2');
    const bare = await server.run('claim', 'c2', 'zoe', '--json');
    assert.equal(problemOf(bare).code, 'idempotency_key_required');
    for (const [key, nth] of [
      ['k1', 1],
      ['k2', 2],
    ] as const) {
      const { claim } = await server.json<{ claim: { nth: number } }>('claim', 'c2', 'zoe', '--key', key);
      assert.equal(claim.nth, nth);
    }
    const over = await server.run('claim', 'c2', 'zoe', '--key', 'k3', '--json');
    assert.equal((JSON.parse(over.stdout) as { claims: unknown[] }).claims.length, 2);
  });

  test('are called wrongly with exit code 2', async () => {
    assert.equal((await server.run('claim', 'c1', 'a b')).code, 2);
    assert.equal((await server.run('claim', 'c1')).code, 2);
    assert.equal((await server.run('claim', 'c1', 'u', 'more')).code, 2);
    assert.equal((await server.run('claim', 'none', 'u')).code, 1);
  });

  test('can be made with a token for one user alone', async () => {
    const before = Date.now();
    const { stdout } = await server.run('token', 'demo', 'kim', '--expires-in', '90s');
    const token = stdout.trimEnd();
    const keys = JSON.parse(readFileSync(join(server.folder, 'data/keys.json'), 'utf8')) as { tokenSecret: string };
    // It is rounded to the second.
    assert.ok(verifyToken(token, keys.tokenSecret, before + 89_000).valid);
    assert.ok(!verifyToken(token, keys.tokenSecret, Date.now() + 90_000).valid);
    const answer = await fetch(`${server.url}/v1/events/demo/claims`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
    });
    assert.equal(((await answer.json()) as { claim: { userId: string } }).claim.userId, 'kim');
    for (const bad of [
      ['demo', 'a b'],
      ['-x', 'u'],
      ['demo', 'u', '--expires-in', '31d'],
      ['demo', 'u', '--expires-in', '5'],
    ]) {
      assert.equal((await server.run('token', ...bad)).code, 2, bad.join(' '));
    }
  });
});

describe('what was issued', () => {
  test('is listed, and audited', async () => {
    await server.run('event', 'create', 'i1', '--capacity', '3');
    for (const user of ['a', 'b', 'c']) await server.run('claim', 'i1', user);
    const { items, more } = await server.json<{ items: { slot: number; userId: string }[]; more: boolean }>(
      'coupons',
      'i1',
    );
    assert.deepEqual(
      items.map(({ slot, userId }) => `${slot} ${userId}`),
      ['1 a', '2 b', '3 c'],
    );
    assert.equal(more, false);
    const first = await server.json<{ items: unknown[]; more: boolean }>('coupons', 'i1', '--limit', '2');
    assert.deepEqual([first.items.length, first.more], [2, true]);
    const { stdout } = await server.run('coupons', 'i1', '--csv');
    assert.deepEqual(
      stdout.split('\r\n').map((line) => line.split(',')[1]),
      ['userId', 'a', 'b', 'c', undefined],
    );
    assert.equal((await server.run('coupons', 'i1', '--csv', '--json')).code, 2);
    const audit = await server.json<Record<string, unknown>>('audit', 'i1');
    assert.deepEqual([audit['eventId'], audit['ok'], audit['won'], audit['issued']], ['i1', true, 3, 3]);
    const all = await server.json<{ ok: boolean; items: { eventId: string }[] }>('audit');
    assert.ok(all.ok && all.items.some(({ eventId }) => eventId === 'demo'));
    assert.match((await server.run('audit', 'i1')).stdout, /^i1 {2}ok: gate, log and ledger agree$/m);
  });

  test('can be read in part', async () => {
    const { code, stderr } = await server.run('failed', 'list');
    assert.deepEqual([code, stderr], [0, '']);
    assert.equal((await server.run('failed', 'list', '--state', 'odd')).code, 2);
    const none = await server.run('failed', 'discard', '7', '--reason', 'x', '--yes', '--json');
    assert.deepEqual([none.code, problemOf(none).code], [1, 'failed_issuance_not_found']);
  });

  test('needs no recovery where nothing is lost', async () => {
    const { code, stdout } = await server.run('recover', 'demo');
    assert.deepEqual([code, stdout], [0, 'demo is served and needs no recovery.\n']);
  });
});

describe('trouble', () => {
  test('says to start a server where none answers, even where there are no keys yet', async (t) => {
    const cwd = temporaryFolder(t);
    const said = await dibs(['event', 'list'], { cwd, env: { DIBS_PORT: '1' } });
    assert.equal(said.code, 1);
    assert.match(said.stderr, /No server answers at http:\/\/127\.0\.0\.1:1.*\n.*`dibs serve`/);
  });

  test('says which key is missing or refused, and never sends a data folder key elsewhere', async (t) => {
    const cwd = temporaryFolder(t);
    const none = await dibs(['event', 'list', '--json'], { cwd, env: { DIBS_URL: server.url } });
    assert.deepEqual([none.code, problemOf(none).code], [1, 'no_key']);
    const env = { DIBS_URL: server.url, DIBS_ADMIN_KEY: 'another-key' };
    const refused = await dibs(['event', 'list'], { cwd, env });
    assert.match(refused.stderr, /refuses the admin key from\s+DIBS_ADMIN_KEY/);
    const { port } = new URL(server.url);
    // The same server, under a name that might be any machine's.
    const away = await server.run('event', 'list', '--json', '--url', `http://0.0.0.0:${port}`);
    assert.deepEqual([away.code, problemOf(away).code], [1, 'no_key']);
    assert.match(problemOf(away).message, /not sent to another machine/);
  });

  test('tells what is not Dibs, and follows no redirect with its key', async (t) => {
    const seen: (string | undefined)[] = [];
    const other = createServer((req, res) => {
      seen.push(req.headers.authorization);
      if (req.url?.startsWith('/v1') === true) res.writeHead(302, { location: '/elsewhere' }).end();
      else res.end('<html>');
    }).listen(0, '127.0.0.1');
    t.after(() => other.close());
    await new Promise((resolve) => other.once('listening', resolve));
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    const said = await server.run('event', 'list', '--json', '--url', url);
    assert.equal(said.code, 1);
    assert.equal(seen.length, 1);
    const odd = await server.run('event', 'show', 'demo', '--json', '--url', `${url}/odd`);
    assert.equal(problemOf(odd).code, 'not_dibs');
  });

  test('is told of commands that are not there, and of those to come', async (t) => {
    const cwd = temporaryFolder(t);
    const run = (...args: string[]) => dibs(args, { cwd });
    assert.equal((await run('evnt')).code, 2);
    assert.match((await run('evnt')).stderr, /unknown command 'evnt'\n\(Did you mean event\?\)/);
    assert.match((await run('api')).stderr, /needs a gate that many processes share/);
    assert.equal((await run('worker', '--json')).code, 2);
    // Without a ledger that is named, each machine would keep coupons of its own.
    const unnamed = await dibs(['worker'], { cwd, env: { DIBS_GATE: 'redis://127.0.0.1:1' } });
    assert.equal(unnamed.code, 2);
    assert.match(unnamed.stderr, /DIBS_LEDGER: `dibs worker` has to be told which ledger all processes/);
    assert.equal((await run()).code, 2);
    assert.equal((await run('event')).code, 2);
    const help = await run('--help');
    assert.deepEqual([help.code, help.stderr], [0, '']);
    assert.match((await run('help', 'claim')).stdout, /Usage: dibs claim/);
    assert.match((await run('--version')).stdout, /^\d+\.\d+\.\d+\n$/);
  });

  test('with an old Node is one clear sentence', async (t) => {
    const old = "data:text/javascript,Object.defineProperty(process.versions, 'node', { value: '22.20.0' })";
    const said = await dibs(['--version'], { cwd: temporaryFolder(t), node: ['--import', old] });
    assert.deepEqual(said, { code: 1, stdout: '', stderr: 'dibs needs Node 24.15 or later, and this is 22.20.0.\n' });
  });
});
