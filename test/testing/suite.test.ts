/** A suite never passes over in silence what a driver cannot do. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DibsError } from '../../src/core/errors.ts';
import { gateConformance, ledgerConformance, openModelGate, openModelLedger } from '../../src/testing/main.ts';
import { troubleOf } from '../../src/testing/refusal.ts';
import { demandAbilities, reasonToSkip } from '../../src/testing/suite.ts';
import { modelGateSetup, modelLedgerSetup } from './model-setup.ts';
import { outcomesOf } from './outcomes.ts';

describe('abilities', () => {
  it('that are there, or explained, are in order', () => {
    demandAbilities('mine', { clock: true, reopen: false }, { reopen: 'it is in memory' });
  });
  it('that are neither there nor explained are refused', () => {
    assert.throws(
      () => demandAbilities('mine', { clock: false }, {}),
      /mine has not the ability 'clock'.*lacks\.clock/,
    );
    const gate = () => gateConformance('mine', { setup: () => modelGateSetup(openModelGate) });
    assert.throws(gate, /mine has not the ability 'processes'/);
    const ledger = () => ledgerConformance('mine', { setup: () => modelLedgerSetup(openModelLedger) });
    assert.throws(ledger, /mine has not the ability 'processes'/);
  });
  it('that are there and explained away are refused', () => {
    assert.throws(
      () => demandAbilities('mine', { clock: true }, { clock: 'none' }),
      /has the ability 'clock' and says/,
    );
  });
  it('that are lacking are the reason of a skip', () => {
    assert.equal(reasonToSkip(['clock'], {}), false);
    assert.equal(reasonToSkip([], { clock: 'none' }), false);
    assert.equal(
      reasonToSkip(['clock', 'reopen'], { clock: 'none', reopen: 'never' }),
      'lacks clock: none; lacks reopen: never',
    );
  });
});

describe('a driver that lacks what it can', () => {
  const outcomes = outcomesOf(new URL('./lacking.ts', import.meta.url));
  for (const [suite, abilities] of [
    ['gate conformance: lacking', ['clock', 'reopen', 'processes', 'fence']],
    ['ledger conformance: lacking', ['clock', 'plant', 'connections', 'processes']],
  ] as const) {
    it(`passes the rest of the ${suite.split(':')[0] ?? ''}, and each skip says why`, async () => {
      const { passed, failed, skipped } = (await outcomes).get(suite) ?? assert.fail(`${suite} did not run`);
      assert.deepEqual(failed, []);
      assert.ok(passed.length > 40, `${passed.length} tests ran`);
      for (const ability of abilities) {
        assert.ok(
          skipped.some((one) => one.includes(`lacks ${ability}: no ${ability} here`)),
          ability,
        );
      }
    });
  }
});

describe('trouble that has to come', () => {
  it('is given, and nothing else passes for it', async () => {
    const closed = new DibsError('closed');
    assert.equal(await troubleOf('closed', () => Promise.reject(closed)), closed);
    await assert.rejects(
      troubleOf('paused', () => Promise.reject(closed)),
      /should be paused/,
    );
    await assert.rejects(
      troubleOf('closed', async () => 7),
      /should have thrown closed, and gave 7/,
    );
    await assert.rejects(
      troubleOf('closed', () => Promise.reject(new TypeError('bug'))),
      TypeError,
    );
  });
});
