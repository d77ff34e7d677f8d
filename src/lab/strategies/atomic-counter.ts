import { withoutUserLimit } from '../expecting.ts';
import type { Strategy } from '../strategy.ts';

/** A counter that the threads of one process share. */
export const strategy: Strategy = {
  name: 'atomic-counter',
  lesson: {
    en: '`Atomics.add` is one indivisible step, so that threads of one process never get the same number. Another process has a memory of its own and counts from 0, and so does this one after a restart.',
    ko: '`Atomics.add`는 쪼갤 수 없는 한 동작이라, 한 프로세스의 스레드끼리는 같은 번호를 받지 않는다. 하지만 다른 프로세스는 자기 메모리에서 0부터 세고, 이 프로세스도 재시작하면 0부터 다시 센다.',
  },
  variants: [],
  needs: () => [],
  threads: 2,
  crashBehind: 'Atomics.add',
  expects(circumstances) {
    const isAlone = circumstances.servers === 1;
    return withoutUserLimit(circumstances, {
      usual: [isAlone ? 'safe' : 'over'],
      failing: [isAlone ? 'leaked' : 'over'],
      // The other thread is killed at its insert nearly always. It is safe where all coupons are of the last life.
      crashed: isAlone ? ['duplicates', 'over', 'safe'] : ['duplicates', 'over'],
      untold: [],
    });
  },
  open: ({ capacity, memory }) => ({
    async claim(userId, { sql, local }) {
      const number = (await local('Atomics.add(counter, 1)', () => Atomics.add(memory, 0, 1))) + 1;
      if (number > capacity) return 'sold-out';
      await sql.run('INSERT INTO coupons (user_id, number) VALUES (?, ?)', userId, number);
      return 'won';
    },
    allotted: () => Math.min(capacity, Atomics.load(memory, 0)),
  }),
};
