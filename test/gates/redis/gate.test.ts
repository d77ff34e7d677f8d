/** The gate in Redis passes the suite of all gates, on one Redis and on a cluster, and does what the model does. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { wrapGate } from '../../../src/testing/canaries/wrap.ts';
import { gateConformance } from '../../../src/testing/gate/conformance.ts';
import { ManualClock } from '../../../src/testing/manual-clock.ts';
import { openModelGate } from '../../../src/testing/model-gate.ts';
import { runTrace, type TraceBench, type TraceStep } from '../../../src/testing/trace.ts';
import { describeService, sharedService } from '../../services/shared.ts';
import { modelGateSetup } from '../../testing/model-setup.ts';
import { traces } from '../../testing/trace-arbitrary.ts';
import { driverAt, setupAt } from './bench.ts';

for (const name of ['redis', 'redis-cluster'] as const) {
  describeService(name, name, () => {
    gateConformance(
      name,
      driverAt(() => sharedService(name)),
    );
  });
}

/** Nothing in a trace but its steps of the clock takes a minute, so that a clock that goes on is as good as one that stands. */
async function observedInRedis(url: string, trace: readonly TraceStep[]) {
  const setup = await setupAt(url);
  try {
    const from = await setup.gate.now();
    const atRest = (gate: typeof setup.gate) => wrapGate(gate, { now: async () => from });
    const bench: TraceBench = {
      gate: atRest(setup.gate),
      clock: new ManualClock(from),
      reopen: async () => atRest(await setup.reopen()),
    };
    return { from, seen: await runTrace(bench, trace) };
  } finally {
    await setup.teardown();
  }
}

async function observedInModel(from: number, trace: readonly TraceStep[]) {
  const { gate, reopen } = await modelGateSetup((_, store) => openModelGate(new ManualClock(from), store));
  return await runTrace({ gate, clock: new ManualClock(from), reopen: reopen as () => Promise<typeof gate> }, trace);
}

/** Without what the clock has to do with: when it was written, and the hash of a claim, which is over that. */
function timeless(value: unknown): unknown {
  const written = new Set(['wonAt', 'createdAt', 'lastTime', 'time']);
  const text = JSON.stringify(value, (key, part: unknown) => (written.has(key) ? null : part));
  return JSON.parse(text.replaceAll(/"(\d+)-[0-9a-f]{12}"/g, '"$1"'));
}

describeService('redis', 'the gate in Redis and the model', () => {
  it('do the same under random traces', async () => {
    const url = await sharedService('redis');
    const property = fc.asyncProperty(traces, async (trace) => {
      // The clock of Redis cannot be stepped.
      const steps = trace.filter((step) => step.do !== 'step');
      const { from, seen } = await observedInRedis(url, steps);
      assert.deepEqual(timeless(seen), timeless(await observedInModel(from, steps)));
    });
    await fc.assert(property, { numRuns: 150 });
  });
});
