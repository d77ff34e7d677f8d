import type { Command } from 'commander';
import { doesOnServer } from '../act.ts';
import { yesFlag } from '../confirm.ts';
import { eventTable, type ShownEvent, shown } from '../event-text.ts';
import { eventPath, ifMatch } from '../server.ts';
import { timeOrNone, wholeNumber } from '../options.ts';
import { usage } from '../trouble.ts';
import { closeEvent } from './event-close.ts';

export function defineEvent(event: Command): void {
  defineReading(event);
  defineCreate(event);
  defineSet(event);
  for (const [name, description] of [
    ['pause', 'Answer claims with "paused" until the event is resumed.'],
    ['resume', 'Let a paused event go on.'],
  ] as const) {
    doesOnServer(
      event.command(name).description(description).argument('<event>', 'id of the event'),
      (act, _, id = '') =>
        shown(act, act.server.ask<ShownEvent>({ method: 'POST', path: eventPath(id, `/${name}`), as: 'admin' })),
    );
  }
  const close = event.command('close').description('Close the event for ever.').argument('<event>', 'id of the event');
  doesOnServer(close.option(...yesFlag), closeEvent);
}

function defineReading(event: Command): void {
  const list = event.command('list').description('List the events.');
  list.option('--limit <n>', 'list at most so many', '1000');
  doesOnServer(list, async ({ screen, server }, { limit = '' }) => {
    const { items, more } = await server.list<ShownEvent>('/v1/events', wholeNumber(limit, '--limit', 1));
    screen.document({ items, more });
    if (items.length > 0) screen.lines(...eventTable(items, screen));
    else screen.lines('There are no events yet. Make one: dibs event create launch --capacity 100');
    if (more) screen.aside('There are more: raise --limit.');
    return 0;
  });
  const show = event.command('show').description('Show one event.').argument('<event>', 'id of the event');
  doesOnServer(show, (act, _, id = '') =>
    shown(act, act.server.ask<ShownEvent>({ path: eventPath(id), as: 'anyone' })),
  );
}

function defineCreate(event: Command): void {
  const create = event
    .command('create')
    .description('Create an event. The same again changes nothing.')
    .argument('[event]', 'its id: letters, digits and _ - . ; made up where absent')
    .requiredOption('--capacity <n>', 'how many places there are')
    .option('--name <text>', 'what people call it; its id where absent')
    .option('--limit-per-user <n>', 'how many one user may win', '1')
    .option('--opens-at <time>', 'when it opens, like 2027-01-31T10:00:00+09:00; at once where absent')
    .option('--closes-at <time>', 'when it closes by itself');
  doesOnServer(create, (act, options, id) => {
    const name = options['name'] ?? id;
    if (name === undefined) throw usage('An event needs an id or a --name.');
    const body = {
      ...(id === undefined ? {} : { id }),
      name,
      capacity: wholeNumber(options['capacity'] ?? '', '--capacity', 1),
      limitPerUser: wholeNumber(options['limitPerUser'] ?? '1', '--limit-per-user', 1),
      opensAt: timeOrNone(options['opensAt']),
      closesAt: timeOrNone(options['closesAt']),
    };
    return shown(act, act.server.ask<ShownEvent>({ method: 'POST', path: '/v1/events', as: 'admin', body }));
  });
}

function defineSet(event: Command): void {
  const set = event
    .command('set')
    .description('Change an event; what is not named stays.')
    .argument('<event>', 'id of the event')
    .option('--name <text>', 'another name')
    .option('--capacity <n>', 'how many places there are: more at any time, never fewer than are won')
    .option('--opens-at <time>', 'when it opens, until it has; none for at once')
    .option('--closes-at <time>', 'when it closes by itself; none for never')
    .option('--if-revision <n>', 'only if nobody has changed it since this revision');
  doesOnServer(set, (act, options, id = '') => {
    const { name, capacity, opensAt, closesAt, ifRevision } = options;
    if ([name, capacity, opensAt, closesAt].every((value) => value === undefined)) {
      throw usage('Nothing is to be changed.', 'Name --name, --capacity, --opens-at or --closes-at.');
    }
    const body = {
      name,
      capacity: capacity === undefined ? undefined : wholeNumber(capacity, '--capacity', 1),
      opensAt: timeOrNone(opensAt),
      closesAt: timeOrNone(closesAt),
    };
    const headers = ifRevision === undefined ? {} : ifMatch(wholeNumber(ifRevision, '--if-revision', 1));
    return shown(act, act.server.ask<ShownEvent>({ method: 'PATCH', path: eventPath(id), as: 'admin', body, headers }));
  });
}
