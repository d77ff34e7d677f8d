import { whereTheyMeet, withoutLeaks, withoutUserLimit } from '../expecting.ts';
import type { Strategy } from '../strategy.ts';

/** Count, then insert. */
export const strategy: Strategy = {
  name: 'sql-count',
  lesson: {
    en: 'Between the SELECT and the INSERT of one claim the SELECTs of others see the same count, and all of them insert. With `count > 100` as the test it is one too many even where nobody races: at 100 coupons it still says yes.',
    ko: '한 신청의 SELECT와 INSERT 사이에 다른 신청들도 같은 개수를 읽고 모두 INSERT한다. 조건을 `count > 100`으로 쓰면 경쟁이 없어도 한 장이 더 나가는데, 이미 100장일 때도 통과하기 때문이다.',
  },
  variants: ['gt', 'ge'],
  needs: () => [],
  crashBehind: 'SELECT COUNT',
  expects(circumstances) {
    const usual = circumstances.variant === 'gt' ? (['over'] as const) : whereTheyMeet(circumstances, 'over');
    return withoutUserLimit(circumstances, withoutLeaks(usual));
  },
  open: ({ capacity, variant }) => ({
    async claim(userId, { sql }) {
      const count = await sql.number('SELECT COUNT(*) FROM coupons');
      if (variant === 'gt' ? count > capacity : count >= capacity) return 'sold-out';
      await sql.run('INSERT INTO coupons (user_id) VALUES (?)', userId);
      return 'won';
    },
  }),
};
