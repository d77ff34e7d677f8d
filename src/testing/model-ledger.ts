import type { Clock } from '../core/clock.ts';
import type { Coupon, FailedIssuance, FailedIssuanceState, NewCoupon } from '../core/coupon.ts';
import { DibsError } from '../core/errors.ts';
import { freshRate, type IssueRate, msUntilDue, type RateState, refilled, taken } from '../core/issue-rate.ts';
import type {
  FailureChange,
  FailureQuery,
  IssueBatch,
  IssueOutcome,
  Ledger,
  LedgerEvent,
  LedgerTotals,
  NewFailure,
  StoppedEvent,
} from '../core/ledger.ts';
import { sameWin } from '../core/win.ts';

/** What the model keeps; it outlives the ledgers that are opened on it. Plain data: `structuredClone` copies it. */
export interface LedgerData {
  migrated: boolean;
  events: Map<string, LedgerEvent>;
  coupons: (Coupon & { readonly eventId: string })[];
  failures: FailedIssuance[];
  positions: Map<string, string>;
  rate: RateState | null;
  stopped: Map<string, string>;
  /** Coupons that it refuses for their own sake, as `<event> <slot>`. */
  refused: Set<string>;
}

export const emptyLedgerData = (): LedgerData => ({
  migrated: false,
  events: new Map(),
  coupons: [],
  failures: [],
  positions: new Map(),
  rate: null,
  stopped: new Map(),
  refused: new Set(),
});

/** A ledger in memory that says what a ledger has to do, in the plainest way there is. */
export function openModelLedger(clock: Pick<Clock, 'now'>, store: LedgerData): Ledger {
  return new ModelLedger(clock, store);
}

class ModelLedger implements Ledger {
  readonly kind = 'model';
  readonly #clock: Pick<Clock, 'now'>;
  readonly #store: LedgerData;
  #open = true;

  constructor(clock: Pick<Clock, 'now'>, store: LedgerData) {
    this.#clock = clock;
    this.#store = store;
  }

  async migrate(): Promise<string[]> {
    const names = this.#store.migrated ? [] : ['0001-model'];
    this.#store.migrated = true;
    return names;
  }

  async check(): Promise<void> {
    this.#data();
  }

