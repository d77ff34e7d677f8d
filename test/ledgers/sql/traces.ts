/** Whatever is asked of it, in whatever order, the ledger does what the model does. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { NewCoupon } from '../../../src/core/coupon.ts';
import type { IssueBatch, IssueOutcome, Ledger, LedgerEvent, NewFailure } from '../../../src/core/ledger.ts';
import { couponOf, failureOf, ledgerEvent } from '../../../src/testing/ledger/acting.ts';
import { ManualClock } from '../../../src/testing/manual-clock.ts';
import { emptyLedgerData, openModelLedger } from '../../../src/testing/model-ledger.ts';
import { migrated } from './bench.ts';
import type { Subject } from './conformance.ts';

type Step =
  | { readonly act: 'issue'; readonly stale: boolean; readonly probe: boolean; readonly batch: Partial<IssueBatch> }
  | { readonly act: 'reissue'; readonly which: number; readonly coupon: NewCoupon }
  | { readonly act: 'change'; readonly which: number; readonly discard: boolean; readonly isNoWin: boolean }
  | { readonly act: 'put'; readonly event: LedgerEvent }
  | { readonly act: 'unstop' };

// So few of each that they meet.
const coupon = fc
  .record({
    slot: fc.integer({ min: 1, max: 5 }),
    user: fc.integer({ min: 1, max: 3 }),
    nth: fc.integer({ min: 1, max: 2 }),
    claim: fc.option(fc.integer({ min: 1, max: 5 }), { freq: 3, nil: null }),
  })
  .map(({ slot, user, nth, claim }): NewCoupon => {
    const own = couponOf(slot, { userId: `user-${user}`, nth });
    // Mostly the claim of that slot and user, so that repeats are found as well. A claim id is of one user: it is made of the win.
    return { ...own, claimId: `${claim === null ? slot : `claim-${claim}`}-${user}-${nth}` };
  });
const event = fc.integer({ min: 1, max: 4 }).map((revision) => ledgerEvent(revision, { phase: 'paused' }));
const failure = fc
  .option(fc.integer({ min: 4, max: 7 }), { nil: null })
  .map((slot): NewFailure => failureOf(slot, { error: slot === null ? 'poison' : `no ${slot}` }));
const batch = fc.record({
  coupons: fc.array(coupon, { maxLength: 4 }),
  events: fc.array(event, { maxLength: 2 }),
  failures: fc.array(failure, { maxLength: 2 }),
  stops: fc.array(
    fc.integer({ min: 1, max: 9 }).map((n) => ({ eventId: 'drop', cause: `cause ${n}` })),
    { maxLength: 2 },
  ),
});
const rarely = fc.integer({ min: 0, max: 5 }).map((n) => n === 0);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ act: fc.constant('issue' as const), stale: rarely, probe: rarely, batch }) },
  { weight: 2, arbitrary: fc.record({ act: fc.constant('reissue' as const), which: fc.nat(5), coupon }) },
  {
    weight: 1,
    arbitrary: fc.record({
      act: fc.constant('change' as const),
      which: fc.nat(5),
      discard: fc.boolean(),
      isNoWin: rarely,
    }),
  },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('put' as const), event }) },
  { weight: 1, arbitrary: fc.constant({ act: 'unstop' as const }) },
);

/** Does the steps on an event of its own, and tells what was answered and what is there in the end. */
async function run(ledger: Ledger, steps: readonly Step[], eventId: string): Promise<unknown[]> {
  const seen: unknown[] = [];
  const own = <T extends { readonly eventId: string | null }>(one: T): T => ({ ...one, eventId });
  const ownEvent = (one: LedgerEvent): LedgerEvent => ({ ...one, spec: { ...one.spec, id: eventId } });
  const failures = () => ledger.failures({ eventId, afterId: 0, limit: 100 });
  for (const [index, step] of steps.entries()) {
    const position = await ledger.position(eventId);
    switch (step.act) {
      case 'issue': {
        const { coupons = [], events = [], failures: failed = [], stops = [] } = step.batch;
        const place = {
          partition: eventId,
          from: step.stale ? 'elsewhere' : position,
          to: step.probe ? null : `${index}`,
        };
        const parts = { coupons: coupons.map(own), failures: failed.map(own), stops: stops.map(own) };
        seen.push(told(await ledger.issue({ ...place, ...parts, events: events.map(ownEvent), rate: null })));
        break;
      }
      case 'reissue':
        seen.push(told(await ledger.reissue((await failures())[step.which]?.id ?? 0, own(step.coupon), null)));
        break;
      case 'change': {
        const change = step.discard
          ? ({ state: 'discarded', reason: 'by hand', isNoWin: step.isNoWin } as const)
          : ({ state: 'waiting', error: 'again', nextAttemptAt: index } as const);
        seen.push(await ledger.changeFailure((await failures())[step.which]?.id ?? 0, change));
        break;
      }
      case 'put':
        await ledger.putEvent(ownEvent(step.event));
        break;
      case 'unstop':
        await ledger.unstop(eventId);
    }
  }
  const coupons = (await ledger.coupons(eventId, 0, 100)).map((one) => ({ ...one, issuedAt: 0 }));
  const kept = (await failures()).map((one) => ({ ...one, id: 0 }));
  const stops = (await ledger.stopped()).filter((one) => one.eventId === eventId);
  seen.push(coupons, kept, stops, await ledger.totals(eventId), await ledger.event(eventId));
  return seen;
}

/** An outcome without what each ledger says in its own words, or by its own clock. */
function told(outcome: IssueOutcome): unknown {
  const { issuedAt: _, message: __, error: ___, ...rest } = { issuedAt: 0, message: '', error: '', ...outcome };
  return rest;
}

export function registerTraces(subject: Subject): void {
  describe('random traces', () => {
    it('end as they do on the model', async (t) => {
      const { ledger } = await migrated(t, subject);
      const outcomes = new Set<string>();
      let runs = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
          runs += 1;
          const eventId = `event-${runs}`;
          const model = openModelLedger(new ManualClock(), { ...emptyLedgerData(), migrated: true });
          const expected = await run(model, steps, eventId);
          assert.deepEqual(await run(ledger, steps, eventId), expected);
          for (const one of expected) if (one instanceof Object && 'outcome' in one) outcomes.add(String(one.outcome));
        }),
        { numRuns: 150 },
      );
      assert.deepEqual([...outcomes].toSorted(), ['conflict', 'issued', 'moved', 'refused']);
    });
  });
}
