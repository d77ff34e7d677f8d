import process from 'node:process';
import type { Command } from 'commander';
import type { ConfigKey } from '../../config.ts';
import { type Act, does } from '../act.ts';
import { checkAddress } from '../serve/address-check.ts';
import { addressOf, storeLines } from '../serve/greeting.ts';
import { warnOfPlainHttp } from '../serve/plain-http.ts';
import { alarmTo, createServerLog } from '../serve/server-log.ts';
import { stopOnSignal } from '../serve/stop.ts';
import { boundYoungHeap } from '../serve/young-heap.ts';
import { fields } from '../table.ts';
import type { ExitCode } from '../trouble.ts';
import { versionOf } from '../version.ts';

const keys: readonly ConfigKey[] = ['DIBS_GATE', 'DIBS_LOG', 'DIBS_LEDGER', 'DIBS_HOST', 'DIBS_PORT'];

export function defineApi(command: Command): void {
  command.addHelpText(
    'after',
    '\nAny number of these serve one gate. Every process has the same DIBS_ADMIN_KEY,\nDIBS_SERVICE_KEY, DIBS_TOKEN_SECRET and DIBS_CODE_SECRET, given by the environment\nor by file (DIBS_ADMIN_KEY_FILE and so on). Coupons are issued by `dibs worker`.',
  );
  does(command, keys, runApi);
}

async function runApi({ screen, config }: Act): Promise<ExitCode> {
  boundYoungHeap();
  await checkAddress(config.host, config.port);
  const log = await createServerLog(screen);
  const { serveApi } = await import('../../compose.ts');
  const served = await serveApi(config, {
    logger: log,
    onAlarm: alarmTo(log),
  });
  stopOnSignal(served, log, (line) => {
    screen.lines(line);
    if (line === 'Stopped.') screen.document({ type: 'stopped' });
  });
  const url = addressOf(served.url);
  screen.document({ type: 'listening', role: 'api', url, version: versionOf(), pid: process.pid });
  screen.lines(
    `${screen.paint('bold', `Dibs ${versionOf()} api`)} listens on ${screen.paint('green', url)}`,
    '',
    ...fields(storeLines(config)),
    '',
    screen.paint('dim', 'It decides claims; `dibs worker` issues the coupons. Ctrl-C stops it.'),
  );
  warnOfPlainHttp(config.host, screen);
  return 0;
}
