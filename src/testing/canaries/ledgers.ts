import type { Clock } from '../../core/clock.ts';
import type { NewCoupon } from '../../core/coupon.ts';
import type { IssueBatch, IssueOutcome, Ledger } from '../../core/ledger.ts';
import { type LedgerData, openModelLedger } from '../model-ledger.ts';
import { wrapLedger } from './wrap.ts';

/** A ledger that breaks one rule, to show that the suite can fail. */
export interface LedgerCanary {
  /** What it does wrong, in words. */
  readonly name: string;
  /** Tests of the suite that must fail with it, each by `concern > test`. */
  readonly failsAt: readonly string[];
  /** Opens it on a store of the model's. */
  open(clock: Pick<Clock, 'now'>, store: LedgerData): Ledger;
}

type Break = (ledger: Ledger, store: LedgerData) => Partial<Ledger>;

const breaking = (replace: Break) => (clock: Pick<Clock, 'now'>, store: LedgerData) => {
  const ledger = openModelLedger(clock, store);
  return wrapLedger(ledger, replace(ledger, store));
};

/** Issues a batch; where the outcome is of this kind, issues what `mend` makes of the batch instead. */
const forcing = (kind: IssueOutcome['outcome'], mend: (batch: IssueBatch, ledger: Ledger) => Promise<IssueOutcome>) =>
  breaking((ledger) => ({
    async issue(batch) {
      const outcome = await ledger.issue(batch);
      return outcome.outcome === kind ? mend(batch, ledger) : outcome;
    },
  }));

/** Issues coupons one by one and passes over those that are not taken. */
async function issueEach(ledger: Ledger, batch: IssueBatch): Promise<IssueOutcome> {
  const taken: NewCoupon[] = [];
  for (const coupon of batch.coupons) {
    const probe = await ledger.issue({ ...batch, to: null, coupons: [...taken, coupon] });
    if (probe.outcome === 'issued') taken.push(coupon);
  }
  return ledger.issue({ ...batch, coupons: taken });
}

const hasCoupon = (store: LedgerData, coupon: NewCoupon) => (one: LedgerData['coupons'][number]) =>
  one.eventId === coupon.eventId && one.slot === coupon.slot;

/** Takes away what stands on the slots of a batch, so that the batch takes its place. */
function clear(store: LedgerData, coupons: readonly NewCoupon[]): void {
  for (const coupon of coupons) {
    const stands = hasCoupon(store, coupon);
    store.coupons = store.coupons.filter((one) => !stands(one));
  }
}

