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
        ['redis-sadd-incr-kafka', {}, 'safe'],
        ['redis-sadd-incr-kafka', { users: 'one' }, 'safe'],
        ['redis-sadd-incr-kafka', { fault: 'lost-reply' }, 'safe'],
        ['redis-sadd-incr-kafka-failed', {}, 'safe'],
        ['redis-sadd-incr-kafka-failed', { users: 'one', fault: 'db-error' }, 'safe'],
        ['lock-user:send', {}, 'safe'],
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
        ['redis-incr-kafka:1-partition', { fault: 'crash-between' }, ['leaked', 'duplicates']],
        ['redis-incr-kafka:1-partition', { fault: 'duplicate-delivery' }, 'duplicates'],
        ['redis-incr-kafka:1-partition', { fault: 'db-error' }, 'lost'],
        ['redis-incr-kafka:2-partitions', { fault: 'slow-db' }, ['out-of-order', 'safe']],
        ['redis-sadd-incr-kafka', { fault: 'crash-between' }, 'locked-out'],
        ['redis-sadd-incr-kafka', { fault: 'db-error' }, 'lost'],
        ['redis-sadd-incr-kafka', { fault: 'duplicate-delivery' }, 'duplicates'],
        ['redis-sadd-incr-kafka-failed', { fault: 'crash-between' }, 'locked-out'],
        ['redis-sadd-incr-kafka-failed', { fault: 'duplicate-delivery' }, 'duplicates'],
        ['lock-user:send', { users: 'one' }, 'duplicates'],
      ],
      common,
    );
  });

  test('whoever counts the coupons right after the answers finds too few', async () => {
    const { issuedAtOnce, issued } = await runOf('redis-incr-kafka:1-partition', { ...common, fault: 'slow-db' });
    assert.ok((issuedAtOnce ?? 40) < 40, `${String(issuedAtOnce)} of 40`);
    assert.equal(issued, 40);
  });

  test('what failed is reissued, and nobody who was told that he has won is without a coupon', async () => {
    const { struck, issued, lost } = await runOf('redis-sadd-incr-kafka-failed', { ...common, fault: 'db-error' });
    assert.ok((struck ?? 0) > 0);
    assert.deepEqual([issued, lost], [40, 0]);
  });
});
