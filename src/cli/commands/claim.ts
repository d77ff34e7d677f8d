import type { Command } from 'commander';
import { rejectionReasons } from '../../core/decision.ts';
import type { ClaimView } from '../../engine/views.ts';
import { doesOnServer } from '../act.ts';
import { eventPath, type Wire } from '../server.ts';
import { fields } from '../table.ts';
import { moment, visible } from '../text.ts';

interface WonBody {
  readonly replayed: boolean;
  readonly claim: Wire<ClaimView>;
}

export function defineClaim(command: Command): void {
  command
    .argument('<event>', 'id of the event')
    .argument('<user>', 'id of the user: 1 to 128 printable ASCII characters without space')
    .option('--key <key>', 'idempotency key; needed where a user may win more than once');
  doesOnServer(command, async ({ screen, server }, { key }, eventId = '', userId = '') => {
    const { body, problem } = await server.ask<WonBody>({
      method: 'POST',
      path: eventPath(eventId, '/claims'),
      as: 'service',
      body: { userId },
      headers: key === undefined ? {} : { 'idempotency-key': key },
      expected: rejectionReasons,
    });
    if (problem !== null) {
      const { code, opensAt, claims } = problem;
      screen.document({ outcome: 'rejected', reason: code, opensAt: opensAt ?? null, claims: claims ?? [] });
      const said = typeof problem['detail'] === 'string' ? ` ${visible(problem['detail'])}` : '';
      screen.lines(screen.paint('yellow', `No: ${visible(String(code))}.`) + said);
      return 1;
    }
    const { claim, replayed } = body;
    screen.document({ outcome: 'won', replayed, claim });
    screen.lines(
      screen.paint('green', `${replayed ? 'Won already' : 'Won'}: slot ${claim.slot} of ${visible(claim.eventId)}.`),
      ...fields([
        ['claim', visible(claim.id)],
        ['user', visible(claim.userId)],
        ['won at', moment(claim.wonAt)],
        ['status', claim.status],
        ['code', claim.code === null ? 'follows once the coupon is issued' : visible(claim.code)],
      ]),
    );
    return 0;
  });
}
