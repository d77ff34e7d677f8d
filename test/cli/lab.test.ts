/** `dibs lab` as it is typed: small runs, what it says, what it ends with, and that it leaves nothing. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import { arrivals } from '../../src/cli/lab/options.ts';
import { displayWidth } from '../../src/cli/text.ts';
import { strategies } from '../../src/lab/catalog.ts';
import type { LabRun, LabSkip } from '../../src/lab/outcome.ts';
import { calledOf } from '../../src/lab/terms.ts';
import { verdicts } from '../../src/lab/verdict.ts';
import { describeService } from '../services/shared.ts';
import { bin, dibs, problemOf, type Said, temporaryFolder } from './process.ts';

type Cleanup = Parameters<typeof temporaryFolder>[0];

/** A run of the lab in a folder of its own, which is all that it may put files into; nothing on the PATH, so that no service starts. */
async function lab(
  t: Cleanup,
  args: readonly string[],
  env: Readonly<Record<string, string>> = { PATH: '' },
): Promise<Said> {
  const cwd = temporaryFolder(t);
  const said = await dibs(['lab', ...args], { cwd, env: { ...env, TMPDIR: cwd } });
  assert.deepEqual(readdirSync(cwd), []);
  return said;
}

const small = ['--claims', '120', '--capacity', '20'];

interface Document {
  readonly ok: boolean;
  readonly failures: readonly string[];
  readonly seed: number;
  readonly runs: readonly LabRun[];
  readonly skipped: readonly (Omit<LabSkip, 'reason'> & { readonly reason: string })[];
  readonly traces: readonly unknown[];
}

describe('dibs lab list', () => {
  for (const language of ['en', 'ko'] as const) {
    test(`tells all strategies and verdicts, in ${language}`, async (t) => {
      const { code, stdout } = await lab(t, ['list', '--lang', language]);
      assert.equal(code, 0);
      for (const line of stdout.split('\n')) assert.ok(displayWidth(line) <= 80, line);
      for (const { name } of strategies) assert.match(stdout, new RegExp(`^${name}( |$)`, 'm'));
      for (const verdict of verdicts) assert.match(stdout, new RegExp(`^  ${verdict} `, 'm'));
      if (language === 'ko') assert.doesNotMatch(stdout, /server| or |needs|does not/);
      else assert.doesNotMatch(stdout, /[가-힣]/);
    });
  }

  test('tells programs the same, in both languages', async (t) => {
    const { stdout } = await lab(t, ['list', '--json']);
    const document = JSON.parse(stdout) as {
      strategies: { name: string; lesson: Record<string, string>; expected: unknown[] }[];
    };
    assert.deepEqual(
      document.strategies.map(({ name }) => name),
      strategies.map(({ name }) => name),
    );
    for (const { lesson, expected } of document.strategies) {
      assert.ok((lesson['en'] ?? '') !== '' && (lesson['ko'] ?? '') !== '');
      assert.ok(expected.length > 0);
    }
  });

  test('has two languages', async (t) => {
    const { code, stderr } = await lab(t, ['list', '--lang', 'fr']);
    assert.equal(code, 2);
    assert.match(stderr, /--lang "fr": must be one of en, ko/);
  });
});

