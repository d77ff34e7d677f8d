import type { Strategy } from '../strategy.ts';

/** One a user: whoever is in the set already is refused. */
export const strategy: Strategy = {
  name: 'redis-sadd-incr-kafka',
  lesson: {
    en: '`SADD` says in one step whether this user was there before, which no look at the database could while the rows are still on their way. But it is a step of its own: a crash before `INCR` locks the user out without a coupon, and a loser who comes again is told that he has one.',
    ko: '`SADD`는 이 사용자가 전에 왔었는지를 한 동작으로 알려 주는데, 행이 아직 오는 중일 때는 데이터베이스를 들여다봐도 알 수 없는 것이다. 그러나 따로 떨어진 동작이라, `INCR` 전에 죽으면 그 사용자는 쿠폰도 없이 영영 거절당하고, 자리를 놓친 사람도 다시 오면 이미 받았다는 답을 듣는다.',
  },
  variants: [],
  needs: () => ['redis', 'kafka'],
  partitions: () => 1,
  crashBehind: 'SADD',
  expects({ fault, users }) {
    if (fault === 'crash-between') return ['locked-out'];
    if (fault === 'duplicate-delivery') return ['duplicates'];
    if (fault === 'db-error') return ['lost'];
    // Losers stay in the set: one who comes again is told that he has a coupon.
    return fault === 'lost-reply' && users === 'all' ? ['locked-out'] : ['safe'];
  },
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
