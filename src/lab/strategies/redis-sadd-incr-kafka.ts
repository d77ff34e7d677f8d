import type { Strategy } from '../strategy.ts';

/** One a user: whoever is in the set already is refused. */
export const strategy: Strategy = {
  name: 'redis-sadd-incr-kafka',
  lesson: {
    en: '`SADD` says in one step whether this user was there before, which no look at the database could while the rows are still on their way. But it is a step of its own: whoever dies between `SADD` and `INCR` has locked the user out without a coupon.',
    ko: '`SADD`는 이 사용자가 전에 왔었는지를 한 동작으로 알려 준다. 행이 아직 오는 중일 때 데이터베이스를 들여다봐서는 알 수 없는 것이다. 그러나 따로 떨어진 동작이라, `SADD`와 `INCR` 사이에서 죽으면 그 사용자는 쿠폰도 없이 영영 거절당한다.',
  },
  variants: [],
  needs: () => ['redis', 'kafka'],
  partitions: () => 1,
  crashBehind: 'SADD',
  expects: ({ fault }) =>
    fault === 'crash-between'
      ? ['locked-out']
      : fault === 'duplicate-delivery'
        ? ['duplicates']
        : fault === 'db-error'
          ? ['lost']
          : ['safe'],
  open: ({ capacity }) => ({
    async claim(userId, { redis, send }) {
      if ((await redis.send('SADD', 'users', userId)) === 0) return 'already';
      const number = Number(await redis.send('INCR', 'issued'));
      if (number > capacity) return 'sold-out';
      await send({ userId, number });
      return 'won';
    },
  }),
  async consume({ userId, number }, { sql }) {
    await sql.run('INSERT INTO coupons (user_id, number) VALUES (?, ?)', userId, number);
  },
  allotted: async ({ redis }, { capacity }) => Math.min(capacity, Number(await redis.send('GET', 'issued'))),
};
