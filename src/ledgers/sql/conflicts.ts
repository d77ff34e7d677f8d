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

/** What stands of one event: the claim id at each slot, and the slot of each claim id and of each win of a user. */
interface Known {
  readonly claimAt: Map<number, string>;
  readonly slotOf: Map<string, number>;
}

const names = ({ userId, nth, claimId }: StandingCoupon): string[] => [`claim ${claimId}`, `win ${nth} ${userId}`];

/** What is wrong with the first of `coupons`, in their order, that cannot stand beside the rest; null where all can. */
export function firstFault(coupons: readonly NewCoupon[], standing: Standing): IssueOutcome | null {
  const events = new Map<string, Known>();
  for (const coupon of coupons) {
    const { eventId, slot, claimId } = coupon;
    const known = events.get(eventId) ?? knownOf(standing.get(eventId) ?? []);
    events.set(eventId, known);
    const there = known.claimAt.get(slot);
    if (there === claimId) continue;
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
  const known: Known = { claimAt: new Map(), slotOf: new Map() };
  for (const coupon of standing) know(known, coupon);
  return known;
}

function know({ claimAt, slotOf }: Known, coupon: StandingCoupon): void {
  claimAt.set(coupon.slot, coupon.claimId);
  for (const name of names(coupon)) slotOf.set(name, coupon.slot);
}

function conflict({ eventId, slot, userId, nth, claimId }: NewCoupon, standing: number): IssueOutcome {
  const message = `slot ${slot} (${claimId}, win ${nth} of ${userId}) contradicts the coupon that stands at slot ${standing}`;
  return { outcome: 'conflict', eventId, slot, message };
}
