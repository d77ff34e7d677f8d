/** `dibs api` and `dibs worker`: what they refuse to start on, in words that help; what a worker shows; how one ends. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { describe, test } from 'node:test';
import { startRedis } from '../../services/services.ts';
import { checkHistory } from '../../src/core/history.ts';
import { planClaims } from '../../src/load/plan.ts';
import { Fleet } from '../e2e/fleet.ts';
import { metricOf } from '../e2e/metric.ts';
import { frontOf, until } from '../e2e/server.ts';
import { freshStores } from '../e2e/stores.ts';
import { describeService, freshDatabase, sharedService } from '../services/shared.ts';
import { dibs, problemOf, temporaryFolder } from './process.ts';

const commands = ['api', 'worker'] as const;
const keyNames = ['DIBS_ADMIN_KEY', 'DIBS_SERVICE_KEY', 'DIBS_TOKEN_SECRET', 'DIBS_CODE_SECRET'] as const;
/** What each of them cannot do without. */
const needed = { api: keyNames, worker: ['DIBS_CODE_SECRET'] } as const;

const secret = (letter: string): string => `${letter}b3xKp9QzL7mTn2RwY8sJd4FhG6cXa1E`;
const keys: Readonly<Record<string, string>> = Object.fromEntries(
  keyNames.map((name, at) => [name, secret('VWXZ'[at] ?? '')]),
);
// Nobody listens there: keys are looked at before any store is.
const elsewhere = { DIBS_GATE: 'redis://127.0.0.1:1', DIBS_LEDGER: 'postgres://127.0.0.1:1/dibs' };

for (const command of commands) {
  describe(`dibs ${command}`, () => {
    /** Starts it where it must not, and gives its exit code and what it says. */
    async function refused(t: Parameters<typeof temporaryFolder>[0], env: Readonly<Record<string, string>>) {
      const folder = temporaryFolder(t);
      const said = await dibs([command, '--port', '0', '--json'], { cwd: folder, env });
      assert.equal(said.stdout, '');
      assert.deepEqual(readdirSync(folder), [], 'it leaves nothing behind');
      // As a person sees it: whole, and no stack.
      const { code, stderr } = await dibs([command, '--port', '0'], { cwd: folder, env });
      assert.equal(code, said.code);
      assert.match(stderr, /^dibs: /);
      assert.doesNotMatch(stderr, /\bat .*\.ts:\d+/);
      return { exitCode: said.code, ...problemOf(said) };
    }

    test('needs a gate that many processes share', async (t) => {
      const { exitCode, code, message } = await refused(t, keys);
      assert.deepEqual([exitCode, code], [2, 'invalid_configuration']);
      assert.match(message, new RegExp(`DIBS_GATE: \`dibs ${command}\` needs a gate that many processes share`));
      assert.match(message, /redis:\/\/.*or use `dibs serve`/);
    });

    test('names every secret that is missing, and how to make one', async (t) => {
      const { exitCode, code, message } = await refused(t, elsewhere);
      assert.deepEqual([exitCode, code], [2, 'invalid_configuration']);
      const lines = message.split('\n');
      assert.deepEqual(
        lines.map((line) => line.split(':')[0]),
        needed[command],
      );
      for (const line of lines)
        assert.match(line, /is missing; every process .* has the same.*openssl rand -base64 32/);
    });

    test('refuses secrets that are short or well known, and shows none of them', async (t) => {
      const weak = { ...keys, DIBS_CODE_SECRET: 'hush-4f', DIBS_TOKEN_SECRET: 'changeme-changeme-changeme-changeme' };
      const { exitCode, code, message } = await refused(t, { ...elsewhere, ...weak });
      assert.deepEqual([exitCode, code], [2, 'invalid_configuration']);
      assert.match(message, /DIBS_CODE_SECRET: has 7 characters, fewer than 32/);
      assert.match(message, /DIBS_TOKEN_SECRET: is well known or easily guessed/);
      assert.doesNotMatch(message, /hush|changeme|Vb3x/);
    });

    for (const database of ['mariadb', 'postgres'] as const) {
      describeService(['redis', database], `on ${database}`, () => {
        test('alters no database by itself: it names what the schema lacks, and the command', async (t) => {
          const { url, drop } = await freshDatabase(database);
          t.after(drop);
          const stores = { DIBS_GATE: await sharedService('redis'), DIBS_LEDGER: url };
          const { exitCode, code, message, remedy } = await refused(t, { ...keys, ...stores });
          assert.deepEqual([exitCode, code], [1, 'store_not_migrated']);
          assert.match(message, /^The (mysql|postgres) ledger at \S+ lacks \S+.* in its schema\.$/);
          assert.match(remedy ?? '', /dibs migrate/);
        });
      });
    }

    describeService('redis', 'on a Redis that syncs once a second', () => {
      test('says which setting it is, why, and the command that mends it', async (t) => {
        const redis = await startRedis({ config: { appendfsync: 'everysec' } });
        t.after(() => redis.stop());
        const { exitCode, code, message } = await refused(t, { ...keys, ...elsewhere, DIBS_GATE: redis.url });
        assert.deepEqual([exitCode, code], [1, 'store_unfit']);
        assert.match(message, /appendfsync is everysec, not always/);
        assert.match(
          message,
          new RegExp(`redis-cli -h 127.0.0.1 -p ${new URL(redis.url).port} CONFIG SET appendfsync always`),
        );
      });
    });
  });
}

