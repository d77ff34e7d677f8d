/** Redis counts and locks. */
import { describe } from 'node:test';
import { describeService } from '../services/shared.ts';
import { endings } from './bench.ts';

describeService('redis', 'with Redis', () => {
  describe('they hold', () => {
    for (const servers of [1, 4] as const) {
      endings(
        [
          ['distributed-lock', {}, 'safe'],
          ['redis-incr', {}, 'safe'],
          ['lock-user:insert', {}, 'safe'],
          ['lock-user:insert', { users: 'one' }, 'safe'],
          ['lock-user:insert', { fault: 'lost-reply' }, 'safe'],
          ['dibs-redis', {}, 'safe'],
          ['dibs-redis', { users: 'one' }, 'safe'],
        ],
        { servers, services: ['redis'] },
      );
    }
    endings([['lock-user:insert', { users: 'one', fault: 'slow-db' }, 'safe']], { services: ['redis'] });
  });

  describe('they break', () => {
    endings(
      [
        ['distributed-lock', { fault: 'slow-db', capacity: 20 }, 'over'],
        ['distributed-lock', { fault: 'db-error' }, 'turned-away'],
        // It holds where the server is not killed right between a coupon and its answer.
        ['distributed-lock', { fault: 'crash-between' }, ['duplicates', 'misled', 'safe']],
        ['distributed-lock', { users: 'one' }, 'duplicates'],
        ['redis-incr', { fault: 'crash-between' }, 'leaked'],
        ['redis-incr', { fault: 'db-error' }, 'leaked'],
        ['redis-incr', { fault: 'lost-reply' }, 'duplicates'],
        ['redis-incr', { users: 'one' }, 'duplicates'],
        ['lock-user:insert', { fault: 'db-error' }, 'leaked'],
        ['lock-user:insert', { fault: 'crash-between', capacity: 20 }, 'leaked'],
        ['lock-user:insert', { fault: 'crash-between', users: 'one', servers: 4 }, 'leaked'],
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
        ['dibs-redis', { fault: 'db-error', servers: 4 }, 'safe'],
      ],
      { services: ['redis'] },
    );
  });
});

for (const database of ['mariadb', 'postgres'] as const) {
  describeService(['redis', database], `with Redis and ${database}`, () => {
    endings(
      [
        ['distributed-lock', { servers: 4 }, 'safe'],
        ['redis-incr', {}, 'safe'],
        ['dibs-redis', { servers: 4 }, 'safe'],
        ['dibs-redis', { fault: 'slow-db' }, 'safe'],
      ],
      { database, services: ['redis', database] },
    );
  });
}
