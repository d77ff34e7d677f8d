/** The ledger of one machine passes the suite of all ledgers. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { openSqliteLedger } from '../../../src/ledgers/sqlite/ledger.ts';
import { ledgerConformance } from '../../../src/testing/ledger/conformance.ts';
import { ManualClock } from '../../../src/testing/manual-clock.ts';

async function folder() {
  const path = await mkdtemp(join(tmpdir(), 'dibs-ledger-'));
  return { file: join(path, 'ledger.db'), remove: () => rm(path, { recursive: true }) };
}

/** Runs statements on a connection of its own, as an operator with another tool would. */
function operate(file: string, sql: string): void {
  using db = new DatabaseSync(file);
  db.exec(sql);
}

ledgerConformance('sqlite', {
  async setup() {
    const { file: path, remove } = await folder();
    const clock = new ManualClock();
    const open = [await openSqliteLedger({ path, clock })];
    return {
      ledger: open[0]!,
      clock,
      plant: async (eventId, slot) =>
        operate(
          path,
          `CREATE TRIGGER planted BEFORE INSERT ON coupons WHEN NEW.event_id = '${eventId}' AND NEW.slot = ${slot}
           BEGIN SELECT RAISE(ABORT, 'planted'); END`,
        ),
      unplant: async () => operate(path, 'DROP TRIGGER planted'),
      async connect() {
        const other = await openSqliteLedger({ path, clock });
        open.push(other);
        return other;
      },
      async teardown() {
        await Promise.all(open.map((ledger) => ledger.close()));
        await remove();
      },
    };
  },
  processes: {
    module: new URL('./ledger-process.ts', import.meta.url),
    async make() {
      const { file, remove } = await folder();
      return { at: file, remove };
    },
  },
});
