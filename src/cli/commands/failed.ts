import type { Command } from 'commander';
import { failedIssuanceStates } from '../../core/coupon.ts';
import type { FailedIssuanceView } from '../../engine/views.ts';
import { doesOnServer, type ServerAct } from '../act.ts';
import { confirmed, yesFlag } from '../confirm.ts';
import { wholeNumber } from '../options.ts';
import type { Screen } from '../screen.ts';
import type { Wire } from '../server.ts';
import { fields, table } from '../table.ts';
import { count, moment, visible } from '../text.ts';
import { CliTrouble, type ExitCode, usage } from '../trouble.ts';

type Failed = Wire<FailedIssuanceView>;

const path = '/v1/failed-issuances';

export function defineFailed(failed: Command): void {
  const list = failed.command('list').description('List the wins that the ledger refused.');
  list
    .option('--state <state>', `only those that are ${failedIssuanceStates.join(', ')}, or all`, 'waiting')
    .option('--limit <n>', 'list at most so many', '1000');
  doesOnServer(list, listFailed);

  const reissue = failed.command('reissue').description('Try to issue one now.').argument('<id>', 'its number');
  doesOnServer(reissue, async (act, _, text = '') => {
    const id = wholeNumber(text, '<id>', 1);
    const { body } = await act.server.ask<Failed>({ method: 'POST', path: `${path}/${id}/reissue`, as: 'admin' });
    return settled(act, body, `Issued: the coupon of slot ${body.slot ?? '?'} of ${body.eventId ?? '?'} stands.`);
  });

  const discard = failed
    .command('discard')
    .description('Give one up for ever: its user will not get the coupon.')
    .argument('<id>', 'its number')
    .requiredOption('--reason <text>', 'why; kept with it')
    .option(...yesFlag);
  doesOnServer(discard, discardFailed);
}

async function listFailed(
  { screen, server }: ServerAct,
  { state = '', limit = '' }: Readonly<Record<string, string>>,
): Promise<ExitCode> {
  if (state !== 'all' && !failedIssuanceStates.some((known) => known === state)) {
    throw usage(`--state ${JSON.stringify(state)}: must be ${failedIssuanceStates.join(', ')} or all.`);
  }
  const from = state === 'all' ? path : `${path}?state=${state}`;
  const { items, more } = await server.list<Failed>(from, wholeNumber(limit, '--limit', 1));
  screen.document({ items, more });
  screen.lines(...(items.length > 0 ? failedTable(items, screen) : ['Nothing: the ledger has refused no such win.']));
  if (more) screen.aside('There are more: raise --limit.');
  return 0;
}

function failedTable(items: readonly Failed[], screen: Screen): string[] {
  const columns = [
    { head: 'ID', right: true },
    { head: 'EVENT' },
    { head: 'SLOT', right: true },
    { head: 'USER' },
    { head: 'STATE' },
    { head: 'TRIED', right: true },
    { head: 'WHY', mayClip: true },
  ];
  const rows = items.map(({ id, eventId, slot, userId, state, attempts, error, reason }) => [
    String(id),
    visible(eventId ?? '-'),
    slot === null ? '-' : count(slot),
    visible(userId ?? '-'),
    state,
    count(attempts),
    visible(reason ?? error),
  ]);
  return table(columns, rows, screen.width);
}

async function discardFailed(act: ServerAct, options: Readonly<Record<string, string>>, text = ''): Promise<ExitCode> {
  const id = wholeNumber(text, '<id>', 1);
  const reason = options['reason'] ?? '';
  const { items } = await act.server.list<Failed>(path, Number.MAX_SAFE_INTEGER);
  const item = items.find((item) => item.id === id);
  if (item === undefined) {
    throw new CliTrouble('failed_issuance_not_found', `There is no failed issuance ${id}.`, {
      remedy: '`dibs failed list --state all` shows those there are.',
    });
  }
  const preview = [
    'Discarding this one is for ever: the win stays counted, and its coupon is never issued.',
    ...failedFields(item),
    ...fields([['your reason', visible(reason)]]),
  ];
  const intent = { preview, question: `Discard ${id} for ever?`, details: { act: 'discard', reason, failed: item } };
  if (!(await confirmed(act, options, intent))) return 1;
  const call = { method: 'POST', path: `${path}/${id}/discard`, as: 'admin', body: { reason } } as const;
  const { body } = await act.server.ask<Failed>(call);
  return settled(act, body, `Discarded: slot ${body.slot ?? '?'} of ${body.eventId ?? '?'} gets no coupon.`);
}

const failedFields = ({ eventId, slot, userId, error, attempts, nextAttemptAt }: Failed): string[] =>
  fields([
    ['event', visible(eventId ?? 'unknown')],
    ['slot', slot === null ? 'unknown' : count(slot)],
    ['user', visible(userId ?? 'unknown')],
    ['tried', `${count(attempts)} times, next at ${moment(nextAttemptAt, 'no time')}`],
    ['error', visible(error)],
  ]);

function settled({ screen }: ServerAct, item: Failed, said: string): ExitCode {
  screen.document(item);
  screen.lines(visible(said));
  return 0;
}
