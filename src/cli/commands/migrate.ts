import type { Command } from 'commander';
import { does } from '../act.ts';
import { visible } from '../text.ts';

export function defineMigrate(command: Command): void {
  does(command, ['DIBS_DATA', 'DIBS_LEDGER'], async ({ screen, config }) => {
    const { migrateLedger } = await import('../../compose.ts');
    const migrations = await migrateLedger(config);
    screen.document({ ledger: config.ledger.path, migrations });
    if (migrations.length === 0) screen.lines(`${config.ledger.path} has the schema of this version already.`);
    else
      screen.lines(
        `${config.ledger.path} was brought to this version:`,
        ...migrations.map((name) => `  ${visible(name)}`),
      );
    return 0;
  });
}
