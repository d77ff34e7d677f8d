import { whereTheyMeet, withoutLeaks, withoutUserLimit } from '../expecting.ts';
import { underRedisLock } from '../redis-lock.ts';
import type { Strategy } from '../strategy.ts';

// Some hundred times what count and insert take, and a quarter of what a slow insert takes.
const expiryMs = 250;

/** Count and insert under a lock in Redis. */
export const strategy: Strategy = {
  name: 'distributed-lock',
  lesson: {
    en: 'One lock for all servers keeps count and insert together, at the price of four round trips that everybody waits for. The lock has to expire, since whoever holds it may die; where the work takes longer than that, two hold it at once.',
    ko: '모든 서버가 같은 락 하나를 쓰니 세기와 넣기가 한 덩어리가 되지만, 왕복 네 번을 모두가 줄 서서 기다린다. 락을 쥔 서버가 죽을 수 있으니 만료 시간이 있어야 하고, 일이 그보다 오래 걸리면 두 명이 동시에 락을 쥔다.',
  },
  variants: [],
  needs: () => ['redis'],
  crashBehind: 'SET lock',
  expects: (circumstances) =>
    withoutUserLimit(circumstances, {
      ...withoutLeaks(['safe']),
      slow: whereTheyMeet(circumstances, 'over'),
      // Between coupon and answer the lock is given back.
      crashed: ['duplicates', 'misled', 'safe'],
    }),
  open: ({ capacity }) => ({
    claim: (userId, session) =>
      underRedisLock(session, { key: 'lock', expiryMs }, async () => {
        const { sql } = session;
        if ((await sql.number('SELECT COUNT(*) FROM coupons')) >= capacity) return 'sold-out';
        await sql.run('INSERT INTO coupons (user_id) VALUES (?)', userId);
        return 'won';
      }),
  }),
};
