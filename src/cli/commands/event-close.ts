import type { ServerAct } from '../act.ts';
import { confirmed } from '../confirm.ts';
import { type ShownEvent, shown, titleOf } from '../event-text.ts';
import { eventPath, ifMatch } from '../server.ts';
import { fields } from '../table.ts';
import { count, wrap } from '../text.ts';
import type { ExitCode } from '../trouble.ts';

/** Closes an event after it has shown what that takes from whom. */
export async function closeEvent(
  act: ServerAct,
  options: Readonly<Record<string, string>>,
  id = '',
): Promise<ExitCode> {
  const { server } = act;
  const { body: event } = await server.ask<ShownEvent>({ path: eventPath(id), as: 'anyone' });
  const preview = [
    ...wrap(`Closing ${titleOf(event)} is for ever: nobody can claim of it again, nor reopen it.`, act.screen.width),
    ...fields([
      ['state', event.state],
      ['won', `${count(event.won)} of ${count(event.capacity)}; these stay, and are issued`],
      ['remaining', `${count(event.remaining)}, which nobody would get`],
    ]),
  ];
  const intent = { preview, question: `Close ${id} for ever?`, details: { act: 'close', event } };
  if (event.state !== 'closed' && !(await confirmed(act, options, intent))) return 1;
  // The one that was shown, and no other: whoever changed it meanwhile may have meant something else.
  const headers = ifMatch(event.revision);
  return shown(act, server.ask<ShownEvent>({ method: 'POST', path: eventPath(id, '/close'), as: 'admin', headers }));
}
