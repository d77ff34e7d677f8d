import { isRace, withoutLeaks, withoutUserLimit } from '../expecting.ts';
import type { Strategy } from '../strategy.ts';

/** A row that counts, with a version that says whether somebody else was faster. */
export const strategy: Strategy = {
  name: 'optimistic-version',
  lesson: {
    en: 'Nothing is locked while a claim thinks; the UPDATE succeeds only where the version is still the one that was read. Of all that read the same version one gets through, so that in a rush nearly everybody has to come again.',
    ko: '생각하는 동안에는 아무것도 잠그지 않고, 읽었던 버전이 그대로일 때만 UPDATE가 성공한다. 같은 버전을 읽은 신청 가운데 하나만 통과하니, 몰리는 순간에는 거의 모두가 다시 해야 한다.',
  },
  variants: ['retry', 'no-retry'],
  needs: () => [],
  crashBehind: 'UPDATE events',
  expects(circumstances) {
    const isSafe = circumstances.variant === 'retry' || !isRace(circumstances);
    return withoutUserLimit(circumstances, withoutLeaks([isSafe ? 'safe' : 'turned-away']));
  },
  open: ({ capacity, variant }) => ({
    async claim(userId, { sql }) {
      for (;;) {
        const [issued, version] = (await sql.row('SELECT issued, version FROM events WHERE id = 1')) as number[];
        if (issued === undefined || version === undefined || issued >= capacity) return 'sold-out';
        const isMine = await sql.transaction(async () => {
          const moved = await sql.run(
            'UPDATE events SET issued = issued + 1, version = version + 1 WHERE id = 1 AND version = ?',
            version,
          );
          if (moved === 1) await sql.run('INSERT INTO coupons (user_id) VALUES (?)', userId);
          return moved === 1;
        });
        if (isMine) return 'won';
        if (variant === 'no-retry') return 'busy';
      }
    },
  }),
};
