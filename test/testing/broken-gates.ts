/** Not a test of its own: runs the suite of gates on each canary and on the wrapper that breaks nothing. */
import type { Clock } from '../../src/core/clock.ts';
import type { Gate } from '../../src/core/gate.ts';
import { judgingCanaries } from '../../src/testing/canaries/gates.ts';
import { keepingCanaries } from '../../src/testing/canaries/keeping-gates.ts';
import { wrapGate } from '../../src/testing/canaries/wrap.ts';
import { gateConformance } from '../../src/testing/gate/conformance.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { type ModelStore, openModelGate } from '../../src/testing/model-gate.ts';

function judge(name: string, open: (clock: Pick<Clock, 'now'>, store: ModelStore) => Gate): void {
  gateConformance(name, {
    async setup() {
      const clock = new ManualClock();
      const store: ModelStore = new Map();
      let gate = open(clock, store);
      return {
        gate,
        clock,
        async reopen() {
          await gate.close();
          gate = open(clock, store);
          return gate;
        },
        teardown: () => gate.close(),
      };
    },
    lacks: { processes: 'it lives in the memory of one process' },
  });
}

judge('unbroken', (clock, store) => wrapGate(openModelGate(clock, store)));
for (const { name, open } of [...judgingCanaries, ...keepingCanaries]) judge(name, open);
