/** The model passes the suite that it is the measure of. */
import { gateConformance } from '../../src/testing/gate/conformance.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { type ModelStore, openModelGate } from '../../src/testing/model-gate.ts';

gateConformance('model', {
  async setup() {
    const clock = new ManualClock();
    const store: ModelStore = new Map();
    const open: { gate: ReturnType<typeof openModelGate> } = { gate: openModelGate(clock, store) };
    return {
      gate: open.gate,
      clock,
      async reopen() {
        await open.gate.close();
        open.gate = openModelGate(clock, store);
        return open.gate;
      },
      teardown: () => open.gate.close(),
    };
  },
  lacks: { processes: 'it lives in the memory of one process' },
});
