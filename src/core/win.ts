/** An allotted slot. Once acknowledged it is never taken back, and nothing in it ever changes. */
export interface Win {
  /** Its number in its event, 1 to capacity, given once. */
  readonly slot: number;
  readonly userId: string;
  /** Its number among this user's wins in this event, 1 to `limitPerUser`. */
  readonly nth: number;
  /** `<slot>-<tag>`, the tag a hash over the win, so that an id names one win for ever. */
  readonly claimId: string;
  /** The idempotency key it was claimed with, or null. */
  readonly key: string | null;
  /** By the gate's clock, milliseconds since 1970. */
  readonly wonAt: number;
}

/** The slot that a claim id begins with, or null where it has not the form of one. */
export function slotOfClaimId(claimId: string): number | null {
  const match = /^([1-9][0-9]{0,7})-[0-9a-f]{12}$/.exec(claimId);
  return match?.[1] === undefined ? null : Number(match[1]);
}

/** Whether two wins are the same win. The claim id is a hash over all the rest. */
export const sameWin = (a: Win, b: Win): boolean =>
  a.claimId === b.claimId && a.slot === b.slot && a.userId === b.userId && a.nth === b.nth;
