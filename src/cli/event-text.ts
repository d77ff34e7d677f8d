import type { EventView } from '../engine/views.ts';
import type { ServerAct } from './act.ts';
import type { Screen } from './screen.ts';
import type { Wire } from './server.ts';
import { fields, table } from './table.ts';
import { count, moment, visible } from './text.ts';
import type { ExitCode } from './trouble.ts';

/** An event as the API gives it. */
export type ShownEvent = Wire<EventView>;

/** `Launch (launch)`, or the id alone where the name says no more. */
export const titleOf = ({ id, name }: Pick<ShownEvent, 'id' | 'name'>): string =>
  name === id ? id : `${visible(name)} (${id})`;

/** All of one event. */
export function eventLines(event: ShownEvent, { paint }: Screen): string[] {
  const { state, won, capacity, remaining, limitPerUser, opensAt, closesAt, revision, serverTime } = event;
  return [
    paint('bold', titleOf(event)),
    ...fields([
      ['state', state === 'open' ? paint('green', state) : state],
      ['won', `${count(won)} of ${count(capacity)}, ${count(remaining)} remaining`],
      ['per user', `at most ${count(limitPerUser)}`],
      ['opens', moment(opensAt, 'from its creation on')],
      ['closes', moment(closesAt, 'when it is closed by hand')],
      ['revision', String(revision)],
      ['as of', `${moment(serverTime)}, by the clock of the server`],
    ]),
  ];
}

/** One line an event. */
export function eventTable(events: readonly ShownEvent[], screen: Screen): string[] {
  const columns = [
    { head: 'EVENT' },
    { head: 'NAME', mayClip: true },
    { head: 'STATE' },
    { head: 'WON', right: true },
    { head: 'OF', right: true },
    { head: 'OPENS' },
  ];
  const rows = events.map(({ id, name, state, won, capacity, opensAt }) => [
    id,
    visible(name),
    state,
    count(won),
    count(capacity),
    moment(opensAt),
  ]);
  return table(columns, rows, screen.width);
}

/** Shows the event that an act has left behind. */
export async function shown({ screen }: ServerAct, asked: Promise<{ readonly body: ShownEvent }>): Promise<ExitCode> {
  const { body } = await asked;
  screen.document(body);
  screen.lines(...eventLines(body, screen));
  return 0;
}
