import { withoutUserLimit } from '../expecting.ts';
import type { Strategy } from '../strategy.ts';

/** Redis counts, Kafka carries, and a consumer inserts when it gets to it. */
export const strategy: Strategy = {
  name: 'redis-incr-kafka',
  lesson: {
    en: 'The answer no longer waits for the database, which gets its rows at the pace that it can bear: whoever counts them right after the answers finds too few. One partition keeps the order in which messages were sent, two keep it only among those of one key.',
    ko: '응답이 데이터베이스를 기다리지 않고 데이터베이스는 견딜 수 있는 속도로 행을 받으니, 응답 직후에 세어 보면 모자란다. 파티션이 하나면 보낸 순서가 지켜지고, 둘이면 키가 같은 것끼리만 지켜진다.',
  },
  variants: ['1-partition', '2-partitions', '2-partitions-keyed'],
  needs: () => ['redis', 'kafka'],
  partitions: (variant) => (variant === '1-partition' ? 1 : 2),
  crashBehind: 'INCR',
  expects(circumstances) {
    const inOrder = circumstances.variant !== '2-partitions';
    return withoutUserLimit(circumstances, {
      usual: inOrder ? ['safe'] : ['out-of-order', 'safe'],
      // One partition of the two is slow; but all winners may have been on their way at once, and then none was first.
      slow: inOrder ? ['safe'] : ['out-of-order', 'safe'],
      failing: ['lost'],
      crashed: ['leaked'],
      // What was sent is inserted by a consumer.
      untold: ['duplicates', 'misled'],
      twice: ['duplicates'],
    });
  },
  open: ({ capacity, variant }) => ({
    async claim(userId, { redis, send }) {
      const number = Number(await redis.send('INCR', 'issued'));
      if (number > capacity) return 'sold-out';
      // With the event as the key all messages take one partition, and the other has nothing to do.
      await send({ userId, number }, variant === '2-partitions-keyed' ? 'event-1' : undefined);
      return 'won';
    },
  }),
  async consume({ userId, number }, { sql }) {
    await sql.run('INSERT INTO coupons (user_id, number) VALUES (?, ?)', userId, number);
  },
  allotted: async ({ redis }, { capacity }) => Math.min(capacity, Number(await redis.send('GET', 'issued'))),
};