describe('dibs lab run', () => {
  test('shows a table of 80 columns, tells its progress beside it, and ends with 0', async (t) => {
    const { code, stdout, stderr } = await lab(t, ['run', 'sql-count:ge', 'unique-user', ...small, '--seed', '7']);
    assert.equal(code, 0, stderr);
    const lines = stdout.trimEnd().split('\n');
    for (const line of lines) assert.ok(displayWidth(line) <= 80, line);
    assert.match(lines[0] ?? '', /^STRATEGY +ISSUED +OVER/);
    assert.match(stdout, /^sql-count:ge +\d+\/20 .*\n {2}✓ over /m);
    assert.match(stdout, /^unique-user +20\/20 .*\n {2}✓ safe /m);
    assert.match(stdout, /^120 claims for 20 places, 32 in flight, 1 server, each of another user, sqlite,\nseed 7$/m);
    assert.match(stdout, /2 runs, every verdict as expected\.$/m);
    assert.match(stderr, /^1 of 2: sql-count:ge$/m);
    assert.match(stderr, /^2 of 2: unique-user$/m);
  });

  test('gives programs one document and nothing else', async (t) => {
    const args = ['run', 'sql-count', 'dibs-sqlite', ...small, '--seed', '7', '--trace', '--json'];
    const { code, stdout, stderr } = await lab(t, args);
    assert.equal(code, 0, stderr);
    assert.equal(stderr, '');
    const document = JSON.parse(stdout) as Document;
    assert.deepEqual(Object.keys(document).sort(), ['failures', 'ok', 'runs', 'seed', 'skipped', 'traces']);
    const { ok, failures, seed, runs, traces } = document;
    assert.deepEqual([ok, failures, seed, traces.length], [true, [], 7, 3]);
    assert.deepEqual(
      runs.map(({ strategy, variant, issued, claims, capacity, database }) => [
        calledOf(strategy, variant),
        issued > 20,
        [claims, capacity, database],
      ]),
      [
        ['sql-count:gt', true, [120, 20, 'sqlite']],
        ['sql-count:ge', true, [120, 20, 'sqlite']],
        ['dibs-sqlite', false, [120, 20, 'sqlite']],
      ],
    );
  });

  test('brings the same crowd in the same order for the same seed', () => {
    const users = (seed: number) => arrivals(300, seed, 'all');
    assert.deepEqual(users(7), users(7));
    assert.notDeepEqual(users(7), users(8));
    assert.deepEqual(users(7).toSorted(), users(8).toSorted());
    assert.equal(new Set(users(7)).size, 300);
    assert.deepEqual(new Set(arrivals(300, 7, 'one')), new Set(['user-1']));
  });

  test('ends with 1 where nothing ran, and says why', async (t) => {
    const { code, stdout } = await lab(t, ['run', 'redis-incr', ...small]);
    assert.equal(code, 1);
    assert.match(stdout, /Did not run\n {2}redis-incr\n {4}needs redis: Redis is not here: install it/);
    assert.match(stdout, /^Nothing ran\.$/m);
  });

  test('says in Korean why it did not run, and what came of what did', async (t) => {
    const { stdout } = await lab(t, [
      'run',
      'mutex',
      'for-share:wait',
      ...small,
      '--database',
      'sqlite',
      '--lang',
      'ko',
    ]);
    assert.match(stdout, /^돌리지 않은 것\n {2}for-share:wait\n {4}행을 잠그는데 SQLite에는/m);
    assert.match(stdout, /^20자리에 신청 120건, 동시에 32건, 서버 1대,/m);
    assert.match(stdout, /^이름을 주었는데 돌리지 못한 것: for-share:wait\.$/m);
  });

  test('ends with 1 where something that was named did not run', async (t) => {
    const args = ['run', 'mutex', 'dibs-sqlite', ...small, '--servers', '4', '--json'];
    const { code, stdout } = await lab(t, args);
    const { ok, failures, skipped } = JSON.parse(stdout) as Document;
    assert.deepEqual([code, ok], [1, false]);
    assert.deepEqual(failures, ['Asked for, and did not run: dibs-sqlite.']);
    assert.match(skipped[0]?.reason ?? '', /a second one is refused/);
  });

  test('ends with 1 where what is named does not answer', async (t) => {
    const args = ['run', 'redis-incr', 'mutex', ...small, '--redis', 'redis://127.0.0.1:1', '--json'];
    const { code, stdout } = await lab(t, args);
    const { failures, skipped, runs } = JSON.parse(stdout) as Document;
    assert.equal(code, 1);
    assert.deepEqual([runs.length, skipped[0]?.isTrouble], [1, true]);
    assert.match(skipped[0]?.reason ?? '', /127\.0\.0\.1:1/);
    assert.match(failures[0] ?? '', /^1 run met trouble/);
  });

  for (const [args, message] of [
    [['no-such'], /There is no strategy "no-such"/],
    [['sql-count:lt'], /There is no strategy "sql-count:lt"/],
    [['--servers', '2'], /--servers "2": must be one of 1, 4/],
    [['--users', 'two'], /--users "two": must be one of all, one/],
    [['--fault', 'fire'], /--fault "fire": must be one of crash-between, /],
    [['--database', 'oracle'], /--database "oracle": must be one of sqlite, mariadb, postgres/],
    [['--claims', '150'], /--claims: at least twice as many as --capacity/],
    [['--claims', '100001'], /--claims: at most 100,000/],
    [['--capacity', '9'], /--capacity "9": must be a whole number of at least 10/],
    [['--in-flight', '257'], /--in-flight: at most 256/],
    [['--seed', '4294967296'], /--seed: must be below 4294967296/],
    [['--partitions', '3'], /--partitions "3": must be one of 1, 2/],
    [['redis-incr-kafka', '--partitions', '1', '--keyed'], /leave nothing of what is named/],
    [['--partitions', '1', '--keyed'], /leave nothing of what is named/],
    [['redis-incr-kafka:1-partition', '--partitions', '2'], /leave nothing of what is named/],
    [['sql-count', '--keyed'], /redis-incr-kafka, which is not named/],
    [['--kafka', 'kafka:9092'], /--kafka: must be a URL of the form kafka:\/\/host:port/],
    [['--redis', 'http://x'], /--redis: must be a URL of the form redis:\/\/host:port/],
    [['--postgres', 'postgres://u:hush@h/d'], /holds a password, .*DIBS_LAB_POSTGRES/],
  ] as const) {
    test(`is told what is wrong with ${args.join(' ')}`, async (t) => {
      const said = await lab(t, ['run', ...args, '--json']);
      assert.equal(said.code, 2, said.stderr);
      assert.equal(said.stdout, '');
      assert.match(problemOf(said).message, message);
      assert.doesNotMatch(said.stderr, /hush/);
    });
  }

  test('leaves other commands alone, whatever the lab is told by the environment', async (t) => {
    const { code, stderr } = await dibs(['token', '--help'], {
      cwd: temporaryFolder(t),
      env: { DIBS_LAB_REDIS: 'redis://x' },
    });
    assert.equal(code, 0, stderr);
    const audit = await dibs(['audit', 'x', '--json'], {
      cwd: temporaryFolder(t),
      env: { DIBS_LAB_REDIS: 'redis://x', DIBS_URL: 'http://127.0.0.1:1' },
    });
    assert.notEqual(problemOf(audit).code, 'invalid_configuration');
  });
});

