import { withoutUserLimit } from '../expecting.ts';
import type { Strategy } from '../strategy.ts';

/** As many tickets as there are places, taken from a stack in memory. */
export const strategy: Strategy = {
  name: 'ticket-stack',
  lesson: {
    en: 'A ticket that is taken is not there for anybody else, so that nothing has to be counted. But every server has a stack of its own, a restart fills it again, and the ticket of a failed insert is gone for good.',
    ko: '한 사람이 뽑은 티켓은 다른 사람에게 보이지 않으니 셀 필요가 없다. 하지만 서버마다 스택이 따로 있고, 재시작하면 다시 가득 차며, INSERT가 실패한 티켓은 영영 사라진다.',
  },
  variants: [],
  needs: () => [],
  crashBehind: 'tickets.pop',
  expects(circumstances) {
    const isAlone = circumstances.servers === 1;
    return withoutUserLimit(circumstances, {
      usual: [isAlone ? 'safe' : 'over'],
      failing: [isAlone ? 'leaked' : 'over'],
      // Where all that are killed had a ticket and no coupon yet, all coupons are of the last life.
      crashed: isAlone ? ['over', 'safe'] : ['over'],
      // Whoever comes again comes to a full stack.
      untold: circumstances.database === 'sqlite' ? [] : ['duplicates'],
    });
  },
  open({ capacity }) {
    const tickets = Array.from({ length: capacity }, (_, i) => capacity - i);
    return {
      async claim(userId, { sql, local }) {
        const ticket = await local('tickets.pop()', () => tickets.pop());
        if (ticket === undefined) return 'sold-out';
        await sql.run('INSERT INTO coupons (user_id, number) VALUES (?, ?)', userId, ticket);
        return 'won';
      },
      allotted: () => capacity - tickets.length,
    };
  },
};
