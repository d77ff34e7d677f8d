/** The cases of one machine, on many. */
import { describeService } from '../../services/shared.ts';
import { registerClaims } from '../cases/claims.ts';
import { registerDeciding } from '../cases/deciding.ts';
import { registerRoles } from '../cases/roles.ts';
import { registerStopping } from '../cases/stopping.ts';
import { fleetSite, shared } from '../site.ts';
import type { DatabaseName, LogName } from '../stores.ts';

/** Registers them; a file for each database, so that two run beside each other. */
export function registerManyClaims(database: DatabaseName, log: LogName): void {
  describeService(['redis', 'kafka', database], `claims over 2 api and 2 workers, ${log} log, ${database}`, () => {
    const open = shared((t) => fleetSite(t, { database, log }));
    registerClaims(open);
    registerDeciding(open);
    registerRoles(open);
    registerStopping(open);
  });
}