/** Starts a run that takes long, and gives it once it has said so much. */
async function longRun(t: Cleanup, args: readonly string[], until: RegExp) {
  const cwd = temporaryFolder(t);
  const plain = Object.entries(process.env).filter(([name]) => !/^(DIBS_|NODE_TEST_CONTEXT$|NODE_OPTIONS$)/.test(name));
  const child = spawn(process.execPath, [bin, 'lab', 'run', ...args], {
    cwd,
    env: { ...Object.fromEntries(plain), PATH: '', TMPDIR: cwd },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(() => void child.kill('SIGKILL'));
  const exit = once(child, 'close') as Promise<[number | null]>;
  let said = '';
  const enough = new Promise<void>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (part) => {
        said += String(part);
        if (until.test(said)) resolve();
      });
    }
  });
  await Promise.race([enough, exit]);
  return { child, exit, cwd, said: () => said };
}

/** The first thing that a run makes is its folder. */
async function untilFilled(folder: string): Promise<void> {
  while (readdirSync(folder).length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
}

const untilEmpty = async (folder: string): Promise<void> => {
  while (readdirSync(folder).length > 0) await new Promise((resolve) => setTimeout(resolve, 5));
};

/** Once there is a coupon, a server of the run is at work. */
async function untilIssued(path: string): Promise<void> {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    try {
      const db = new DatabaseSync(path, { readOnly: true });
      const row = db.prepare('SELECT COUNT(*) AS issued FROM coupons').get();
      db.close();
      if (Number(row?.['issued']) > 0) return;
    } catch {
      // Not there yet, or locked just now.
    }
  }
}

