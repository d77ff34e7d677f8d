import type { Strategy } from '../strategy.ts';

/** What the database refused is kept, and a batch reissues it. */
export const strategy: Strategy = {
  name: 'redis-sadd-incr-kafka-failed',
  lesson: {
    en: 'A consumer that only logs an error has lost a coupon that somebody was promised; kept in a table, it can be issued later. The row says what is owed, not whether it was paid: the same message twice is still two coupons.',
    ko: '오류를 로그로만 남기는 컨슈머는 이미 약속한 쿠폰을 잃어버리지만, 실패한 것을 테이블에 남겨 두면 배치가 나중에 다시 발급할 수 있다. 다만 그 행은 줄 것이 있다는 뜻일 뿐 이미 주었는지는 말해 주지 않으니, 같은 메시지가 두 번 오면 여전히 쿠폰도 두 장이 된다.',
  },
  variants: [],
  needs: () => ['redis', 'kafka'],
  partitions: () => 1,
  crashBehind: 'SADD',
  expects({ fault, users }) {
    if (fault === 'crash-between') return ['locked-out'];
    if (fault === 'duplicate-delivery') return ['duplicates'];
    // Losers stay in the set: one who comes again is told that he has a coupon.
    if (fault === 'lost-reply' && users === 'all') return ['locked-out'];
    // What is reissued stands behind those who came later.
    return fault === 'db-error' && users === 'all' ? ['out-of-order', 'safe'] : ['safe'];
  },
  async setup({ sql }) {
    await sql.run('CREATE TABLE failed (user_id VARCHAR(64) NOT NULL, number INT NOT NULL)');
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
    try {
      await sql.run('INSERT INTO coupons (user_id, number) VALUES (?, ?)', userId, number);
    } catch {
      await sql.run('INSERT INTO failed (user_id, number) VALUES (?, ?)', userId, number);
    }
  },
  async reissue({ sql }) {
    for (const [userId, number] of (await sql.rows('SELECT user_id, number FROM failed')) as [string, number][]) {
      await sql.transaction(async () => {
        await sql.run('INSERT INTO coupons (user_id, number) VALUES (?, ?)', userId, number);
        await sql.run('DELETE FROM failed WHERE user_id = ? AND number = ?', userId, number);
      });
    }
  },
  allotted: async ({ redis }, { capacity }) => Math.min(capacity, Number(await redis.send('GET', 'issued'))),
};
