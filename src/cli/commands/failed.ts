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
  const list = failed.command('list').description('List the wins that the ledger refused, and what was set aside.');
  list
    .option('--state <state>', `only those that are ${failedIssuanceStates.join(', ')}, or all`, 'waiting')
    .option('--limit <n>', 'list at most so many', '1000');
  doesOnServer(list, listFailed);

  const reissue = failed.command('reissue').description('Try to issue one now.').argument('<id>', 'its number');
  doesOnServer(reissue, async (act, _, text = '') => {
    const id = wholeNumber(text, '<id>', 1);
    const { body } = await act.server.ask<Failed>({ method: 'POST', path: `${path}/${id}/reissue`, as: 'admin' });
    const whose =
      body.slot === null ? 'its coupon' : `the coupon of slot ${body.slot} of ${body.eventId ?? 'its event'}`;
    return settled(act, body, `Issued: ${whose} stands.`);
  });

  const discard = failed
    .command('discard')
    .description('Give one up for ever: a win gets no coupon, and what is no win is explained.')
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
  const preview = [...meaningOf(item), ...failedFields(item), ...fields([['your reason', visible(reason)]])];
  const intent = { preview, question: `Discard ${id} for ever?`, details: { act: 'discard', reason, failed: item } };
  if (!(await confirmed(act, options, intent))) return 1;
  const call = { method: 'POST', path: `${path}/${id}/discard`, as: 'admin', body: { reason } } as const;
  const { body } = await act.server.ask<Failed>(call);
  return settled(act, body, `Discarded: ${discardedText(body)}`);
}

/** What discarding it will mean, in lines: a win is given up, and of anything else only the record is put away. */
function meaningOf({ eventId, slot }: Failed): string[] {
  if (eventId === null)
    return ['Discarding this one is for ever: it is no record of a win, and costs nobody a coupon.'];
  if (slot === null)
    return [
      `Discarding this one is for ever: it holds no slot of ${visible(eventId)}, and costs nobody a coupon.`,
      'Your reason explains from then on what the log says of it.',
    ];
  return [
    'Discarding this one is for ever: the win stays counted, and its coupon is never issued.',
    'Should the gate have given its slot to another or to nobody, only the record is put away.',
  ];
}

function discardedText({ eventId, slot }: Failed): string {
  if (eventId === null) return 'it was no record of a win, and every win is as it was.';
  if (slot === null) return `the gate has no such win, and every win of ${eventId} is as it was.`;
  return `slot ${slot} of ${eventId} gets no coupon.`;
}

// Of what holds no slot the record is all there is to judge by; one that is cut may be of megabytes.
const recordCharsMax = 300;

const failedFields = ({ eventId, slot, userId, record, error, attempts, nextAttemptAt }: Failed): string[] =>
  fields([
    ['event', visible(eventId ?? 'unknown')],
    ['slot', slot === null ? 'none' : count(slot)],
    ['user', visible(userId ?? 'unknown')],
    ...(slot === null ? [['record', visible(record.slice(0, recordCharsMax))] as [string, string]] : []),
    ['tried', `${count(attempts)} times, next at ${moment(nextAttemptAt, 'no time')}`],
    ['error', visible(error)],
  ]);

function settled({ screen }: ServerAct, item: Failed, said: string): ExitCode {
  screen.document(item);
  screen.lines(visible(said));
  return 0;
}
