/** Redis counts and locks. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { describeService, sharedService } from '../services/shared.ts';
import { openRedis } from '../../src/lab/stores/redis.ts';
import { endings, outcomeOf } from './bench.ts';

describeService('redis', 'with Redis', () => {
  describe('they hold', () => {
    for (const servers of [1, 4] as const) {
      endings(
        [
          ['distributed-lock', {}, 'safe'],
          ['redis-incr', {}, 'safe'],
          ['lock-user:insert', {}, 'safe'],
          ['lock-user:insert', { users: 'one' }, 'safe'],
          ['dibs-redis', {}, 'safe'],
          ['dibs-redis', { users: 'one' }, 'safe'],
        ],
        { servers, services: ['redis'] },
      );
    }
  });

  describe('they break', () => {
    endings(
      [
        ['distributed-lock', { fault: 'slow-db', capacity: 20 }, 'over'],
        ['distributed-lock', { users: 'one' }, 'duplicates'],
        ['redis-incr', { fault: 'crash-between' }, ['leaked', 'duplicates']],
        ['redis-incr', { fault: 'db-error' }, 'leaked'],
        ['redis-incr', { fault: 'lost-reply' }, 'duplicates'],
        ['redis-incr', { users: 'one' }, 'duplicates'],
        ['lock-user:insert', { fault: 'crash-between' }, ['leaked', 'duplicates']],
      ],
      { services: ['redis'] },
    );
  });

  describe('the engine does not', () => {
    endings(
      [
        ['dibs-redis', { fault: 'crash-between' }, 'safe'],
        ['dibs-redis', { fault: 'crash-between', servers: 4 }, 'safe'],
        ['dibs-redis', { fault: 'lost-reply', servers: 4 }, 'safe'],
      ],
      { services: ['redis'] },
    );
  });

  test('nothing is left there', async () => {
    await outcomeOf('redis-incr', { services: ['redis'] });
    await outcomeOf('dibs-redis', { services: ['redis'] });
    const redis = await openRedis(await sharedService('redis'));
    const keyspace = String(await redis.send(['INFO', 'keyspace']));
    const left = await redis.send(['KEYS', '*dibs_lab*']);
    await redis.close();
    assert.deepEqual(left, []);
    assert.doesNotMatch(keyspace, /db1[0-5]:/);
  });
});
