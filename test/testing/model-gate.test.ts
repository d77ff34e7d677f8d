/** The model passes the suite that it is the measure of. */
import { gateConformance } from '../../src/testing/gate/conformance.ts';
import { openModelGate } from '../../src/testing/model-gate.ts';
import { modelGateSetup } from './model-setup.ts';

gateConformance('model', {
  setup: () => modelGateSetup(openModelGate),
  lacks: { processes: 'it lives in the memory of one process' },
});
