import { existsSync } from 'node:fs';
import process from 'node:process';
import type { Command } from 'commander';
import type { Served } from '../../compose.ts';
import type { Config, ConfigKey } from '../../config.ts';
import { keysFileOf } from '../../lib/keys.ts';
import { type Act, does } from '../act.ts';
import { checkAddress } from '../serve/address-check.ts';
import { addressOf, type Greeting, greetingLines } from '../serve/greeting.ts';
import { alarmTo, createServerLog } from '../serve/server-log.ts';
import { stopOnSignal } from '../serve/stop.ts';
import { warnOfPlainHttp } from '../serve/plain-http.ts';
import { boundYoungHeap } from '../serve/young-heap.ts';
import type { ExitCode } from '../trouble.ts';
import { versionOf } from '../version.ts';

const keys: readonly ConfigKey[] = [
  'DIBS_DATA',
  'DIBS_GATE',
  'DIBS_LOG',
  'DIBS_LEDGER',
  'DIBS_ISSUE_RATE',
  'DIBS_HOST',
  'DIBS_PORT',
];

const demoEvent = { id: 'demo', name: 'Demo', capacity: 100 } as const;

export function defineServe(command: Command): void {
  command.addHelpText(
    'after',
    '\nSecrets are given by the environment or by file alone, as DIBS_ADMIN_KEY or\nDIBS_ADMIN_KEY_FILE and so on; what is not given is made at the first start.',
  );
  does(command, keys, runServer);
}

async function runServer({ screen, config }: Act): Promise<ExitCode> {
  // The stores hold user ids and coupon codes: nobody else on this machine is to read them.
  process.umask(0o077);
  boundYoungHeap();
  await checkAddress(config.host, config.port);
  const log = await createServerLog(screen);
  const { serve } = await import('../../compose.ts');
  const served = await serve(config, {
    logger: log,
    onAlarm: alarmTo(log),
  });
  stopOnSignal(served, log, (line) => {
    screen.lines(line);
    if (line === 'Stopped.') screen.document({ type: 'stopped' });
  });
  const greeting = await greetingOf(config, served);
  screen.document({
    type: 'listening',
    url: addressOf(served.url),
    version: greeting.version,
    dataDir: config.dataDir,
    keysFile: greeting.keysFile,
    madeKeys: served.madeKeys,
    fresh: served.fresh,
    demoEvent: greeting.isSeeded ? demoEvent.id : null,
    pid: process.pid,
  });
  screen.lines(...greetingLines(greeting, screen));
  warnOfPlainHttp(config.host, screen);
  return 0;
}

async function greetingOf(config: Config, served: Served): Promise<Greeting> {
  const { dibs, fresh } = served;
  if (fresh) await dibs.createEvent(demoEvent);
  const events = (await dibs.listEvents({ limit: 1000 })).items.filter(({ state }) => state === 'open');
  const keysFile = keysFileOf(config.dataDir);
  return {
    config,
    served,
    version: versionOf(),
    keysFile: existsSync(keysFile) ? keysFile : null,
    event: events.find(({ id }) => id === demoEvent.id) ?? events[0] ?? null,
    isSeeded: fresh,
    isTerminal: process.stdout.isTTY,
  };
}
