/** Redis counts, Kafka carries, a consumer inserts. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { describeService } from '../services/shared.ts';
import { endings, runOf } from './bench.ts';

describeService(['redis', 'kafka'], 'with Redis and Kafka', () => {
  const common = { services: ['redis', 'kafka'] } as const;

  describe('they hold', () => {
    endings(
      [
        ['redis-incr-kafka:1-partition', {}, 'safe'],
        ['redis-incr-kafka:2-partitions-keyed', {}, 'safe'],
        ['redis-incr-kafka:2-partitions-keyed', { fault: 'slow-db', capacity: 20 }, 'safe'],
        ['redis-incr-kafka:2-partitions-keyed', { servers: 4 }, 'safe'],
        ['redis-sadd-incr-kafka', {}, 'safe'],
        ['redis-sadd-incr-kafka', { users: 'one' }, 'safe'],
        ['redis-sadd-incr-kafka', { users: 'one', fault: 'lost-reply' }, 'safe'],
        ['redis-sadd-incr-kafka-failed', {}, 'safe'],
        ['redis-sadd-incr-kafka-failed', { servers: 4 }, 'safe'],
        ['redis-sadd-incr-kafka-failed', { users: 'one', fault: 'db-error' }, 'safe'],
        ['lock-user:send', {}, 'safe'],
        ['lock-user:send', { servers: 4 }, 'safe'],
        ['redis-sadd-incr-kafka', { servers: 4 }, 'safe'],
        ['redis-incr-kafka:1-partition', { servers: 4 }, 'safe'],
      ],
      common,
    );
  });

  describe('they break', () => {
    endings(
      [
        ['redis-incr-kafka:1-partition', { users: 'one' }, 'duplicates'],
        ['redis-incr-kafka:1-partition', { fault: 'crash-between' }, ['leaked', 'duplicates', 'misled']],
        ['redis-incr-kafka:1-partition', { fault: 'duplicate-delivery' }, 'duplicates'],
        ['redis-incr-kafka:1-partition', { fault: 'db-error' }, 'lost'],
        ['redis-incr-kafka:2-partitions', { fault: 'slow-db', inFlight: 2, capacity: 20 }, 'out-of-order'],
        ['redis-incr-kafka:2-partitions-keyed', { fault: 'db-error' }, 'lost'],
        ['redis-sadd-incr-kafka', { fault: 'crash-between' }, 'locked-out'],
        ['redis-sadd-incr-kafka', { fault: 'lost-reply' }, 'locked-out'],
        ['redis-sadd-incr-kafka', { fault: 'db-error' }, 'lost'],
        ['redis-sadd-incr-kafka', { fault: 'duplicate-delivery' }, 'duplicates'],
        ['redis-sadd-incr-kafka-failed', { fault: 'crash-between' }, 'locked-out'],
        ['redis-sadd-incr-kafka-failed', { fault: 'duplicate-delivery' }, 'duplicates'],
        ['lock-user:send', { users: 'one', fault: 'slow-db' }, 'duplicates'],
        ['lock-user:send', { users: 'one', fault: 'duplicate-delivery' }, 'duplicates'],
        ['lock-user:send', { users: 'one', fault: 'db-error' }, ['duplicates', 'leaked']],
        ['lock-user:send', { fault: 'db-error' }, 'lost'],
      ],
      common,
    );
  });

  test('whoever counts the coupons right after the answers finds too few', async () => {
    const { issuedAtOnce, issued } = await runOf('redis-incr-kafka:1-partition', { ...common, fault: 'slow-db' });
    assert.ok((issuedAtOnce ?? 40) < 40, `${String(issuedAtOnce)} of 40`);
    assert.equal(issued, 40);
  });

  test('what failed is reissued, and counts as what the coupons cost and when the last one came', async () => {
    const asked = { ...common, fault: 'db-error' } as const;
    const { struck, issued, lost, ...failed } = await runOf('redis-sadd-incr-kafka-failed', asked);
    assert.ok((struck ?? 0) > 0);
    assert.deepEqual([issued, lost], [40, 0]);
    // 400 claims: SADD and INCR of each, 40 records sent and as many inserts. Of what has failed, instead of the insert one into
    // the table of failures, and later BEGIN, INSERT, DELETE, COMMIT. One SELECT for all of them.
    const statements = 2 * 400 + 2 * 40 + 5 * (struck ?? 0) + 1;
    assert.equal(Math.round((failed.statementsPerClaim ?? 0) * 400), statements);
    assert.ok((failed.lastCouponSeconds ?? 0) > failed.seconds);
  });

  test('a loser who comes again is told that he has a coupon', async () => {
    const { lockedOut, issued, struck } = await runOf('redis-sadd-incr-kafka', { ...common, fault: 'lost-reply' });
    // Of 360 losers every tenth.
    assert.deepEqual([lockedOut, issued, struck], [36, 40, 40]);
  });
});

for (const database of ['mariadb', 'postgres'] as const) {
  describeService(['redis', 'kafka', database], `with Redis, Kafka and ${database}`, () => {
    endings(
      [
        ['redis-incr-kafka:1-partition', {}, 'safe'],
        ['redis-sadd-incr-kafka', {}, 'safe'],
        ['redis-sadd-incr-kafka-failed', { fault: 'db-error', inFlight: 8 }, 'out-of-order'],
      ],
      { database, services: ['redis', 'kafka', database] },
    );
  });
}
