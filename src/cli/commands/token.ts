import type { Command } from 'commander';
import { eventIdRule, isEventId, isUserId, userIdRule } from '../../core/claim.ts';
import { signToken } from '../../lib/participant-token.ts';
import { systemClock } from '../../lib/system-clock.ts';
import { does } from '../act.ts';
import { KeyRing } from '../key-ring.ts';
import { duration } from '../options.ts';
import { usage } from '../trouble.ts';

const longestMs = 30 * 86_400_000;

export function defineToken(command: Command): void {
  command
    .argument('<event>', 'id of the event')
    .argument('<user>', 'id of the user')
    .option('--expires-in <time>', 'how long it is good for, like 90s, 15m, 2h or 7d', '15m');
  does(command, ['DIBS_DATA', 'DIBS_URL'], async ({ screen, config }, options, eventId = '', userId = '') => {
    if (!isEventId(eventId)) throw usage(`The id of the event ${eventIdRule}.`);
    if (!isUserId(userId)) throw usage(`The id of the user ${userIdRule}.`);
    const ms = duration(options['expiresIn'] ?? '', '--expires-in');
    if (ms > longestMs) throw usage('--expires-in: a token can be good for 30d at most; it cannot be called back.');
    const keys = new KeyRing(config);
    const secret = await keys.findTokenSecret();
    if (secret === null) throw keys.missing('token');
    const expiresAt = Math.floor((systemClock.now() + ms) / 1000) * 1000;
    const token = signToken({ userId, eventId, expiresAt }, secret.key);
    const expires = new Date(expiresAt).toISOString();
    screen.document({ token, eventId, userId, expiresAt: expires });
    screen.lines(token);
    return 0;
  });
}
