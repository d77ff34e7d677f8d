import type { Coupon, FailedIssuance } from '../core/coupon.ts';
import { type EventSnapshot, type EventState, stateAt } from '../core/event-spec.ts';
import type { LedgerEvent } from '../core/ledger.ts';
import type { Win } from '../core/win.ts';
import type { ClaimStatus, ClaimView, CouponView, EventView, FailedIssuanceView } from './views.ts';

const date = (ms: number): Date => new Date(ms);
const dateOrNull = (ms: number | null): Date | null => (ms === null ? null : new Date(ms));

/** An event as its gate has it, at `now` by the gate's clock. */
export function presentEvent(event: EventSnapshot, now: number): EventView {
  const time = Math.max(now, event.lastTime);
  return view(event.spec, stateAt(event, time), event.won, event.revision, time);
}

/** An event that waits for recovery: what the ledger knows of it. */
export function presentRecovering(event: LedgerEvent, won: number, now: number): EventView {
  return view(event.spec, 'recovering', won, event.revision, now);
}

function view(spec: EventSnapshot['spec'], state: EventState, won: number, revision: number, now: number): EventView {
  const { id, name, capacity, limitPerUser, opensAt, closesAt } = spec;
  return {
    id,
    name,
    state,
    capacity,
    won,
    remaining: capacity - won,
    limitPerUser,
    opensAt: dateOrNull(opensAt),
    closesAt: dateOrNull(closesAt),
    revision,
    serverTime: date(now),
  };
}

/** A win as its user sees it; `coupon` once the ledger has it. */
export function presentClaim(eventId: string, win: Win, status: ClaimStatus, coupon: Coupon | null): ClaimView {
  return {
    id: win.claimId,
    eventId,
    userId: win.userId,
    slot: win.slot,
    nth: win.nth,
    status,
    wonAt: date(win.wonAt),
    code: coupon?.code ?? null,
    issuedAt: dateOrNull(coupon?.issuedAt ?? null),
  };
}

export const presentCoupon = ({ slot, userId, nth, claimId, code, wonAt, issuedAt }: Coupon): CouponView => ({
  slot,
  userId,
  nth,
  claimId,
  code,
  wonAt: date(wonAt),
  issuedAt: date(issuedAt),
});

export const presentFailure = ({ nextAttemptAt, ...failure }: FailedIssuance): FailedIssuanceView => ({
  ...failure,
  nextAttemptAt: dateOrNull(nextAttemptAt),
});
