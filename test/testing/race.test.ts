/** A race across processes finds what no test within one can: a gate that reads, then writes. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { outcomesOf } from './outcomes.ts';

describe('races across processes', () => {
  const outcomes = outcomesOf(new URL('./races.ts', import.meta.url));
  const outcomeOf = async (name: string) => {
    const outcome = (await outcomes).get(name) ?? assert.fail(`the races did not run on ${name}`);
    const short = (path: string) => path.replace('races across processes > ', '');
    return {
      passed: outcome.passed.map(short),
      failed: outcome.failed.map(short),
      skipped: outcome.skipped.map(short),
    };
  };

  it('pass a gate that decides in one transaction', async () => {
    const { passed, failed } = await outcomeOf('whole');
    assert.deepEqual(passed.slice(0, 2), ['four processes sell every place once', 'four processes give one user k']);
    assert.deepEqual(failed, []);
  });

  it('catch a gate that reads, then writes', async () => {
    const { failed } = await outcomeOf('torn');
    assert.ok(failed.includes('four processes sell every place once'), failed.join('\n'));
    assert.ok(failed.includes('four processes give one user k'), failed.join('\n'));
  });

  it('catch a store that says it is held by one process, and lets a second in', async () => {
    const { failed } = await outcomeOf('unlocked');
    assert.ok(failed.includes('a second process is refused with store_locked'), failed.join('\n'));
  });

  it('say aloud what they skip, and why', async () => {
    const { skipped } = await outcomeOf('whole');
    assert.deepEqual(skipped, [
      'a second process is refused with store_locked: this store is shared',
      'a killed process leaves no lock behind: this store is shared',
    ]);
  });
});