  async putEvent(event: LedgerEvent): Promise<void> {
    putEvent(this.#data(), event);
  }

  async event(eventId: string): Promise<LedgerEvent | null> {
    return this.#data().events.get(eventId) ?? null;
  }

  async events(after: string | null, limit: number): Promise<LedgerEvent[]> {
    const { events } = this.#data();
    const ids = [...events.keys()].filter((id) => after === null || id > after).toSorted((a, b) => (a < b ? -1 : 1));
    return ids.slice(0, limit).flatMap((id) => events.get(id) ?? []);
  }

  async position(partition: string): Promise<string | null> {
    return this.#data().positions.get(partition) ?? null;
  }

  async issue({ partition, from, to, events, coupons, failures, stops, rate }: IssueBatch): Promise<IssueOutcome> {
    return this.#transact(to !== null, (data, now) => {
      const position = data.positions.get(partition) ?? null;
      if (position !== from) return { outcome: 'moved', position };
      for (const event of events) putEvent(data, event);
      for (const failure of failures) keepFailure(data, failure);
      for (const { eventId, cause } of stops) if (!data.stopped.has(eventId)) data.stopped.set(eventId, cause);
      if (to !== null) data.positions.set(partition, to);
      return writeAtRate(data, coupons, to === null ? null : rate, now);
    });
  }

  async coupons(eventId: string, after: number, limit: number): Promise<Coupon[]> {
    const found = this.#data().coupons.filter((one) => one.eventId === eventId && one.slot > after);
    return found
      .toSorted((a, b) => a.slot - b.slot)
      .slice(0, limit)
      .map(plain);
  }

  async couponsBySlot(eventId: string, slots: readonly number[]): Promise<Coupon[]> {
    return this.#data()
      .coupons.filter((one) => one.eventId === eventId && slots.includes(one.slot))
      .map(plain);
  }

  async totals(eventId: string): Promise<LedgerTotals> {
    const { coupons, failures } = this.#data();
    const issued = coupons.filter((one) => one.eventId === eventId);
    const kept = failures.filter((one) => one.eventId === eventId && one.slot !== null);
    const slots = new Set<number | null>(issued.map((one) => one.slot));
    const inState = (state: FailedIssuanceState) =>
      kept.filter((one) => one.state === state && !slots.has(one.slot)).length;
    const lastSlot = Math.max(0, ...[...issued, ...kept].map((one) => one.slot ?? 0));
    return { issued: issued.length, failed: inState('waiting'), discarded: inState('discarded'), lastSlot };
  }

  async lastSlot(eventId: string): Promise<number> {
    return (await this.totals(eventId)).lastSlot;
  }

  async failures({ state, dueAt, eventId, afterId, limit }: FailureQuery): Promise<FailedIssuance[]> {
    const found = this.#data().failures.filter(
      (one) =>
        one.id > afterId &&
        (state === undefined || one.state === state) &&
        (eventId === undefined || one.eventId === eventId) &&
        (dueAt === undefined || (one.state === 'waiting' && (one.nextAttemptAt ?? 0) <= dueAt)),
    );
    if (dueAt !== undefined) found.sort((a, b) => (a.nextAttemptAt ?? 0) - (b.nextAttemptAt ?? 0));
    return found.slice(0, limit);
  }

  async failure(id: number): Promise<FailedIssuance | null> {
    return this.#data().failures.find((one) => one.id === id) ?? null;
  }

  async failuresBySlot(eventId: string, slots: readonly number[]): Promise<FailedIssuance[]> {
    return this.#data().failures.filter((one) => one.eventId === eventId && slots.includes(one.slot ?? 0));
  }

  async failureTotals(): Promise<Record<FailedIssuanceState, number>> {
    const totals = { waiting: 0, reissued: 0, discarded: 0 };
    for (const { state } of this.#data().failures) totals[state] += 1;
    return totals;
  }

  async reissue(id: number, coupon: NewCoupon, rate: IssueRate | null): Promise<IssueOutcome> {
    return this.#transact(true, (data, now) => {
      const state = data.failures.find((one) => one.id === id)?.state;
      if (state !== 'waiting' && state !== 'reissued') return { outcome: 'refused', error: 'It waits no longer.' };
      changeFailure(data, id, { state: 'reissued', nextAttemptAt: null });
      return writeAtRate(data, [coupon], rate, now);
    });
  }

  async changeFailure(id: number, change: FailureChange): Promise<boolean> {
    const data = this.#data();
    if (change.state === 'discarded') {
      const { isNoWin = false, ...rest } = change;
      return changeFailure(data, id, { ...rest, nextAttemptAt: null, ...(isNoWin ? { slot: null } : {}) });
    }
    const attempts = (data.failures.find((one) => one.id === id)?.attempts ?? 0) + 1;
    return changeFailure(data, id, { ...change, attempts });
  }

  async stopped(): Promise<StoppedEvent[]> {
    const entries = [...this.#data().stopped].map(([eventId, cause]) => ({ eventId, cause }));
    return entries.toSorted((a, b) => (a.eventId < b.eventId ? -1 : 1));
  }

  async unstop(eventId: string): Promise<void> {
    const data = this.#data();
    data.stopped.delete(eventId);
    data.failures = data.failures.map((one) =>
      one.eventId === eventId && one.state === 'waiting' ? { ...one, nextAttemptAt: 0 } : one,
    );
  }

  async close(): Promise<void> {
    this.#open = false;
  }

  #data(): LedgerData {
    if (!this.#open) throw new DibsError('unavailable', 'The ledger is closed.');
    if (!this.#store.migrated) throw new DibsError('store_not_migrated');
    return this.#store;
  }

  /** Runs `act` on a copy, which takes the place of what stands where the outcome is `issued` and is to be kept. */
  #transact(keep: boolean, act: (data: LedgerData, now: number) => IssueOutcome): IssueOutcome {
    const draft = structuredClone(this.#data());
    const outcome = act(draft, this.#clock.now());
    if (keep && outcome.outcome === 'issued') Object.assign(this.#store, draft);
    return outcome;
  }
}

function plain(coupon: Coupon): Coupon {
  const { slot, userId, nth, claimId, key, wonAt, code, issuedAt } = coupon;
  return { slot, userId, nth, claimId, key, wonAt, code, issuedAt };
}

function putEvent({ events }: LedgerData, event: LedgerEvent): void {
  const standing = events.get(event.spec.id);
  if (standing !== undefined && standing.revision >= event.revision) return;
  events.set(event.spec.id, { ...event, createdAt: standing?.createdAt ?? event.createdAt });
}

function writeAtRate(
  data: LedgerData,
  coupons: readonly NewCoupon[],
  rate: IssueRate | null,
  now: number,
): IssueOutcome {
  if (rate === null || coupons.length === 0) return writeCoupons(data, coupons, now);
  const state = refilled(data.rate ?? freshRate(now), rate, now);
  const waitMs = msUntilDue(state, rate);
  if (waitMs > 0) return { outcome: 'throttled', waitMs };
  const outcome = writeCoupons(data, coupons, now);
  if (outcome.outcome === 'issued') data.rate = taken(state, coupons.length - outcome.repeats);
  return outcome;
}

function writeCoupons(data: LedgerData, coupons: readonly NewCoupon[], issuedAt: number): IssueOutcome {
  let repeats = 0;
  for (const coupon of coupons) {
    const { eventId, slot, userId, nth, claimId } = coupon;
    if (data.refused.has(`${eventId} ${slot}`)) return { outcome: 'refused', error: `slot ${slot} is refused` };
    const standing = data.coupons.filter((one) => one.eventId === eventId);
    const atSlot = standing.find((one) => one.slot === slot);
    const others = standing.filter((one) => (one.userId === userId && one.nth === nth) || one.claimId === claimId);
    const isRepeat = atSlot !== undefined && sameWin(atSlot, coupon);
    if (!isRepeat && (atSlot !== undefined || others.length > 0)) {
      return { outcome: 'conflict', eventId, slot, message: `another win stands where slot ${slot} belongs` };
    }
    if (isRepeat) repeats += 1;
    else data.coupons.push({ ...coupon, issuedAt });
  }
  return { outcome: 'issued', repeats, issuedAt };
}

function keepFailure({ failures }: LedgerData, failure: NewFailure): void {
  const { eventId, slot } = failure;
  const stands = failures.some((one) => slot !== null && one.eventId === eventId && one.slot === slot);
  if (stands) return;
  failures.push({ id: failures.length + 1, ...failure, attempts: 1, state: 'waiting', reason: null });
}

/** Changes a waiting failed issuance; false where it does not wait. */
function changeFailure({ failures }: LedgerData, id: number, change: Partial<FailedIssuance>): boolean {
  const index = failures.findIndex((one) => one.id === id && one.state === 'waiting');
  const failure = failures[index];
  if (failure === undefined) return false;
  failures[index] = { ...failure, ...change };
  return true;
}
