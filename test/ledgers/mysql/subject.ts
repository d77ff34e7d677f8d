/** What the tests of all databases need to know of this one. */
import { openMysqlLedger } from '../../../src/ledgers/mysql/ledger.ts';
import type { Subject } from '../sql/conformance.ts';
import { plantings } from '../sql/plant.ts';

export const subject: Subject = {
  kind: 'mysql',
  service: 'mariadb',
  open: openMysqlLedger,
  module: new URL('./ledger-process.ts', import.meta.url),
  planting: plantings.mysql,
};
