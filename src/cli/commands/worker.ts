import process from 'node:process';
import type { Command } from 'commander';
import type { ConfigKey } from '../../config.ts';
import { type Act, does } from '../act.ts';
import { checkAddress } from '../serve/address-check.ts';
import { addressOf, rateLine, storeLines } from '../serve/greeting.ts';
import { alarmTo, createServerLog } from '../serve/server-log.ts';
import { stopOnSignal } from '../serve/stop.ts';
import { fields } from '../table.ts';
import type { ExitCode } from '../trouble.ts';
import { versionOf } from '../version.ts';

const keys: readonly ConfigKey[] = [
  'DIBS_GATE',
  'DIBS_LOG',
  'DIBS_LEDGER',
  'DIBS_ISSUE_RATE',
  'DIBS_HOST',
  'DIBS_PORT',
];

export function defineWorker(command: Command): void {
  command.addHelpText(
    'after',
    '\nAny number of these share the work; give all of them the same DIBS_CODE_SECRET\nand the same rate. With a port given it serves /livez, /readyz and /metrics there,\nelse it listens nowhere.',
  );
  does(command, keys, runWorker);
}

async function runWorker({ screen, config }: Act): Promise<ExitCode> {
  const listens = config.portGiven;
  if (listens) await checkAddress(config.host, config.port);
  const log = await createServerLog(screen);
  const { work } = await import('../../compose.ts');
  const working = await work(config, listens, {
    logger: log,
    onAlarm: alarmTo(log),
  });
  stopOnSignal(working, log, (line) => {
    screen.lines(line);
    if (line === 'Stopped.') screen.document({ type: 'stopped' });
  });
  const url = working.url === null ? null : addressOf(working.url);
  screen.document({ type: 'working', role: 'worker', url, version: versionOf(), pid: process.pid });
  screen.lines(
    `${screen.paint('bold', `Dibs ${versionOf()} worker`)} issues coupons`,
    '',
    ...fields([
      ...storeLines(config),
      ['issuing', rateLine(config)],
      ...(url === null ? [] : ([['health', `${url}/readyz`]] as [string, string][])),
    ]),
    '',
    screen.paint('dim', 'Ctrl-C stops it, when what it has in hand is issued.'),
  );
  return 0;
}
