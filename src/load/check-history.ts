import type { EventSpec } from '../core/event-spec.ts';
import { checkWins, type Finding, findingsMax } from '../core/invariants.ts';
import type { HistoryEntry, ToldWin } from './history.ts';

/** A coupon as the organiser's list has it. */
export interface ListedCoupon extends ToldWin {
  readonly userId: string;
  readonly code: string;
}

/** One broken promise, as seen from outside. `order`: the later of two got the earlier slot. `sold_out`: said too soon. */
export interface HistoryFinding {
  readonly rule: Finding['rule'] | 'order' | 'sold_out';
  readonly message: string;
}

/** What is compared. */
export interface CheckedRun {
  readonly spec: Pick<EventSpec, 'id' | 'capacity' | 'limitPerUser'>;
  /** All claims on this event that this client sent; others may have sent more. */
  readonly history: readonly HistoryEntry[];
  /** All coupons of the event once nothing waits to be issued; null to check what clients were told alone. */
  readonly coupons: readonly ListedCoupon[] | null;
  /** True: the history has all claims on the event and the capacity never changed, so that `sold_out` can be judged. */
  readonly isWhole: boolean;
}

interface KnownWin extends ToldWin {
  readonly userId: string;
  readonly identity: string;
  /** The first time anyone can have asked for it, and the first time that anyone was told of it. */
  readonly askedAt: number;
  answeredAt: number;
}

/** Whether what clients were told holds together, and whether the coupons keep it. Linear in time but for one sort. */
export function checkHistory(run: CheckedRun): HistoryFinding[] {
  const findings: HistoryFinding[] = [];
  const add = (rule: HistoryFinding['rule'], message: string): void => {
    if (findings.length < findingsMax) findings.push({ rule, message });
  };
  const wins = knownWins(run, add);
  checkUsers(run, wins, add);
  checkSteadiness(run, wins, add);
  checkOrder(wins, add);
  if (run.isWhole) checkSoldOut(run, wins, add);
  if (run.coupons !== null) checkCoupons(run, run.coupons, wins, add);
  return findings;
}

type Add = (rule: HistoryFinding['rule'], message: string) => void;

/** Where a user may win once, all that the user sends is one claim; else each key is one. */
const identityOf = (run: CheckedRun, entry: HistoryEntry): string =>
  run.spec.limitPerUser === 1 ? entry.userId : `${entry.userId} ${entry.key ?? ''}`;

function knownWins(run: CheckedRun, add: Add): KnownWin[] {
  const asked = new Map<string, number>();
  for (const entry of run.history) {
    const identity = identityOf(run, entry);
    asked.set(identity, Math.min(asked.get(identity) ?? Number.POSITIVE_INFINITY, entry.askedAt));
  }
  const bySlot = new Map<number, KnownWin>();
  const byIdentity = new Map<string, KnownWin>();
  for (const entry of run.history) {
    if (entry.win === null) continue;
    const identity = identityOf(run, entry);
    const { slot, nth, claimId } = entry.win;
    const other = bySlot.get(slot) ?? byIdentity.get(identity);
    if (other === undefined) {
      const { userId, answeredAt } = entry;
      const askedAt = asked.get(identity) ?? entry.askedAt;
      const win: KnownWin = { slot, nth, claimId, userId, identity, askedAt, answeredAt };
      bySlot.set(slot, win);
      byIdentity.set(identity, win);
      continue;
    }
    other.answeredAt = Math.min(other.answeredAt, entry.answeredAt);
    if (other.claimId === claimId && other.identity === identity && other.nth === nth && other.slot === slot) continue;
    const rule = other.slot === slot ? 'I2' : 'I4';
    add(
      rule,
      `${other.userId} was told slot ${other.slot} (${other.claimId}), ${entry.userId} slot ${slot} (${claimId})`,
    );
  }
  return [...bySlot.values()].toSorted((a, b) => a.slot - b.slot);
}

