/** Faults between the win and its coupon, on many machines. */
import { describeService } from '../../services/shared.ts';
import { registerConflicts } from '../cases/conflicts.ts';
import { registerIssuing } from '../cases/issuing.ts';
import { registerLedgerTrouble } from '../cases/ledger-trouble.ts';
import { fleetSite, shared } from '../site.ts';
import type { DatabaseName } from '../stores.ts';
import { registerContradictions } from './contradiction.ts';
import { registerPoison } from './poison.ts';

/** Registers them; a file for each database, so that two run beside each other. */
export function registerManyFaults(database: DatabaseName): void {
  describeService(['redis', 'kafka', database], `faults of issuing over 2 api and 2 workers, ${database}`, () => {
    const open = shared((t) => fleetSite(t, { database, log: 'kafka' }));
    registerIssuing(open);
    registerLedgerTrouble(open);
    registerConflicts(open);
    registerPoison(open);
    registerContradictions(open);
  });
}
