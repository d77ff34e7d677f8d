/** How often a run is tried: until it has shown what it may, however it usually ends. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findStrategy } from '../../src/lab/catalog.ts';
import { runLab } from '../../src/lab/lab.ts';
import type { Verdict } from '../../src/lab/verdict.ts';
import { planOf } from './bench.ts';

/** What becomes of a strategy of which these endings are expected. */
async function triesOf(name: string, expected: readonly Verdict[]) {
  const strategy = { ...findStrategy(name), expects: () => expected };
  const selected = [{ strategy, variant: null, database: 'sqlite' }] as const;
  const plan = planOf({ selected, claims: 40, capacity: 10 });
  for await (const { run } of runLab(plan, { begun() {}, answered() {}, traced() {} }))
    return [run?.verdict, run?.asExpected, run?.tries];
  return assert.fail('nothing came of it');
}

test('what shows what is expected is run once', async () => {
  assert.deepEqual(await triesOf('mutex', ['safe']), ['safe', true, 1]);
  assert.deepEqual(await triesOf('try-lock', ['turned-away', 'safe']), ['turned-away', true, 1]);
});

test('the mildest of several endings is taken for what it is when nothing graver has come in five', async () => {
  assert.deepEqual(await triesOf('mutex', ['over', 'safe']), ['safe', true, 5]);
  assert.deepEqual(await triesOf('try-lock', ['turned-away', 'over']), ['turned-away', true, 5]);
});

test('what is milder than all that is expected is no proof, and what is graver needs none', async () => {
  assert.deepEqual(await triesOf('mutex', ['over']), ['safe', false, 5]);
  assert.deepEqual(await triesOf('try-lock', ['safe']), ['turned-away', false, 1]);
});
