import process from 'node:process';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Command } from 'commander';
import type { CouponView } from '../../engine/views.ts';
import { doesOnServer } from '../act.ts';
import { wholeNumber } from '../options.ts';
import { eventPath, type Wire } from '../server.ts';
import { table } from '../table.ts';
import { count, moment, visible } from '../text.ts';
import { usage } from '../trouble.ts';

export function defineCoupons(command: Command): void {
  command
    .argument('<event>', 'id of the event')
    .option('--csv', 'all of them as CSV')
    .option('--limit <n>', 'list at most so many', '1000');
  doesOnServer(command, async ({ screen, server }, options, eventId = '') => {
    const path = eventPath(eventId, '/coupons');
    if ('csv' in options) {
      if (screen.json) throw usage('--csv and --json exclude each other.');
      // As it arrives: an event may have millions, and stdout is not to be ended.
      const out = new Writable({ write: (chunk: Uint8Array, _, done) => process.stdout.write(chunk, done) });
      await pipeline(server.stream(path, 'text/csv'), out);
      return 0;
    }
    const limit = wholeNumber(options['limit'] ?? '', '--limit', 1);
    const { items, more } = await server.list<Wire<CouponView>>(path, limit);
    screen.document({ items, more });
    const columns = [
      { head: 'SLOT', right: true },
      { head: 'USER', mayClip: false },
      { head: 'CODE' },
      { head: 'WON' },
      { head: 'ISSUED' },
    ];
    const rows = items.map(({ slot, userId, code, wonAt, issuedAt }) => [
      count(slot),
      visible(userId),
      visible(code),
      moment(wonAt),
      moment(issuedAt),
    ]);
    screen.lines(...(rows.length > 0 ? table(columns, rows, screen.width) : ['Nothing has been issued yet.']));
    if (more) screen.aside('There are more: raise --limit, or take all of them with --csv.');
    return 0;
  });
}
