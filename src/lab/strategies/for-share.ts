import { isRace, noRowLocks, withoutLeaks, withoutUserLimit } from '../expecting.ts';
import type { Strategy } from '../strategy.ts';
import type { DatabaseName } from '../terms.ts';

const count: Readonly<Record<DatabaseName, string>> = {
  sqlite: '',
  mariadb: 'SELECT COUNT(*) FROM coupons LOCK IN SHARE MODE',
  // Refused: SELECT COUNT(*) … FOR SHARE, "not allowed with aggregate functions".
  postgres: 'SELECT COUNT(*) FROM (SELECT id FROM coupons FOR SHARE) AS locked',
};

/** The count under a shared lock. */
export const strategy: Strategy = {
  name: 'for-share',
  lesson: {
    en: 'Many may hold a shared lock at once, and none of them may insert before the others let go: in MariaDB they deadlock, and all but one are thrown out. PostgreSQL locks the rows that are there and not those to come, so that nothing keeps an insert away.',
    ko: '공유 락은 여럿이 함께 잡을 수 있고 서로가 놓아 주기 전에는 아무도 INSERT하지 못하니, MariaDB에서는 데드락이 나서 하나만 살아남는다. PostgreSQL은 이미 있는 행만 잠그고 앞으로 들어올 행은 잠그지 않으니 INSERT를 막지 못한다.',
  },
  variants: [],
  needs: () => [],
  crashBehind: 'SELECT COUNT',
  unfit: noRowLocks,
  expects(circumstances) {
    const racing = circumstances.database === 'mariadb' ? 'turned-away' : 'over';
    return withoutUserLimit(circumstances, withoutLeaks(isRace(circumstances) ? racing : 'safe'));
  },
  open: ({ capacity, database }) => ({
    claim: (userId, { sql }) =>
      sql.transaction(async () => {
        if ((await sql.number(count[database])) >= capacity) return 'sold-out';
        await sql.run('INSERT INTO coupons (user_id) VALUES (?)', userId);
        return 'won';
      }),
  }),
};
