import type { NewCoupon } from '../../core/coupon.ts';
import type { IssueOutcome } from '../../core/ledger.ts';
import type { SqlSession, StandingCoupon } from './session.ts';

/** The coupons of each event that stand where some of `coupons` belong, by the event's id. */
export type Standing = ReadonlyMap<string, readonly StandingCoupon[]>;

/** Reads what stands at the slots of these coupons, under their claim ids and among the wins of their users. */
export async function readStanding(session: SqlSession, coupons: readonly NewCoupon[]): Promise<Standing> {
  const standing = new Map<string, StandingCoupon[]>();
  for (const [eventId, own] of Map.groupBy(coupons, (coupon) => coupon.eventId)) {
    const slots = own.map((coupon) => coupon.slot);
    const userIds = [...new Set(own.map((coupon) => coupon.userId))];
    const claimIds = own.map((coupon) => coupon.claimId);
    standing.set(eventId, await session.read('standing-coupons', [eventId, slots, userIds, claimIds]));
  }
  return standing;
}

/** What stands of one event: the coupon at each slot, and the slot of each claim id and of each win of a user. */
interface Known {
  readonly at: Map<number, StandingCoupon>;
  readonly slotOf: Map<string, number>;
}

const names = ({ userId, nth, claimId }: StandingCoupon): string[] => [`claim ${claimId}`, `win ${nth} ${userId}`];

// All of it, and not the claim id alone: MySQL passes over any key that is taken, so that of two wins under one claim id and
// slot the second may stand where the first was meant.
const isRepeat = (coupon: StandingCoupon, there: StandingCoupon): boolean =>
  coupon.claimId === there.claimId && coupon.userId === there.userId && coupon.nth === there.nth;

/** What is wrong with the first of `coupons`, in their order, that cannot stand beside the rest; null where all can. */
export function firstFault(coupons: readonly NewCoupon[], standing: Standing): IssueOutcome | null {
  const events = new Map<string, Known>();
  for (const coupon of coupons) {
    const { eventId, slot } = coupon;
    const known = events.get(eventId) ?? knownOf(standing.get(eventId) ?? []);
    events.set(eventId, known);
    const there = known.at.get(slot);
    if (there !== undefined && isRepeat(coupon, there)) continue;
    if (there !== undefined) return conflict(coupon, slot);
    for (const name of names(coupon)) {
      const elsewhere = known.slotOf.get(name);
      if (elsewhere !== undefined) return conflict(coupon, elsewhere);
    }
    know(known, coupon);
  }
  return null;
}

/** The first of `coupons` that does not stand at its slot. */
export const firstMissing = (coupons: readonly NewCoupon[], standing: Standing): NewCoupon | null =>
  coupons.find(({ eventId, slot }) => !(standing.get(eventId) ?? []).some((one) => one.slot === slot)) ?? null;

function knownOf(standing: readonly StandingCoupon[]): Known {
  const known: Known = { at: new Map(), slotOf: new Map() };
  for (const coupon of standing) know(known, coupon);
  return known;
}

function know({ at, slotOf }: Known, coupon: StandingCoupon): void {
  at.set(coupon.slot, coupon);
  for (const name of names(coupon)) slotOf.set(name, coupon.slot);
}

function conflict({ eventId, slot, userId, nth, claimId }: NewCoupon, standing: number): IssueOutcome {
  const message = `slot ${slot} (${claimId}, win ${nth} of ${userId}) contradicts the coupon that stands at slot ${standing}`;
  return { outcome: 'conflict', eventId, slot, message };
}
