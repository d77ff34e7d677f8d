/** The suites can fail: each canary breaks one rule and is caught by the tests of that rule; what breaks none passes. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gateCanaries } from '../../src/testing/canaries/gates.ts';
import { ledgerCanaries } from '../../src/testing/canaries/ledgers.ts';
import { logCanaries } from '../../src/testing/canaries/logs.ts';
import { outcomesOf, type SuiteOutcome } from './outcomes.ts';

interface Canary {
  readonly name: string;
  readonly failsAt: readonly string[];
}

function judge(port: string, file: URL, canaries: readonly Canary[]): void {
  const outcomes = outcomesOf(file);
  const outcomeOf = async (name: string): Promise<SuiteOutcome> =>
    (await outcomes).get(`${port} conformance: ${name}`) ?? assert.fail(`the suite did not run on ${name}`);

  describe(`the suite of ${port}s`, () => {
    it('passes the wrapper that breaks nothing', async () => {
      const { passed, failed } = await outcomeOf('unbroken');
      assert.deepEqual(failed, []);
      assert.ok(passed.length > 15, `${passed.length} tests ran`);
    });
    for (const { name, failsAt } of canaries) {
      it(`catches the one that ${name}`, async () => {
        const { failed, passed } = await outcomeOf(name);
        for (const test of failsAt)
          assert.ok(failed.includes(test), `"${test}" should fail, of:\n${failed.join('\n')}`);
        // One rule is broken: where nothing passes, the bench is what is broken.
        assert.ok(passed.length > 0, `${failed.length} of its tests fail:\n${failed.join('\n')}`);
      });
    }
  });
}

judge('gate', new URL('./broken-gates.ts', import.meta.url), gateCanaries);
judge('ledger', new URL('./broken-ledgers.ts', import.meta.url), ledgerCanaries);
judge('log', new URL('./broken-logs.ts', import.meta.url), logCanaries);