describe('a run that is broken off', () => {
  // Every insert of ten takes a second, of which one after another would be minutes.
  const slow = ['mutex', 'unique-user', '--fault', 'slow-db', '--claims', '4000', '--capacity', '1000'];

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    test(`by ${signal} takes down all that it has made`, async (t) => {
      const { child, exit, cwd, said } = await longRun(t, slow, /1 of 2: mutex/);
      await untilFilled(cwd);
      child.kill(signal);
      assert.deepEqual((await exit)[0], 1, said());
      assert.match(said(), /Stopped before the end, after 0 of 2 runs\./);
      assert.deepEqual(readdirSync(cwd), []);
    });
  }

  test('by one Ctrl-C that comes twice, as npm passes it on', async (t) => {
    const { child, exit, cwd, said } = await longRun(t, slow, /1 of 2: mutex/);
    await untilFilled(cwd);
    child.kill('SIGINT');
    await new Promise((resolve) => setTimeout(resolve, 20));
    child.kill('SIGINT');
    // The second may come when all is done and the process is about to end; then it ends by that.
    assert.ok([1, null].includes((await exit)[0]), said());
    assert.match(said(), /Stopped before the end/);
    assert.deepEqual(readdirSync(cwd), []);
  });

  test('by Ctrl-C in the step view too', async (t) => {
    const { child, exit, cwd, said } = await longRun(t, [...slow, '--trace'], /^/);
    await untilFilled(cwd);
    child.kill('SIGINT');
    assert.equal((await exit)[0], 1, said());
    assert.deepEqual(readdirSync(cwd), []);
  });

  test('by a reader who has read enough', async (t) => {
    // What is written after he has gone is the step view of the next one.
    const args = ['sql-count:ge', 'mutex', 'unique-user', '--fault', 'slow-db', '--claims', '400', '--trace'];
    const { child, exit, cwd, said } = await longRun(t, args, /two claims, one place/);
    child.stdout.destroy();
    assert.equal((await exit)[0], 1, said());
    assert.match(said(), /Stopped before the end/);
    assert.deepEqual(readdirSync(cwd), []);
  });

  test('shows what it had found by then', async (t) => {
    const { child, exit, said } = await longRun(t, ['sql-count:ge', ...slow], /2 of 3: mutex/);
    child.kill('SIGINT');
    assert.equal((await exit)[0], 1);
    assert.match(said(), /^sql-count:ge .*\n.* over /m);
    assert.match(said(), /Stopped before the end, after 1 of 3 runs\./);
    assert.doesNotMatch(said(), /every verdict as expected/);
  });

  test('by SIGKILL leaves no files either: its processes see to that', async (t) => {
    const { child, exit, cwd } = await longRun(t, slow, /1 of 2: mutex/);
    await untilFilled(cwd);
    await untilIssued(join(cwd, readdirSync(cwd)[0] ?? '', 'lab.db'));
    child.kill('SIGKILL');
    await exit;
    await untilEmpty(cwd);
  });
});

describeService('redis', 'on a machine that has Redis', () => {
  test('the lab starts it, says so, and ends it', async (t) => {
    const { PATH = '', HOME = '' } = process.env;
    const { code, stdout, stderr } = await lab(t, ['run', 'redis-incr', 'dibs-redis', ...small], { PATH, HOME });
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^starting redis …$/m);
    assert.match(stdout, /^redis-incr +20\/20/m);
    assert.match(stdout, /^dibs-redis +20\/20/m);
  });
});
