/** The log that needs no broker passes the suite of logs, over the gate that it reads. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Gate } from '../../../src/core/gate.ts';
import { openSqliteGate } from '../../../src/gates/sqlite/gate.ts';
import { openEmbeddedLog } from '../../../src/logs/embedded/log.ts';
import { Attendance } from '../../../src/lib/attendance.ts';
import { logConformance } from '../../../src/testing/log/conformance.ts';
import { ManualClock } from '../../../src/testing/manual-clock.ts';
import { openModelGate } from '../../../src/testing/model-gate.ts';

const attendanceOf = (gate: Gate) => new Attendance({ gate, clock: new ManualClock(), worker: 'only' });
const nothingToDo = async () => undefined;

logConformance('embedded, over sqlite', {
  async setup() {
    const folder = await mkdtemp(join(tmpdir(), 'dibs-log-'));
    const gate = await openSqliteGate({ path: join(folder, 'gate.db'), clock: new ManualClock() });
    return {
      gate,
      log: openEmbeddedLog(gate, attendanceOf(gate)),
      settle: nothingToDo,
      async teardown() {
        await gate.close();
        await rm(folder, { recursive: true });
      },
    };
  },
});

// Any gate will do: the model also forgets what it is told to trim, which the SQLite gate does not.
logConformance('embedded, over the model', {
  async setup() {
    const gate = openModelGate(new ManualClock());
    return { gate, log: openEmbeddedLog(gate, attendanceOf(gate)), settle: nothingToDo, teardown: () => gate.close() };
  },
});
