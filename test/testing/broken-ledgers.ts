/** Not a test of its own: runs the suite of ledgers on each canary and on the wrapper that breaks nothing. */
import { ledgerCanaries } from '../../src/testing/canaries/ledgers.ts';
import { wrapLedger } from '../../src/testing/canaries/wrap.ts';
import { ledgerConformance } from '../../src/testing/ledger/conformance.ts';
import { openModelLedger } from '../../src/testing/model-ledger.ts';
import { modelLedgerSetup } from './model-setup.ts';

const unbroken: typeof openModelLedger = (clock, store) => wrapLedger(openModelLedger(clock, store));

for (const { name, open } of [{ name: 'unbroken', open: unbroken }, ...ledgerCanaries]) {
  const lacks = { processes: 'it lives in the memory of one process' };
  ledgerConformance(name, { setup: () => modelLedgerSetup(open), lacks });
}
