/** Not a test of its own: runs the suites on models that are said to lack every ability. */
import { systemClock } from '../../src/lib/system-clock.ts';
import { openModelGate } from '../../src/testing/model-gate.ts';
import { openModelLedger } from '../../src/testing/model-ledger.ts';
import { gateConformance } from '../../src/testing/gate/conformance.ts';
import { ledgerConformance } from '../../src/testing/ledger/conformance.ts';
import { modelGateSetup, modelLedgerSetup } from './model-setup.ts';

const lacksOf = <Ability extends string>(...abilities: Ability[]) =>
  Object.fromEntries(abilities.map((ability) => [ability, `no ${ability} here`])) as Record<Ability, string>;

gateConformance('lacking', {
  async setup() {
    const { gate, teardown } = await modelGateSetup(openModelGate);
    return { gate, teardown };
  },
  lacks: lacksOf('clock', 'reopen', 'processes', 'fence'),
});

ledgerConformance('lacking', {
  async setup() {
    // Without a clock that the suite can step, the ledger's own has to go on by itself.
    const { ledger, teardown } = await modelLedgerSetup((_clock, store) => openModelLedger(systemClock, store));
    return { ledger, teardown };
  },
  lacks: lacksOf('clock', 'plant', 'connections', 'processes'),
});