export const ledgerCanaries: readonly LedgerCanary[] = [
  {
    name: 'takes the last coupon for the last slot',
    failsAt: ['reading > the last slot counts in failures as well'],
    open: breaking((_ledger, store) => ({
      lastSlot: async (eventId) =>
        store.coupons.reduce((last, one) => (one.eventId === eventId ? Math.max(last, one.slot) : last), 0),
    })),
  },
  {
    name: 'moves the position without the coupons',
    failsAt: ['issuing > writes coupons as they are, events, failures and the position at once'],
    open: breaking((ledger) => ({ issue: (batch) => ledger.issue({ ...batch, coupons: [] }) })),
  },
  {
    name: 'writes the coupons without the position',
    failsAt: ['the position of a partition > moves from where it is'],
    open: breaking((ledger, store) => ({
      async issue(batch) {
        const outcome = await ledger.issue(batch);
        if (outcome.outcome === 'issued') store.positions.delete(batch.partition);
        return outcome;
      },
    })),
  },
  {
    name: 'swallows a conflict',
    failsAt: ['a conflict is said, and nothing is written > another claim on the same slot'],
    open: forcing('conflict', (batch, ledger) => issueEach(ledger, batch)),
  },
  {
    name: 'drops a row that is refused',
    failsAt: ['a refused row is said, and nothing is written > alone and among others'],
    open: forcing('refused', (batch, ledger) => issueEach(ledger, batch)),
  },
  {
    name: 'puts the new win in place of the one that stands',
    failsAt: ['a conflict is said, and nothing is written > another claim on the same slot'],
    open: breaking((ledger, store) => ({
      issue(batch) {
        if (batch.to !== null && (store.positions.get(batch.partition) ?? null) === batch.from)
          clear(store, batch.coupons);
        return ledger.issue(batch);
      },
    })),
  },
  {
    name: 'issues a repeat anew, with its new code',
    failsAt: ['repeats are counted and harmless > with another code keep the code that was given out'],
    open: breaking((ledger, store) => ({
      async issue(batch) {
        const outcome = await ledger.issue(batch);
        if (outcome.outcome !== 'issued' || batch.to === null) return outcome;
        for (const coupon of batch.coupons) {
          const stands = hasCoupon(store, coupon);
          store.coupons = store.coupons.map((one) => (stands(one) ? { ...one, code: coupon.code } : one));
        }
        return outcome;
      },
    })),
  },
  {
    name: 'does not look where the position is',
    failsAt: ['the position of a partition > moved by another: says where it is, and writes nothing'],
    open: breaking((ledger, store) => ({
      issue: (batch) => ledger.issue({ ...batch, from: store.positions.get(batch.partition) ?? null }),
    })),
  },
  {
    name: 'keeps what a probe has written',
    failsAt: ['a probe tries all and changes nothing > of what would be issued'],
    open: breaking((ledger) => ({ issue: (batch) => ledger.issue({ ...batch, to: batch.to ?? batch.from ?? '0-0' }) })),
  },
  {
    name: 'lets an event go back to an earlier revision',
    failsAt: ['events > never go back to an earlier revision, put or issued'],
    open: breaking((ledger, store) => ({
      putEvent: async (event) => void store.events.set(event.spec.id, event),
    })),
  },
  {
    name: 'forgets the failed issuances of a batch',
    failsAt: ['failed issuances > are kept whole, their first attempt counted'],
    open: breaking((ledger) => ({ issue: (batch) => ledger.issue({ ...batch, failures: [] }) })),
  },
  {
    name: 'reissues what an operator has discarded',
    failsAt: ['reissuing > of what was discarded writes no coupon'],
    open: breaking((ledger, store) => ({
      async reissue(id, coupon, rate) {
        const outcome = await ledger.reissue(id, coupon, rate);
        if (
          outcome.outcome !== 'refused' ||
          store.failures.every((one) => one.id !== id || one.state !== 'discarded')
        ) {
          return outcome;
        }
        store.coupons.push({ ...coupon, issuedAt: coupon.wonAt });
        return { outcome: 'issued', repeats: 0, issuedAt: coupon.wonAt };
      },
    })),
  },
  {
    name: 'counts what is kept beside a coupon as a win of its own',
    failsAt: ['failed issuances > beside a coupon of their slot are no second win of it, waiting or discarded'],
    open: breaking((ledger, store) => ({
      async totals(eventId) {
        const placed = store.failures.filter((one) => one.eventId === eventId && one.slot !== null);
        const inState = (state: string) => placed.filter((one) => one.state === state).length;
        return { ...(await ledger.totals(eventId)), failed: inState('waiting'), discarded: inState('discarded') };
      },
    })),
  },
  {
    name: 'lets what nobody has won hold its slot',
    failsAt: ['changing a failed issuance > discards what nobody has won, which holds its slot no more'],
    open: breaking((ledger) => ({
      changeFailure: (id, change) =>
        ledger.changeFailure(id, change.state === 'discarded' ? { ...change, isNoWin: false } : change),
    })),
  },
  {
    name: 'takes another user under the same claim id for a repeat',
    failsAt: ['a conflict is said, and nothing is written > another user under the same claim id'],
    open: breaking((ledger, store) => ({
      issue(batch) {
        const coupons = batch.coupons.map((coupon) => {
          const standing = store.coupons.find(hasCoupon(store, coupon));
          return standing?.claimId === coupon.claimId ? { ...coupon, userId: standing.userId } : coupon;
        });
        return ledger.issue({ ...batch, coupons });
      },
    })),
  },
  {
    name: 'does not count attempts',
    failsAt: ['changing a failed issuance > that stays waiting counts an attempt'],
    open: breaking((ledger, store) => ({
      async changeFailure(id, change) {
        const changed = await ledger.changeFailure(id, change);
        store.failures = store.failures.map((one) => (one.id === id ? { ...one, attempts: 1 } : one));
        return changed;
      },
    })),
  },
  {
    name: 'knows users without regard to case',
    failsAt: ['ids, byte for byte > every user and key is one of its own, and comes back whole'],
    open: breaking((ledger) => ({
      issue: (batch) =>
        ledger.issue({
          ...batch,
          coupons: batch.coupons.map((coupon) => ({ ...coupon, userId: coupon.userId.toLowerCase() })),
        }),
    })),
  },
  {
    name: 'cuts a long record',
    failsAt: ['failed issuances > keep a record of 2 MB'],
    open: breaking((ledger) => ({
      issue: (batch) =>
        ledger.issue({
          ...batch,
          failures: batch.failures.map((failure) => ({ ...failure, record: failure.record.slice(0, 65_535) })),
        }),
    })),
  },
  {
    name: 'does not ask the rate',
    failsAt: ['the rate of issuing > used up: says for how long, and writes nothing'],
    open: breaking((ledger) => ({ issue: (batch) => ledger.issue({ ...batch, rate: null }) })),
  },
  {
    name: 'writes what the rate does not allow, and says that it has not',
    failsAt: ['the rate of issuing > used up: says for how long, and writes nothing'],
    open: breaking((ledger) => ({
      async issue(batch) {
        const outcome = await ledger.issue(batch);
        if (outcome.outcome === 'throttled') await ledger.issue({ ...batch, rate: null });
        return outcome;
      },
    })),
  },
  {
    name: 'holds each connection to the rate by itself',
    failsAt: ['the rate of issuing > holds several connections together'],
    open: breaking((ledger, store) => {
      let own: LedgerData['rate'] = null;
      return {
        async issue(batch) {
          store.rate = own;
          const outcome = await ledger.issue(batch);
          own = store.rate;
          return outcome;
        },
      };
    }),
  },
  {
    name: 'takes repeats of the rate',
    failsAt: ['the rate of issuing > is not used up by repeats'],
    open: breaking((ledger, store) => ({
      async issue(batch) {
        const outcome = await ledger.issue(batch);
        if (outcome.outcome === 'issued' && batch.rate !== null && store.rate !== null)
          store.rate = { ...store.rate, tokens: store.rate.tokens - outcome.repeats };
        return outcome;
      },
    })),
  },
  {
    name: 'takes a probe of the rate',
    failsAt: ['the rate of issuing > is not asked by a probe, which takes nothing of it'],
    open: breaking((ledger, store) => ({
      async issue(batch) {
        const outcome = await ledger.issue(batch);
        if (batch.to === null && batch.rate !== null)
          store.rate = { tokens: -1, filledAt: batch.coupons[0]?.wonAt ?? 0 };
        return outcome;
      },
    })),
  },
  {
    name: 'reissues without asking the rate',
    failsAt: [
      'the rate of issuing > is one for all partitions, and for what is reissued',
      'the rate of issuing > is used up by what is reissued',
    ],
    open: breaking((ledger) => ({ reissue: (id, coupon) => ledger.reissue(id, coupon, null) })),
  },
  {
    name: 'forgets the stops of a batch',
    failsAt: ['stopped events > are kept with the batch that stops them, in byte order'],
    open: breaking((ledger) => ({ issue: (batch) => ledger.issue({ ...batch, stops: [] }) })),
  },
  {
    name: 'stops events whatever becomes of the batch',
    failsAt: ['stopped events > are written with the position, or not at all'],
    open: breaking((ledger, store) => ({
      async issue(batch) {
        for (const { eventId, cause } of batch.stops) store.stopped.set(eventId, store.stopped.get(eventId) ?? cause);
        return ledger.issue(batch);
      },
    })),
  },
  {
    name: 'puts the last cause of a stop in place of the first',
    failsAt: ['stopped events > keep their first cause'],
    open: breaking((ledger, store) => ({
      async issue(batch) {
        const outcome = await ledger.issue(batch);
        if (outcome.outcome === 'issued' && batch.to !== null)
          for (const { eventId, cause } of batch.stops) store.stopped.set(eventId, cause);
        return outcome;
      },
    })),
  },
  {
    name: 'lets what was kept of a stopped event wait on',
    failsAt: ['stopped events > have what was kept of them due at once, and nothing else'],
    open: breaking((_ledger, store) => ({ unstop: async (eventId) => void store.stopped.delete(eventId) })),
  },
  {
    name: 'lets every event go on with the one',
    failsAt: ['stopped events > go on once they are let, alone'],
    open: breaking((ledger, store) => ({ unstop: async () => store.stopped.clear() })),
  },
];
