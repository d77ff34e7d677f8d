/** A ledger in a process of its own: what races run. */
import { openMysqlLedger } from '../../../src/ledgers/mysql/ledger.ts';
import { serveRemote } from '../../../src/testing/remote.ts';

await serveRemote((url) => openMysqlLedger({ url }));
