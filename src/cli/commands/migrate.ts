import type { Command } from 'commander';
import { shownOf } from '../../config.ts';
import { does } from '../act.ts';
import { visible } from '../text.ts';

export function defineMigrate(command: Command): void {
  does(command, ['DIBS_DATA', 'DIBS_LEDGER'], async ({ screen, config }) => {
    const shown = shownOf(config.ledger);
    const { migrateLedger } = await import('../../compose.ts');
    const migrations = await migrateLedger(config);
    screen.document({ ledger: shown, migrations });
    if (migrations.length === 0) screen.lines(`${shown} has the schema of this version already.`);
    else screen.lines(`${shown} was brought to this version:`, ...migrations.map((name) => `  ${visible(name)}`));
    return 0;
  });
}
