import { checkClaim, isEventId, isUserId, userIdRule } from '../core/claim.ts';
import type { Coupon } from '../core/coupon.ts';
import type { Decision } from '../core/decision.ts';
import { DibsError, refuseFaults } from '../core/errors.ts';
import type { Gate } from '../core/gate.ts';
import type { Ledger } from '../core/ledger.ts';
import { slotOfClaimId, type Win } from '../core/win.ts';
import type { Admitter } from './admitter.ts';
import type { EventRegistry } from './event-registry.ts';
import { presentClaim } from './present.ts';
import type { ClaimDecision, ClaimInput, ClaimView, Page } from './views.ts';

/** What claims need. */
export interface ClaimsContext {
  readonly gate: Gate;
  readonly ledger: Ledger;
  readonly registry: EventRegistry;
  readonly admitter: Admitter;
}

/** Claims by what became of them: `won`, `replayed`, and the rejection reasons. */
export type ClaimCounts = Record<string, number>;

/** Making claims, and reading those that have won. */
export class Claims {
  readonly #context: ClaimsContext;
  readonly #counts = new Map<string, ClaimCounts>();

  constructor(context: ClaimsContext) {
    this.#context = context;
  }

  async claim(input: ClaimInput): Promise<ClaimDecision> {
    checkClaim(input);
    const { eventId, userId } = input;
    this.#context.registry.assertServed(eventId);
    const decision = await this.#decide(eventId, userId, input.key ?? null);
    switch (decision.outcome) {
      case 'won':
        this.#count(eventId, decision.replayed ? 'replayed' : 'won');
        return {
          outcome: 'won',
          replayed: decision.replayed,
          claim: decision.replayed
            ? await this.#replay(eventId, decision.win)
            : presentClaim(eventId, decision.win, 'won', null),
        };
      case 'rejected':
        this.#count(eventId, decision.reason);
        return {
          outcome: 'rejected',
          reason: decision.reason,
          opensAt: decision.opensAt === null ? null : new Date(decision.opensAt),
          claims: decision.wins.length === 0 ? [] : await this.#presentOrWon(eventId, decision.wins),
        };
      case 'key_required':
        throw new DibsError(
          'idempotency_key_required',
          'A user may win this event more than once, so that only a key tells a retry from another claim.',
        );
    }
  }

  async get(eventId: string, claimId: string, userId?: string): Promise<ClaimView> {
    this.#context.registry.assertServed(eventId);
    const slot = slotOfClaimId(claimId);
    const win = slot === null ? null : await this.#winAt(eventId, slot);
    if (win?.claimId !== claimId || (userId !== undefined && win.userId !== userId)) {
      await this.#assertEvent(eventId);
      throw new DibsError('claim_not_found', `There is no claim ${JSON.stringify(claimId)}.`);
    }
    const [claim] = await this.#present(eventId, [win]);
    return claim as ClaimView;
  }

  async list(eventId: string, userId: string): Promise<Page<ClaimView>> {
    refuseFaults(isUserId(userId) ? [] : [{ path: '/userId', message: userIdRule }]);
    await this.#assertEvent(eventId);
    const wins = await this.#context.gate.winsOfUser(eventId, userId);
    return { items: await this.#present(eventId, wins), nextCursor: null };
  }

  /** Counts since this process started. */
  countsOf(eventId: string): ClaimCounts {
    return this.#counts.get(eventId) ?? {};
  }

  async #decide(eventId: string, userId: string, key: string | null): Promise<Decision> {
    const { admitter, registry } = this.#context;
    return registry.served(eventId, () => admitter.claim(eventId, { userId, key }));
  }

  async #winAt(eventId: string, slot: number): Promise<Win | null> {
    const [win] = await this.#context.gate.wins(eventId, slot - 1, 1);
    if (win?.slot === slot) return win;
    const [coupon] = await this.#context.ledger.couponsBySlot(eventId, [slot]);
    return coupon ?? null;
  }

  async #replay(eventId: string, win: Win): Promise<ClaimView> {
    const [claim] = await this.#presentOrWon(eventId, [win]);
    return claim as ClaimView;
  }

  /** As `#present`; where the ledger does not answer the wins are what the gate knows, which is true whatever the ledger has. */
  async #presentOrWon(eventId: string, wins: readonly Win[]): Promise<ClaimView[]> {
    try {
      return await this.#present(eventId, wins);
    } catch {
      return wins.map((win) => presentClaim(eventId, win, 'won', null));
    }
  }

  async #present(eventId: string, wins: readonly Win[]): Promise<ClaimView[]> {
    if (wins.length === 0) return [];
    const { ledger } = this.#context;
    const slots = wins.map((win) => win.slot);
    const coupons = new Map<number, Coupon>();
    for (const coupon of await ledger.couponsBySlot(eventId, slots)) coupons.set(coupon.slot, coupon);
    const unissued = slots.filter((slot) => !coupons.has(slot));
    const failures = unissued.length === 0 ? [] : await ledger.failuresBySlot(eventId, unissued);
    const discarded = new Set(
      failures.filter((failure) => failure.state === 'discarded').map((failure) => failure.slot),
    );
    return wins.map((win) => {
      const coupon = coupons.get(win.slot) ?? null;
      if (coupon !== null) return presentClaim(eventId, win, 'issued', coupon);
      return presentClaim(eventId, win, discarded.has(win.slot) ? 'discarded' : 'won', null);
    });
  }

  async #assertEvent(eventId: string): Promise<void> {
    this.#context.registry.assertServed(eventId);
    const event = isEventId(eventId) ? await this.#context.registry.snapshotOf(eventId) : null;
    if (event === null) throw await this.#context.registry.explainMissing(eventId);
    // Looking may have found out that the gate is an older copy, which does not know of all wins.
    this.#context.registry.assertServed(eventId);
  }

  // Only of decisions, so that ids of events that do not exist leave nothing behind.
  #count(eventId: string, outcome: string): void {
    let counts = this.#counts.get(eventId);
    if (counts === undefined) {
      counts = {};
      this.#counts.set(eventId, counts);
    }
    counts[outcome] = (counts[outcome] ?? 0) + 1;
  }
}
