/** What the tests of all databases need to know of this one. */
import { openPostgresLedger } from '../../../src/ledgers/postgres/ledger.ts';
import type { Subject } from '../sql/conformance.ts';
import { plantings } from '../sql/plant.ts';

export const subject: Subject = {
  kind: 'postgres',
  service: 'postgres',
  open: openPostgresLedger,
  module: new URL('./ledger-process.ts', import.meta.url),
  planting: plantings.postgres,
};
