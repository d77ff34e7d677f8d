import { underRedisLock } from '../redis-lock.ts';
import type { Strategy } from '../strategy.ts';
import type { Circumstances } from '../terms.ts';
import type { Verdict } from '../verdict.ts';

// Some hundred times what it does under the lock, and more than twice what a slow insert takes: one that expires in the middle
// is no better than that of `distributed-lock`. Who dies with it keeps its user waiting for so long.
const expiryMs = 2_500;

/** One a user: look whether he has a coupon, under a lock on the user. */
export const strategy: Strategy = {
  name: 'lock-user',
  lesson: {
    en: 'The second click of a user waits until the first is done, and then finds his coupon, as long as the coupon is inserted under the lock. Where the row comes later, by a consumer, the lock is free before there is anything to find: the second click wins as well.',
    ko: '한 사용자의 두 번째 클릭은 첫 번째가 끝날 때까지 기다렸다가 이미 발급된 쿠폰을 발견하는데, 락 안에서 INSERT할 때만 그렇다. 컨슈머가 나중에 넣는다면 찾을 행이 생기기도 전에 락이 풀려 두 번째 클릭도 당첨된다.',
  },
  variants: ['insert', 'send'],
  needs: (variant) => (variant === 'send' ? ['redis', 'kafka'] : ['redis']),
  partitions: (variant) => (variant === 'send' ? 1 : 0),
  crashBehind: 'INCR',
  expects: ending,
  open: ({ capacity, variant }) => ({
    claim: (userId, session) =>
      underRedisLock(session, { key: `lock:${userId}`, expiryMs }, async () => {
        const { sql, redis, send } = session;
        const held = await sql.number('SELECT COUNT(*) FROM coupons WHERE user_id = ?', userId);
        if (held > 0) return 'already';
        const number = Number(await redis.send('INCR', 'issued'));
        if (number > capacity) return 'sold-out';
        if (variant === 'send') await send({ userId, number });
        else await sql.run('INSERT INTO coupons (user_id, number) VALUES (?, ?)', userId, number);
        return 'won';
      }),
  }),
  async consume({ userId, number }, { sql }) {
    await sql.run('INSERT INTO coupons (user_id, number) VALUES (?, ?)', userId, number);
  },
  allotted: async ({ redis }, { capacity }) => Math.min(capacity, Number(await redis.send('GET', 'issued'))),
};

function ending({ fault, users, variant }: Circumstances): readonly Verdict[] {
  if (variant === 'insert') return fault === 'crash-between' || fault === 'db-error' ? ['leaked'] : ['safe'];
  if (fault === 'duplicate-delivery') return ['duplicates'];
  if (users === 'all') {
    if (fault === 'crash-between') return ['leaked'];
    if (fault === 'db-error') return ['lost'];
    // The second click comes at once, and then wins again or finds all given away; now and then the row is faster.
    return fault === 'lost-reply' ? ['duplicates', 'misled', 'safe'] : ['safe'];
  }
  if (fault === 'slow-db') return ['duplicates'];
  // What is given away and has no row; then whether the row or the second click was faster.
  return fault === 'crash-between' || fault === 'db-error' ? ['duplicates', 'leaked'] : ['duplicates', 'safe'];
}
