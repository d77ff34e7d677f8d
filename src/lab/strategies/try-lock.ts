import { whereTheyMeet, withoutLeaks, withoutUserLimit } from '../expecting.ts';
import { Mutex } from '../mutex.ts';
import type { Strategy } from '../strategy.ts';

/** As `mutex`, but whoever finds the lock taken is refused at once. */
export const strategy: Strategy = {
  name: 'try-lock',
  lesson: {
    en: 'Nobody waits, so that the server stays fast; whoever comes while another is served is sent away, although there are places. It is no longer who comes first that wins, but who hits a free moment.',
    ko: '아무도 기다리지 않으니 서버는 빠르지만, 다른 신청을 처리하는 동안 온 사람은 자리가 있어도 돌려보낸다. 먼저 온 사람이 아니라 빈틈에 맞춰 온 사람이 당첨되니 선착순이 아니다.',
  },
  variants: [],
  needs: () => [],
  // Few get as far as the count.
  crashBehind: 'mutex.tryLock',
  expects(circumstances) {
    const { inFlight, servers } = circumstances;
    // Each client stays with its server: where no two have the same, nobody finds a lock taken, and two may be at one place.
    if (inFlight <= servers) return withoutUserLimit(circumstances, withoutLeaks(whereTheyMeet(circumstances, 'over')));
    const usual = servers === 1 ? (['turned-away'] as const) : (['turned-away', 'over'] as const);
    return withoutUserLimit(circumstances, { usual, failing: usual });
  },
  open({ capacity }) {
    const mutex = new Mutex();
    return {
      async claim(userId, { sql, local }) {
        if (!(await local('mutex.tryLock()', () => mutex.tryLock()))) return 'busy';
        try {
          if ((await sql.number('SELECT COUNT(*) FROM coupons')) >= capacity) return 'sold-out';
          await sql.run('INSERT INTO coupons (user_id) VALUES (?)', userId);
          return 'won';
        } finally {
          await local('mutex.unlock()', () => mutex.unlock());
        }
      },
    };
  },
};
