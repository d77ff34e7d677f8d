import { whereTheyMeet, withoutLeaks, withoutUserLimit } from '../expecting.ts';
import { Mutex } from '../mutex.ts';
import type { Strategy } from '../strategy.ts';

const told = (hasWaited: boolean): string => (hasWaited ? 'has waited' : 'free');

/** Count and insert in a synchronized section. */
export const strategy: Strategy = {
  name: 'mutex',
  lesson: {
    en: 'One claim at a time counts and inserts, so that nothing comes in between, and every claim pays for the wait. The lock is in the memory of one server: four servers have four locks, and their claims race as before.',
    ko: '한 번에 한 신청만 세고 넣으니 그 사이에 아무도 끼어들 수 없고, 대신 모두가 줄을 서서 기다린다. 그런데 락은 서버 한 대의 메모리에 있어서, 서버가 네 대면 락도 네 개가 되고 서로 다른 서버의 신청끼리는 그대로 경쟁한다.',
  },
  variants: [],
  needs: () => [],
  crashBehind: 'SELECT COUNT',
  expects(circumstances) {
    const usual = circumstances.servers === 1 ? (['safe'] as const) : whereTheyMeet(circumstances, 'over');
    // The one that is killed behind its count is the only one of its server that could have inserted.
    return withoutUserLimit(circumstances, { ...withoutLeaks(usual), untold: [] });
  },
  open({ capacity }) {
    const mutex = new Mutex();
    return {
      async claim(userId, { sql, local, waited }) {
        if (await local('mutex.lock()', () => mutex.lock(), told)) waited();
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
