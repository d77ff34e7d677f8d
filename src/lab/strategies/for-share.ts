import { isRace, whereTheyMeet, withoutLeaks, withoutUserLimit } from '../expecting.ts';
import { clauseOf, lockVariants, noRowLocks } from '../row-locks.ts';
import type { Strategy } from '../strategy.ts';
import type { Circumstances } from '../terms.ts';
import { isRefused } from '../trouble.ts';
import type { Verdict } from '../verdict.ts';

/** The count under a shared lock. */
export const strategy: Strategy = {
  name: 'for-share',
  lesson: {
    en: 'Many may hold a shared lock at once, and none of them may insert before the others let go: in MariaDB they deadlock, and all but one are thrown out. PostgreSQL locks the rows that are there and not those to come, so that nothing keeps an insert away.',
    ko: '공유 락은 여럿이 함께 잡을 수 있고 서로가 놓아 주기 전에는 아무도 INSERT하지 못하니, MariaDB에서는 데드락이 나서 하나만 살아남는다. PostgreSQL은 이미 있는 행만 잠그고 앞으로 들어올 행은 잠그지 않으니 INSERT를 막지 못한다.',
  },
  variants: lockVariants,
  needs: () => [],
  // While the table is empty there is no row to lock.
  tracedBehind: 1,
  crashBehind: 'SELECT COUNT',
  unfit: noRowLocks,
  expects: (circumstances) => withoutUserLimit(circumstances, withoutLeaks(racing(circumstances))),
  open: ({ capacity, database, variant }) => {
    const count =
      database === 'mariadb'
        ? `SELECT COUNT(*) FROM coupons LOCK IN SHARE MODE${clauseOf(variant)}`
        : // Refused: SELECT COUNT(*) … FOR SHARE, "not allowed with aggregate functions".
          `SELECT COUNT(*) FROM (SELECT id FROM coupons FOR SHARE${clauseOf(variant)}) AS locked`;
    return {
      async claim(userId, { sql }) {
        try {
          return await sql.transaction(async () => {
            if ((await sql.number(count)) >= capacity) return 'sold-out';
            await sql.run('INSERT INTO coupons (user_id) VALUES (?)', userId);
            return 'won';
          });
        } catch (error) {
          if (isRefused(error, 'locked')) return 'busy';
          throw error;
        }
      },
    };
  },
};

function racing(circumstances: Circumstances): readonly Verdict[] {
  const { database, variant } = circumstances;
  if (!isRace(circumstances) || database !== 'mariadb') return whereTheyMeet(circumstances, 'over');
  // Rows that are about to be inserted are locked too, and then not counted.
  return variant === 'skip-locked' ? ['turned-away', 'over'] : ['turned-away'];
}
