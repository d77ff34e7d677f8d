/** The model passes the suite that its broken copies fail. */
import { ledgerConformance } from '../../src/testing/ledger/conformance.ts';
import { openModelLedger } from '../../src/testing/model-ledger.ts';
import { modelLedgerSetup } from './model-setup.ts';

ledgerConformance('model', {
  setup: () => modelLedgerSetup(openModelLedger),
  lacks: { processes: 'it lives in the memory of one process' },
});
