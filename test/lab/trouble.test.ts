/** Stores that fail, processes that end, and a lab that is stopped in the midst: what is left is nothing, and the rest goes on. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { after, before, describe, test } from 'node:test';
import { findStrategy } from '../../src/lab/catalog.ts';
import { type LabHooks, type LabOutcome, type LabPlan, runLab } from '../../src/lab/lab.ts';
import { makePlace } from '../../src/lab/place.ts';
import { openRedis } from '../../src/lab/stores/redis.ts';
import type { DatabaseName } from '../../src/lab/terms.ts';
import { runSql } from '../../services/databases.ts';
import { type Service, startService } from '../../services/services.ts';
import { describeService } from '../services/shared.ts';
import { nowhere, planOf } from './bench.ts';

const names = ['redis', 'kafka', 'mariadb', 'postgres'] as const;
const servers = ['mariadb', 'postgres'] as const;
const quiet: LabHooks = { begun() {}, answered() {}, traced() {} };

async function outcomesOf(plan: LabPlan, hooks: Partial<LabHooks> = {}): Promise<LabOutcome[]> {
  const outcomes: LabOutcome[] = [];
  for await (const outcome of runLab(plan, { ...quiet, ...hooks })) outcomes.push(outcome);
  return outcomes;
}

const select = (called: string, database: DatabaseName = 'sqlite'): LabPlan['selected'][number] => {
  const [name = '', variant = null] = called.split(':');
  return { strategy: findStrategy(name), variant, database };
};

describe('a process that ends by itself', () => {
  const folder = mkdtempSync(join(tmpdir(), 'dibs-trouble-'));
  after(() => rmSync(folder, { recursive: true }));

  test('ends its run alone, which says so', async () => {
    const module = join(folder, 'ends.mjs');
    writeFileSync(module, 'process.exit(3);\n');
    const plan = planOf({ selected: [select('mutex'), select('for-share')], module });
    const [ended, skipped] = await outcomesOf(plan);
    assert.match(ended?.skip?.reason.en ?? '', /^broke off: a process of the run has ended/);
    assert.deepEqual([ended?.skip?.isTrouble, skipped?.skip?.isTrouble], [true, false]);
  });
});

// A Redis, a Kafka and two databases of its own: what is looked for is whether anything is left there, and by nobody else.
describeService([...names], 'with services that nobody shares', () => {
  const started = new Map<string, Service>();
  const found = mkdtempSync(join(tmpdir(), 'dibs-trouble-'));
  const made = join(found, 'made');
  const given = process.env['TMPDIR'];

  before(async () => {
    await Promise.all(names.map(async (name) => started.set(name, await startService(name))));
    // From here on all that is put into a temporary folder shows.
    mkdirSync(made);
    process.env['TMPDIR'] = made;
  });
  after(async () => {
    if (given === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = given;
    await Promise.all([...started.values()].map((service) => service.stop()));
    rmSync(found, { recursive: true });
  });

  const urlOf = (name: string): string => started.get(name)?.url ?? '';
  const addresses = () =>
    Object.fromEntries(names.map((name) => [name, urlOf(name)])) as Record<(typeof names)[number], string>;
  const plan = (called: string, database: DatabaseName, changes: Partial<LabPlan> = {}): LabPlan =>
    planOf({
      selected: [select(called, database)],
      services: { addresses: addresses(), absences: nowhere },
      ...changes,
    });

  /** All there is in the stores and the temporary folder that was not there before. */
  async function left(): Promise<string[]> {
    const redis = await openRedis(urlOf('redis'));
    const keyspace = String(await redis.send(['INFO', 'keyspace']));
    await redis.close();
    const { Admin } = await import('@platformatic/kafka');
    const admin = new Admin({ clientId: 'test', bootstrapBrokers: [new URL(urlOf('kafka')).host] });
    const topics = await admin.listTopics();
    await admin.close();
    const databases = await Promise.all([
      runSql(urlOf('mariadb'), "SHOW DATABASES LIKE 'dibs\\_lab%'"),
      runSql(urlOf('postgres'), "SELECT datname FROM pg_database WHERE datname LIKE 'dibs_lab%'"),
    ]);
    const keys = keyspace.split('\n').filter((line) => line.startsWith('db'));
    return [...keys, ...topics, ...databases.join('\n').split('\n'), ...readdirSync(made)].filter(
      (one) => one.trim() !== '',
    );
  }

  test('what a run makes is found as long as it is there', async () => {
    const wanted = { redis: 'keys', partitions: 1, tables: true } as const;
    const places = await Promise.all(servers.map((database) => makePlace(database, addresses(), wanted)));
    const redis = await openRedis(urlOf('redis'));
    await redis.send(['SET', `${places[0]?.place.keyPrefix ?? ''}issued`, '1']);
    await redis.close();
    // Two databases, two topics, two folders, and the keys of one.
    assert.equal((await left()).length, 7);
    await Promise.all(places.map((place) => place.remove()));
    assert.deepEqual(await left(), []);
  });

  for (const database of servers) {
    test(`a run on ${database} leaves nothing`, async () => {
      for (const called of ['redis-sadd-incr-kafka-failed', 'dibs-redis']) {
        const [outcome] = await outcomesOf(plan(called, database));
        assert.equal(outcome?.run?.verdict, 'safe', outcome?.skip?.reason.en);
      }
      assert.deepEqual(await left(), []);
    });

    for (const [called, fault] of [
      ['lock-user:send', 'slow-db'],
      ['for-update:wait', null],
      ['dibs-redis', 'slow-db'],
    ] as const) {
      test(`nor does ${called} on ${database} that is stopped in the midst`, async () => {
        const stop = new AbortController();
        const circumstances = { servers: 4, users: 'all', inFlight: 32, fault } as const;
        const stopped = plan(called, database, { signal: stop.signal, circumstances });
        await assert.rejects(outcomesOf(stopped, { answered: () => stop.abort() }), { name: 'AbortError' });
        assert.deepEqual(await left(), []);
      });
    }

    test(`nor does the step view on ${database} that is stopped in the midst`, async () => {
      const stop = new AbortController();
      const stopped = plan('for-update:wait', database, { signal: stop.signal, isTraced: true });
      const running = outcomesOf(stopped);
      running.catch(() => undefined);
      while ((await left()).length === 0) await pause(5);
      stop.abort();
      await assert.rejects(running, { name: 'AbortError' });
      assert.deepEqual(await left(), []);
    });
  }

  test('what cannot begin leaves nothing of what it had made by then', async () => {
    const services = { addresses: { ...addresses(), kafka: 'kafka://127.0.0.1:1' }, absences: nowhere };
    const [outcome] = await outcomesOf(plan('redis-incr-kafka:1-partition', 'mariadb', { services }));
    assert.match(outcome?.skip?.reason.en ?? '', /^Kafka at 127\.0\.0\.1:1 makes no topic: connect ECONNREFUSED/);
    assert.equal(outcome?.skip?.isTrouble, true);
    assert.deepEqual(await left(), []);
  });

  test('what somebody else puts into the Redis of an engine stays', async () => {
    const redis = await openRedis(new URL('/15', urlOf('redis')).href);
    const puts: Promise<unknown>[] = [];
    const [outcome] = await outcomesOf(plan('dibs-redis', 'sqlite'), {
      answered: () => (puts.length === 0 ? puts.push(redis.send(['SET', 'somebody', '1'])) : undefined),
    });
    await Promise.all(puts);
    assert.equal(outcome?.run?.verdict, 'safe', outcome?.skip?.reason.en);
    assert.deepEqual(await redis.send(['KEYS', '*']), ['somebody']);
    await redis.send(['DEL', 'somebody']);
    await redis.close();
  });

  // The last: afterwards there is no Redis.
  test('a store that dies costs the run that was on it, and no other', async () => {
    const selected = [select('mutex'), select('redis-incr'), select('unique-user'), select('redis-incr')];
    let place = 0;
    const outcomes = await outcomesOf(plan('mutex', 'sqlite', { selected, claims: 1_000, capacity: 500 }), {
      begun: (begun) => (place = begun.place),
      answered: () => (place === 2 ? started.get('redis')?.signal('SIGKILL') : undefined),
    });
    assert.deepEqual(
      outcomes.map(({ run, skip }) => run?.verdict ?? skip?.isTrouble),
      ['safe', true, 'safe', true],
    );
    assert.match(outcomes[1]?.skip?.reason.en ?? '', /^broke off: /);
  });
});
