/** A ledger in a process of its own, on the machine's own clock: what races run. */
import { openSqliteLedger } from '../../../src/ledgers/sqlite/ledger.ts';
import { systemClock } from '../../../src/lib/system-clock.ts';
import { serveRemote } from '../../../src/testing/remote.ts';

await serveRemote((path) => openSqliteLedger({ path, clock: systemClock }));
