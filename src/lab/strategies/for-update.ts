import { isRace, whereTheyMeet, withoutLeaks, withoutUserLimit } from '../expecting.ts';
import { clauseOf, lockVariants, noRowLocks } from '../row-locks.ts';
import type { Strategy } from '../strategy.ts';
import type { Circumstances } from '../terms.ts';
import { isRefused } from '../trouble.ts';
import type { Verdict } from '../verdict.ts';

/** The count under an exclusive lock. */
export const strategy: Strategy = {
  name: 'for-update',
  lesson: {
    en: 'In MariaDB the lock is on the rows and on the gaps between them, so that inserts wait, and deadlock while the table is still empty. PostgreSQL locks rows alone: inserts pass it, and whoever has waited counts by a picture from before the wait.',
    ko: 'MariaDB의 락은 행과 행 사이의 틈까지 잠가 INSERT도 기다리게 하지만, 테이블이 비어 있는 동안에는 데드락이 난다. PostgreSQL은 행만 잠그므로 INSERT는 락을 그냥 지나가고, 기다린 쪽도 기다리기 전의 스냅숏으로 센다.',
  },
  variants: lockVariants,
  needs: () => [],
  // While the table is empty there is no row to lock.
  tracedBehind: 1,
  crashBehind: 'SELECT COUNT',
  unfit: noRowLocks,
  expects(circumstances) {
    if (!isRace(circumstances)) return withoutUserLimit(circumstances, withoutLeaks(['safe']));
    const usual = racing(circumstances);
    return withoutUserLimit(circumstances, { usual, failing: usual });
  },
  open: ({ capacity, database, variant }) => {
    const how = `FOR UPDATE${clauseOf(variant)}`;
    const count =
      database === 'mariadb'
        ? `SELECT COUNT(*) FROM coupons ${how}`
        : // Refused: SELECT COUNT(*) … FOR UPDATE, "not allowed with aggregate functions".
          `SELECT COUNT(*) FROM (SELECT id FROM coupons ${how}) AS locked`;
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
  // Rows that others have locked are not counted: the more come at once, the fewer coupons there seem to be.
  if (variant === 'skip-locked') return database === 'mariadb' ? ['turned-away', 'over'] : ['over'];
  // Deadlocks come of the first claims alone, and not where those miss each other.
  if (database === 'mariadb') return variant === 'wait' ? ['turned-away', 'safe'] : ['turned-away'];
  return variant === 'nowait' ? ['turned-away', 'over'] : whereTheyMeet(circumstances, 'over');
}
