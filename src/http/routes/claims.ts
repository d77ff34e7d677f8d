import { DibsError } from '../../core/errors.ts';
import { eventIdOf } from '../call-input.ts';
import type { Handlers, HttpContext } from '../context.ts';
import type { Caller } from '../credentials.ts';

const noStore = ['Cache-Control', 'no-store'];

/** Looking up claims that have won. Making one is `claim-route.ts`. */
export function claimHandlers({ dibs }: HttpContext): Handlers<'getClaim' | 'listClaims'> {
  return {
    getClaim: async ({ params, caller }) => {
      const eventId = eventIdOf(params);
      const claim = await dibs.getClaim(eventId, params['claimId'] ?? '', ownUserId(caller, eventId));
      return { status: 200, json: claim, headers: noStore };
    },
    listClaims: async ({ params, query, caller }) => {
      const eventId = eventIdOf(params);
      const own = ownUserId(caller, eventId);
      const userId = query.userId ?? own;
      if (userId === undefined) {
        throw new DibsError('invalid_request', '/userId is required', {
          details: { errors: [{ path: '/userId', message: 'is required' }] },
        });
      }
      // The same answer as for a user who has none: a participant learns nothing of others.
      if (own !== undefined && userId !== own) throw new DibsError('claim_not_found');
      return { status: 200, json: await dibs.listClaims(eventId, userId), headers: noStore };
    },
  };
}

/** Whose claims alone a caller may see; undefined: everyone's. Throws `forbidden` for a token of another event. */
export function ownUserId(caller: Caller, eventId: string): string | undefined {
  if (caller.kind !== 'participant') return undefined;
  if (caller.eventId !== eventId) throw new DibsError('forbidden', 'The token is for another event.');
  return caller.userId;
}