describeService(['redis', 'postgres'], 'a worker that runs', () => {
  test('shows its health and metrics and nothing else, and ends with 0 under load, whereupon another has the work', async (t) => {
    const fleet = await Fleet.of(t, await freshStores(t, 'postgres', 'embedded'));
    const { apis, workers } = await fleet.start(1, 2);
    const front = frontOf(() => apis);
    const [worker, other] = workers as [(typeof workers)[number], (typeof workers)[number]];
    const get = (path: string) => worker.call('GET', path, { as: 'nobody' });
    assert.deepEqual([(await get('/livez')).status, (await get('/livez')).body], [200, { live: true }]);
    assert.deepEqual([(await get('/readyz')).status, (await get('/readyz')).body], [200, { ready: true, missing: [] }]);
    for (const path of ['/v1/events', '/v1/events/drop', '/v1/stream', '/openapi.json', '/'])
      assert.equal((await get(path)).status, 404, path);
    for (const store of ['gate:redis', 'ledger:postgres'])
      assert.equal(await metricOf(worker, 'dibs_store_up', `store="${store}"`), 1);

    const spec = await front.create({ id: 'drop', capacity: 3_000 });
    // More events than one, so that by the hash both have some of them.
    for (let n = 1; n <= 20; n += 1) await front.create({ id: `drop-${n}`, capacity: 10 });
    const plan = planClaims({ eventId: spec.id, users: 4_000, repeats: 500, seed: 9 });
    const others = plan.slice(0, 200).map((claim, at) => ({ ...claim, eventId: `drop-${1 + (at % 20)}` }));
    await front.claimAll(others, 32);
    await until(
      () => metricOf(worker, 'dibs_issued_total'),
      (issued) => issued > 0,
    );
    let stopped: ReturnType<typeof worker.stop> | null = null;
    const { history } = await front.claimAll(plan, 32, 30_000, (answered) => {
      if (answered === 500) stopped = worker.stop();
    });
    const ended = await (stopped ?? worker.stop());
    assert.deepEqual([ended.code, ended.signal], [0, null], ended.output);
    assert.match(ended.output, /"stopped"/);
    const { ok, issued } = await front.settled(spec.id);
    assert.deepEqual({ ok, issued }, { ok: true, issued: 3_000 });
    assert.deepEqual(checkHistory({ spec, history, coupons: await front.coupons(spec.id), isWhole: true }), []);
    assert.ok((await metricOf(other, 'dibs_issued_total')) > 0);
    assert.equal((await other.stop()).code, 0);
  });

  test('listens nowhere where it is given no port, and works all the same', {
    skip: existsSync('/proc/self/net/tcp') ? false : 'who listens is read from /proc',
  }, async (t) => {
    const fleet = await Fleet.of(t, await freshStores(t, 'postgres', 'embedded'));
    const [api, worker] = [await fleet.api(), await fleet.worker({ port: null })];
    assert.equal(worker.url, '');
    assert.deepEqual(listeningIn(worker.child.pid ?? 0), []);
    assert.notDeepEqual(listeningIn(api.child.pid ?? 0), []);
    await api.create({ id: 'drop', capacity: 1 });
    await api.claim('drop', 'alice');
    assert.equal((await api.settled('drop'))['issued'], 1);
    assert.equal((await worker.stop()).code, 0);
  });
});

/** The local addresses at which a process takes connections, as /proc has it. */
function listeningIn(pid: number): string[] {
  const links = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
  const own = new Set(links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []));
  const rows = ['tcp', 'tcp6'].flatMap((name) =>
    readFileSync(`/proc/${pid}/net/${name}`, 'utf8').trim().split('\n').slice(1),
  );
  const listening = '0A';
  return rows
    .map((row) => row.trim().split(/\s+/))
    .filter(([, , , state, , , , , , inode = '']) => state === listening && own.has(inode))
    .map(([, local = '']) => local);
}
