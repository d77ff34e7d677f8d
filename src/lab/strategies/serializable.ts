import { setTimeout as pause } from 'node:timers/promises';
import { isRace, withoutLeaks, withoutUserLimit } from '../expecting.ts';
import type { Strategy } from '../strategy.ts';
import { isRefused } from '../trouble.ts';

const pauseMsMax = 20;

/** Count and insert in a transaction of the strictest isolation. */
export const strategy: Strategy = {
  name: 'serializable',
  lesson: {
    en: 'The database lets transactions pass only where they could have come one after another, and takes back the others. It is right only together with the retry, and the more come at once, the more of the work is done for nothing.',
    ko: '데이터베이스는 차례로 실행한 것과 결과가 같은 트랜잭션만 통과시키고 나머지는 되돌린다. 재시도까지 해야 비로소 맞는 답이 되고, 한꺼번에 많이 올수록 헛일이 늘어난다.',
  },
  variants: ['retry', 'no-retry'],
  needs: () => [],
  crashBehind: 'SELECT COUNT',
  expects(circumstances) {
    const isSafe = circumstances.variant === 'retry' || !isRace(circumstances);
    return withoutUserLimit(circumstances, withoutLeaks([isSafe ? 'safe' : 'turned-away']));
  },
  open: ({ capacity, variant }) => ({
    async claim(userId, { sql }) {
      for (;;) {
        try {
          return await sql.transaction(async () => {
            if ((await sql.number('SELECT COUNT(*) FROM coupons')) >= capacity) return 'sold-out';
            await sql.run('INSERT INTO coupons (user_id) VALUES (?)', userId);
            return 'won';
          }, 'serializable');
        } catch (error) {
          if (variant === 'no-retry' || !isRefused(error, 'deadlock', 'conflict')) throw error;
          // All that were taken back at once would meet again at once.
          await pause(Math.random() * pauseMsMax);
        }
      }
    },
  }),
};