function checkUsers(run: CheckedRun, wins: readonly KnownWin[], add: Add): void {
  const { capacity, limitPerUser } = run.spec;
  const nths = new Map<string, Set<number>>();
  for (const { slot, nth, userId } of wins) {
    if (slot < 1 || slot > capacity) add('I1', `${userId} was told slot ${slot} of ${capacity}`);
    const mine = nths.get(userId) ?? new Set<number>();
    nths.set(userId, mine);
    if (nth < 1 || nth > limitPerUser || mine.has(nth)) add('I3', `${userId} was told win ${nth} at slot ${slot}`);
    mine.add(nth);
  }
}

/** Once told of a win, the same claim is never told anything else. Trouble is told neither way. */
function checkSteadiness(run: CheckedRun, wins: readonly KnownWin[], add: Add): void {
  const byIdentity = new Map(wins.map((win) => [win.identity, win]));
  for (const entry of run.history) {
    const win = byIdentity.get(identityOf(run, entry));
    if (win === undefined || entry.askedAt <= win.answeredAt) continue;
    if (entry.outcome === 'replayed' || entry.outcome === 'unknown') continue;
    add('I4', `${entry.userId} had been told slot ${win.slot}, and later ${entry.outcome}`);
  }
}

/** Who was answered before another asked has the smaller slot. */
function checkOrder(wins: readonly KnownWin[], add: Add): void {
  let latest: KnownWin | null = null;
  for (const win of wins) {
    if (latest !== null && win.answeredAt < latest.askedAt) {
      add(
        'order',
        `${win.userId} had slot ${win.slot} before ${latest.userId} asked, who was given slot ${latest.slot}`,
      );
    }
    if (latest === null || win.askedAt > latest.askedAt) latest = win;
  }
}

/** Nobody is told `sold_out` before as many claims as there are places have been asked for. */
function checkSoldOut(run: CheckedRun, wins: readonly KnownWin[], add: Add): void {
  const first = run.history.reduce<HistoryEntry | null>(
    (first, entry) =>
      entry.outcome === 'sold_out' && (first === null || entry.answeredAt < first.answeredAt) ? entry : first,
    null,
  );
  if (first === null) return;
  const late = wins.find((win) => win.askedAt > first.answeredAt);
  if (late !== undefined) {
    add('sold_out', `${first.userId} was told sold_out before ${late.userId} asked, who was given slot ${late.slot}`);
  }
  const asked = new Set<string>();
  for (const entry of run.history) if (entry.askedAt <= first.answeredAt) asked.add(identityOf(run, entry));
  if (asked.size < run.spec.capacity) {
    add('sold_out', `${first.userId} was told sold_out when ${asked.size} had asked for ${run.spec.capacity} places`);
  }
}

function checkCoupons(run: CheckedRun, coupons: readonly ListedCoupon[], wins: readonly KnownWin[], add: Add): void {
  const asWins = coupons.map((coupon) => ({ ...coupon, key: null, wonAt: 0 }));
  for (const { rule, message } of checkWins(run.spec, asWins)) add(rule, `coupons: ${message}`);
  const bySlot = new Map(coupons.map((coupon) => [coupon.slot, coupon]));
  for (const win of wins) {
    const coupon = bySlot.get(win.slot);
    if (coupon === undefined) add('I6', `${win.userId} was told slot ${win.slot}, which has no coupon`);
    else if (coupon.userId !== win.userId || coupon.claimId !== win.claimId || coupon.nth !== win.nth) {
      add(
        'I6',
        `${win.userId} was told slot ${win.slot} (${win.claimId}), its coupon is ${coupon.userId}'s (${coupon.claimId})`,
      );
    }
  }
  const codes = new Map<string, number>();
  for (const { code, slot } of coupons) {
    const other = codes.get(code);
    if (other !== undefined) add('I2', `the coupons of slots ${other} and ${slot} have the same code`);
    codes.set(code, slot);
  }
}
