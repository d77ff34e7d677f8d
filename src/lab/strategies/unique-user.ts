import type { Strategy } from '../strategy.ts';
import { isRefused } from '../trouble.ts';

/** One a user by a unique key, and N in all by an UPDATE that looks for itself. */
export const strategy: Strategy = {
  name: 'unique-user',
  lesson: {
    en: 'The database decides both questions by itself, the place by a conditional UPDATE and the user by a unique key, in one transaction that is done or not done. Every claim that may still win takes the lock on that one row, so that all wins come one after another.',
    ko: '자리는 조건부 UPDATE로, 사용자는 유니크 키로 데이터베이스가 직접 판단하고, 트랜잭션 하나로 다 되거나 다 안 된다. 대신 당첨될 수 있는 신청은 모두 그 한 행의 락을 거쳐야 하니, 당첨이 한 줄로 처리된다.',
  },
  variants: [],
  needs: () => [],
  crashBehind: 'UPDATE events',
  // What fails is taken back whole, and its user is told an error.
  expects: ({ fault }) => (fault === 'db-error' ? ['turned-away'] : ['safe']),
  async setup({ sql }) {
    await sql.run('CREATE UNIQUE INDEX one_a_user ON coupons (user_id)');
  },
  open: ({ capacity }) => ({
    async claim(userId, { sql }) {
      try {
        return await sql.transaction(async () => {
          const place = 'UPDATE events SET issued = issued + 1 WHERE id = 1 AND issued < ?';
          if ((await sql.run(place, capacity)) === 0) {
            // A winner whose answer was lost comes again, and must not be told that he came too late.
            const own = await sql.number('SELECT COUNT(*) FROM coupons WHERE user_id = ?', userId);
            return own === 0 ? 'sold-out' : 'already';
          }
          await sql.run('INSERT INTO coupons (user_id) VALUES (?)', userId);
          return 'won';
        });
      } catch (error) {
        if (isRefused(error, 'taken')) return 'already';
        throw error;
      }
    },
  }),
};
