/** The step view: two claims in strict turns, told by what really ran. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { describeService } from '../services/shared.ts';
import { story, traceOf } from './bench.ts';

describe('two claims for one place', () => {
  test('count, count, insert, insert', async () => {
    const trace = await traceOf('sql-count:ge');
    assert.deepEqual(story(trace), [
      'A SELECT COUNT(*) -> 0',
      'B SELECT COUNT(*) -> 0',
      'A INSERT INTO -> 1 row',
      'B INSERT INTO -> 1 row',
    ]);
    assert.deepEqual([trace.issued, trace.verdict, trace.answers], [2, 'over', ['won', 'won']]);
    assert.match(trace.lines[2]?.text ?? '', /VALUES \('user-1'\)$/);
  });

  test('who waits for a lock in memory goes on when it is free', async () => {
    const trace = await traceOf('mutex');
    assert.deepEqual(story(trace), [
      'A mutex.lock() -> free',
      'B mutex.lock() -> waits',
      'A SELECT COUNT(*) -> 0',
      'A INSERT INTO -> 1 row',
      'A mutex.unlock() -> done',
      'B goes on -> has waited',
      'B SELECT COUNT(*) -> 1',
      'B mutex.unlock() -> done',
    ]);
    assert.equal(trace.verdict, 'safe');
  });

  test('four servers have a lock each', async () => {
    const trace = await traceOf('mutex', { servers: 4 });
    assert.ok(story(trace).every((line) => !line.endsWith('waits')));
    assert.deepEqual([trace.issued, trace.verdict], [2, 'over']);
  });

  test('threads share a counter', async () => {
    const trace = await traceOf('atomic-counter');
    assert.deepEqual(story(trace).slice(0, 2), ['A Atomics.add(counter, 1) -> 0', 'B Atomics.add(counter, 1) -> 1']);
    assert.equal(trace.verdict, 'safe');
  });

  test('who was slower with the version is told so by the database', async () => {
    const trace = await traceOf('optimistic-version:no-retry');
    assert.ok(
      story(trace).some((line) => /^B (UPDATE events|goes on) -> 0 rows$/.test(line)),
      story(trace).join('\n'),
    );
    assert.deepEqual(trace.answers, ['won', 'busy']);
  });

  test('one user twice', async () => {
    const trace = await traceOf('unique-user', { users: 'one' });
    assert.deepEqual(trace.users, ['user-1', 'user-1']);
    assert.deepEqual([trace.issued, trace.verdict], [1, 'safe']);
  });

  test('the engine decides in one step', async () => {
    const trace = await traceOf('dibs-sqlite');
    assert.deepEqual(story(trace), [
      "A dibs.claim('user-1') -> won, slot 1 (batch 1)",
      "B dibs.claim('user-2') -> sold-out (batch 2)",
    ]);
  });

  test('a slow insert is waited for, and strikes no other fault', async () => {
    const trace = await traceOf('sql-count:ge', { fault: 'slow-db' });
    assert.deepEqual(story(trace), [
      'A SELECT COUNT(*) -> 0',
      'B SELECT COUNT(*) -> 0',
      'A INSERT INTO -> waits',
      'B INSERT INTO -> 1 row',
      'A goes on -> 1 row',
    ]);
    assert.equal(trace.fault, 'slow-db');
    assert.equal((await traceOf('sql-count:ge', { fault: 'db-error' })).fault, null);
  });
});

describeService('redis', 'two claims, with Redis', () => {
  test('a lock that expires in the middle is had by both', async () => {
    const trace = await traceOf('distributed-lock', { services: ['redis'], fault: 'slow-db' });
    const told = story(trace);
    const lines = [
      'A SET lock -> OK',
      'A INSERT INTO -> waits',
      'B SET lock -> OK',
      'B INSERT INTO -> 1 row',
      'A goes on -> 1 row',
    ];
    assert.deepEqual(
      told.filter((line) => lines.includes(line)),
      lines,
      told.join('\n'),
    );
    assert.deepEqual([trace.issued, trace.verdict, trace.isCut], [2, 'over', false]);
  });

  test('what is in the one step of the engine Redis itself tells', async () => {
    const { lines, verdict } = await traceOf('dibs-redis', { services: ['redis'] });
    const [first, second] = lines;
    const commands = (line: typeof first): string[] =>
      (line?.seen ?? []).map((said) => said.split(' ').slice(0, 2).join(' '));
    for (const command of ['XADD outbox', 'HSET users']) {
      assert.ok(commands(first).includes(command), commands(first).join('\n'));
      assert.ok(!commands(second).includes(command), commands(second).join('\n'));
    }
    assert.match(first?.seen[0] ?? '', /^EVAL(SHA [0-9a-f]{8}| \(script\)) 3 event users outbox/);
    assert.ok(second?.seen.some((said) => said === 'HMGET users user-2'));
    assert.equal(verdict, 'safe');
  });
});

describeService(['redis', 'kafka'], 'two claims, with Kafka', () => {
  test('what a consumer does stands below the claim that has sent it', async () => {
    const trace = await traceOf('redis-incr-kafka:1-partition', { services: ['redis', 'kafka'] });
    const consumed = trace.lines.filter(({ byConsumer }) => byConsumer);
    assert.deepEqual(
      consumed.map(({ claim, text }) => [claim, text.includes("'user-1', 1")]),
      [[0, true]],
    );
  });
});
