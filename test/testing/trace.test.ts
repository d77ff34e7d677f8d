/** Traces tell gates apart: the same gate twice is the same, and one with a broken rule is found out. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Clock } from '../../src/core/clock.ts';
import type { Gate } from '../../src/core/gate.ts';
import { gateCanaries } from '../../src/testing/canaries/gates.ts';
import { sharingCanaries } from '../../src/testing/canaries/sharing-gates.ts';
import { wrapGate } from '../../src/testing/canaries/wrap.ts';
import type { GateBench } from '../../src/testing/gate/bench.ts';
import { type ModelStore, openModelGate } from '../../src/testing/model-gate.ts';
import { runTrace, type TraceStep } from '../../src/testing/trace.ts';
import { modelGateSetup } from './model-setup.ts';
import { traces } from './trace-arbitrary.ts';

type Open = (clock: Pick<Clock, 'now'>, store: ModelStore) => Gate;

const observed = async (open: Open, trace: readonly TraceStep[]) =>
  runTrace((await modelGateSetup(open)) as Required<Pick<GateBench, 'gate' | 'clock' | 'reopen'>>, trace);

const differs = (open: Open) =>
  fc.check(
    fc.asyncProperty(traces, async (trace) => {
      assert.deepEqual(await observed(open, trace), await observed(openModelGate, trace));
    }),
    // One seed: whether a canary is found must not depend on the day. The drivers are compared on other traces each time.
    { numRuns: 2000, seed: 1 },
  );

// What a trace cannot see: none of its ids are alike, its events are few and never asked for together, it ends before it closes,
// and it knows neither of fences nor of workers, nor of two who restore at once.
const unseen = new Set([
  'lists events as they were made',
  'knows users without regard to case',
  'cuts long user ids',
  'takes user and key for one text',
  'gives events in an order of its own',
  'goes on once it is closed',
  'restores upon whatever stands',
  'looks at the wins alone of what a restoration goes by',
  'says that an outbox ends with its wins',
  'shows no extent behind the first page',
  ...sharingCanaries.map(({ name }) => name),
]);

describe('random traces', () => {
  it('find nothing in a gate that breaks nothing', async () => {
    const details = await differs((clock, store) => wrapGate(openModelGate(clock, store)));
    assert.equal(details.failed, false, fc.defaultReportMessage(details));
  });

  it('reach every decision and every trouble that a gate has', async () => {
    const reached = new Set<string>();
    const words = /"(?:outcome|reason|trouble)":"(\w+)"|"replayed":(true)/g;
    for (const trace of fc.sample(traces, { numRuns: 500, seed: 1 })) {
      const text = JSON.stringify(await observed(openModelGate, trace));
      for (const [, word, replayed] of text.matchAll(words)) reached.add(word ?? `replayed ${replayed ?? ''}`);
    }
    const decisions = ['won', 'replayed true', 'rejected', 'key_required'];
    const reasons = ['closed', 'not_open', 'paused', 'limit_reached', 'sold_out'];
    const troubles = ['event_not_found', 'revision_mismatch', 'already_open', 'capacity_below_won', 'invalid_request'];
    for (const word of [...decisions, ...reasons, ...troubles])
      assert.ok(reached.has(word), `${word} should be reached`);
  });

  for (const { name, open } of gateCanaries) {
    if (unseen.has(name)) continue;
    it(`find out the gate that ${name}`, async () => {
      assert.equal((await differs(open)).failed, true);
    });
  }
});
