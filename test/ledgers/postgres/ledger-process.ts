/** A ledger in a process of its own: what races run. */
import { openPostgresLedger } from '../../../src/ledgers/postgres/ledger.ts';
import { serveRemote } from '../../../src/testing/remote.ts';

await serveRemote((url) => openPostgresLedger({ url }));
