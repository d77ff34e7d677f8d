import { withoutUserLimit } from '../expecting.ts';
import type { Strategy } from '../strategy.ts';

/** Redis counts, the database keeps. */
export const strategy: Strategy = {
  name: 'redis-incr',
  lesson: {
    en: 'Redis does one command after another, so that `INCR` gives each number to one claim, whichever server asks. Number and row are two steps in two stores: whoever dies, or fails, between them takes the place along.',
    ko: 'Redis는 명령을 하나씩 처리하니, 어느 서버가 묻든 `INCR`은 한 번호를 한 신청에만 준다. 그러나 번호와 행은 두 저장소에서 따로 일어나는 동작이라, 그 사이에 죽거나 실패하면 자리 하나가 함께 사라진다.',
  },
  variants: [],
  needs: () => ['redis'],
  crashBehind: 'INCR',
  expects: (circumstances) =>
    withoutUserLimit(circumstances, { usual: ['safe'], failing: ['leaked'], crashed: ['leaked'] }),
  open: ({ capacity }) => ({
    async claim(userId, { redis, sql }) {
      const number = Number(await redis.send('INCR', 'issued'));
      if (number > capacity) return 'sold-out';
      await sql.run('INSERT INTO coupons (user_id, number) VALUES (?, ?)', userId, number);
      return 'won';
    },
  }),
  allotted: async ({ redis }, { capacity }) => Math.min(capacity, Number(await redis.send('GET', 'issued'))),
};
