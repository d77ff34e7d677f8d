/** The log that needs no broker passes the suite of logs, over the gate that it reads. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Gate } from '../../../src/core/gate.ts';
import type { WinLog } from '../../../src/core/win-log.ts';
import { openSqliteGate } from '../../../src/gates/sqlite/gate.ts';
import { openEmbeddedLog } from '../../../src/logs/embedded/log.ts';
import { Attendance } from '../../../src/lib/attendance.ts';
import { systemClock } from '../../../src/lib/system-clock.ts';
import { logConformance } from '../../../src/testing/log/conformance.ts';
import { ManualClock } from '../../../src/testing/manual-clock.ts';
import { openModelGate } from '../../../src/testing/model-gate.ts';
import { openGateAt } from '../../gates/redis/bench.ts';
import { describeService, freshName, sharedService } from '../../services/shared.ts';

const nothingToDo = async () => undefined;
const lacks = {
  append: 'its records are the outbox of the gate',
  plant: 'nobody but the gate writes to it',
} as const;

/** A log in the hands of a worker of its own, who goes when it is closed. */
function worker(gate: Gate, name: string, isShared = false) {
  const attendance = new Attendance({ gate, clock: systemClock, worker: name, isShared });
  const log = openEmbeddedLog(gate, attendance);
  return { log: { ...log, close: () => attendance.stop() }, attendance };
}

logConformance('embedded, over sqlite', {
  lacks: { ...lacks, workers: 'one process alone has the gate' },
  async setup() {
    const folder = await mkdtemp(join(tmpdir(), 'dibs-log-'));
    const gate = await openSqliteGate({ path: join(folder, 'gate.db'), clock: new ManualClock() });
    const { log, attendance } = worker(gate, 'only');
    return {
      gate,
      log,
      settle: nothingToDo,
      async teardown() {
        await attendance.stop();
        await gate.close();
        await rm(folder, { recursive: true });
      },
    };
  },
});

// Any gate will do: the model also forgets what it is told to trim, which the SQLite gate does not.
logConformance('embedded, over the model', {
  lacks,
  async setup() {
    const gate = openModelGate(new ManualClock());
    const workers = [worker(gate, 'one')];
    return {
      gate,
      log: workers[0]!.log,
      settle: nothingToDo,
      async connect() {
        const another = worker(gate, `another-${workers.length}`);
        workers.push(another);
        return another.log;
      },
      async teardown() {
        for (const { attendance } of workers) await attendance.stop();
        await gate.close();
      },
    };
  },
});

// As it runs on many machines: each worker has a connection of its own, and they know of each other by Redis alone.
describeService('redis', 'over redis', () => {
  logConformance('embedded, over redis', {
    lacks,
    async setup() {
      const [url, prefix] = [await sharedService('redis'), freshName()];
      const workers: { readonly gate: Gate; readonly log: WinLog; readonly attendance: Attendance }[] = [];
      const connect = async () => {
        const gate = await openGateAt({ url, prefix });
        const made = { gate, ...worker(gate, `worker-${workers.length}`, true) };
        workers.push(made);
        return made;
      };
      const { gate, log } = await connect();
      return {
        gate,
        log,
        settle: nothingToDo,
        connect: async () => (await connect()).log,
        async teardown() {
          for (const { attendance, gate } of workers) {
            await attendance.stop();
            await gate.close();
          }
        },
      };
    },
  });
});
