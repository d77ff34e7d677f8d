/** The gate of one machine passes the suite of all gates, and keeps what SQLite alone can break. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqliteGate } from '../../../src/gates/sqlite/gate.ts';
import { gateConformance } from '../../../src/testing/gate/conformance.ts';
import { ManualClock } from '../../../src/testing/manual-clock.ts';

async function folder() {
  const path = await mkdtemp(join(tmpdir(), 'dibs-gate-'));
  return { file: join(path, 'gate.db'), remove: () => rm(path, { recursive: true }) };
}

gateConformance('sqlite', {
  async setup() {
    const { file: path, remove } = await folder();
    const clock = new ManualClock();
    let open = await openSqliteGate({ path, clock });
    return {
      gate: open,
      clock,
      async reopen() {
        await open.close();
        open = await openSqliteGate({ path, clock });
        return open;
      },
      async teardown() {
        await open.close();
        await remove();
      },
    };
  },
  processes: {
    access: 'one',
    store: {
      module: new URL('./gate-process.ts', import.meta.url),
      async make() {
        const { file, remove } = await folder();
        return { at: file, remove };
      },
    },
  },
});
