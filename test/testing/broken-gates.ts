/** Not a test of its own: runs the suite of gates on each canary and on the wrapper that breaks nothing. */
import { gateCanaries } from '../../src/testing/canaries/gates.ts';
import { wrapGate } from '../../src/testing/canaries/wrap.ts';
import { gateConformance } from '../../src/testing/gate/conformance.ts';
import { openModelGate } from '../../src/testing/model-gate.ts';
import { modelGateSetup } from './model-setup.ts';

const unbroken: typeof openModelGate = (clock, store) => wrapGate(openModelGate(clock, store));

for (const { name, open } of [{ name: 'unbroken', open: unbroken }, ...gateCanaries]) {
  const lacks = { processes: 'it lives in the memory of one process' };
  gateConformance(name, { setup: () => modelGateSetup(open), lacks });
}
