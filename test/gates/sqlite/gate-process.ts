/** A gate in a process of its own, on the machine's own clock: what races and kills run. */
import { openSqliteGate } from '../../../src/gates/sqlite/gate.ts';
import { systemClock } from '../../../src/lib/system-clock.ts';
import { serveRemote } from '../../../src/testing/remote.ts';

await serveRemote((path) => openSqliteGate({ path, clock: systemClock }));
