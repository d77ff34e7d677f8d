import type { Coupon } from './coupon.ts';
import type { RejectionReason } from './decision.ts';
import type { EventSpec } from './event-spec.ts';
import { checkWins, type Finding, type FindingList, findingList } from './invariants.ts';
import type { Win } from './win.ts';

/** What one client asked and what it was told: all that a checker from outside may build on. */
export interface HistoryEntry {
  readonly userId: string;
  readonly key: string | null;
  /** Milliseconds on one steady clock: the claim was sent not before, its answer had arrived by. */
  readonly askedAt: number;
  /** Of an `unknown` one: when the client gave up; the claim may still be decided later. */
  readonly answeredAt: number;
  /** `unknown`: no answer, or trouble, which promises nothing either way. */
  readonly outcome: 'won' | 'replayed' | RejectionReason | 'unknown';
  /** Null unless won or replayed. */
  readonly win: { readonly slot: number; readonly nth: number; readonly claimId: string } | null;
}

/** A coupon as the ledger has it, without what a history cannot know. */
export type IssuedWin = Pick<Coupon, 'slot' | 'userId' | 'nth' | 'claimId' | 'code'>;

/** What is compared. */
export interface History {
  readonly spec: Pick<EventSpec, 'id' | 'capacity' | 'limitPerUser'>;
  /** Claims on the event, in any order. */
  readonly history: readonly HistoryEntry[];
  /** All coupons of the event once nothing waits to be issued; null to check what clients were told alone. */
  readonly coupons: readonly IssuedWin[] | null;
  /** True: these are all claims on the event, and its capacity has not changed, so that what nobody asked for shows. */
  readonly isWhole: boolean;
}

/** One intended claim: all that was sent under one key, or by one user where a user may win once. */
interface Intent {
  readonly userId: string;
  readonly key: string | null;
  /** When it was first sent, of those times that were not refused: a claim that was refused has not won. */
  askedAt: number;
  /** When somebody was first told that it has won, and the claim that it was told of. */
  toldAt: number;
  told: HistoryEntry['win'];
}

/**
 * The checker of the promise from outside, linear in the number of claims but for one sort of the slots:
 * each slot once (I2), a key one slot (I4), at most k a user (I3), once won never otherwise (I4); if A was answered before B
 * was asked then slot(A) < slot(B) (I8); `sold_out` only after N wins were asked for (I17); the ledger has all that was
 * acknowledged, the same (I6), and nothing that no claim can have won (I14).
 */
export function checkHistory({ spec, history, coupons, isWhole }: History): Finding[] {
  const findings = findingList();
  const intents = intentsOf(spec, history, findings);
  checkTold(spec, intents, findings);
  checkSteadiness(spec, history, intents, findings);
  if (coupons !== null) {
    for (const { rule, message } of checkWins(spec, coupons.map(asWin))) findings.add(rule, `coupons: ${message}`);
    checkCoupons(coupons, intents, findings);
    checkCodes(coupons, findings);
    if (isWhole) checkOrigins(coupons, intents, findings);
  }
  const asked = askedBySlot(coupons ?? [], intents);
  checkOrder(intents, asked, findings);
  if (isWhole) checkSoldOut(spec, history, asked, findings);
  return findings.all();
}

// A coupon of the list may come without its key and its time.
const asWin = (coupon: IssuedWin): Win => ({ ...coupon, key: null, wonAt: 0 });

const intentKey = ({ limitPerUser }: History['spec'], { userId, key }: Pick<HistoryEntry, 'userId' | 'key'>): string =>
  limitPerUser === 1 ? userId : `${userId} ${key ?? ''}`;

function intentsOf(spec: History['spec'], events: readonly HistoryEntry[], findings: FindingList): Map<string, Intent> {
  const intents = new Map<string, Intent>();
  for (const entry of events) {
    const { userId, key, askedAt, answeredAt, outcome, win } = entry;
    const id = intentKey(spec, entry);
    const intent = intents.get(id) ?? { userId, key, askedAt: never, toldAt: never, told: null };
    intents.set(id, intent);
    if (win !== null || outcome === 'unknown') intent.askedAt = Math.min(intent.askedAt, askedAt);
    if (win === null) continue;
    intent.toldAt = Math.min(intent.toldAt, answeredAt);
    intent.told ??= win;
    const { slot, nth, claimId } = intent.told;
    if (slot === win.slot && nth === win.nth && claimId === win.claimId) continue;
    findings.add('I4', `${nameOf(intent)} was told slot ${slot} (${claimId}) and slot ${win.slot} (${win.claimId})`);
  }
  return intents;
}

const never = Number.POSITIVE_INFINITY;

const nameOf = ({ userId, key }: Pick<Intent, 'userId' | 'key'>): string =>
  key === null ? userId : `${userId} with key ${key}`;

/** What clients were told, all together: slots within the capacity, each told to one; each nth of a user told once. */
function checkTold(spec: History['spec'], intents: ReadonlyMap<string, Intent>, findings: FindingList): void {
  const bySlot = new Map<number, Intent>();
  const nths = new Set<string>();
  for (const intent of intents.values()) {
    if (intent.told === null) continue;
    const { slot, nth } = intent.told;
    const other = bySlot.get(slot);
    if (other === undefined) bySlot.set(slot, intent);
    else findings.add('I2', `slot ${slot} was told to ${nameOf(other)} and to ${nameOf(intent)}`);
    if (slot < 1 || slot > spec.capacity)
      findings.add('I1', `${nameOf(intent)} was told slot ${slot} of ${spec.capacity}`);
    const pair = `${intent.userId} ${nth}`;
    if (nth < 1 || nth > spec.limitPerUser || nths.has(pair))
      findings.add(
        'I3',
        `${nameOf(intent)} was told win ${nth}, where a user may have ${spec.limitPerUser}, each once`,
      );
    nths.add(pair);
  }
}

/** Who has been told of a win is never told anything else for what is asked from then on; trouble is told neither way. */
function checkSteadiness(
  spec: History['spec'],
  events: readonly HistoryEntry[],
  intents: ReadonlyMap<string, Intent>,
  findings: FindingList,
): void {
  for (const entry of events) {
    const intent = intents.get(intentKey(spec, entry));
    if (intent === undefined || entry.askedAt <= intent.toldAt) continue;
    if (entry.outcome === 'replayed' || entry.outcome === 'unknown') continue;
    findings.add('I4', `${nameOf(intent)} had been told slot ${intent.told?.slot ?? 0}, and later ${entry.outcome}`);
  }
}

function checkCoupons(
  coupons: readonly IssuedWin[],
  intents: ReadonlyMap<string, Intent>,
  findings: FindingList,
): void {
  const bySlot = new Map(coupons.map((coupon) => [coupon.slot, coupon]));
  for (const intent of intents.values()) {
    if (intent.told === null) continue;
    const { slot, nth, claimId } = intent.told;
    const coupon = bySlot.get(slot);
    if (coupon === undefined) findings.add('I6', `${nameOf(intent)} was told slot ${slot}, which has no coupon`);
    else if (coupon.userId !== intent.userId || coupon.claimId !== claimId || coupon.nth !== nth) {
      const has = `win ${coupon.nth} of ${coupon.userId} (${coupon.claimId})`;
      findings.add('I6', `${nameOf(intent)} was told win ${nth} at slot ${slot} (${claimId}), whose coupon is ${has}`);
    }
  }
}

function checkCodes(coupons: readonly IssuedWin[], findings: FindingList): void {
  const codes = new Map<string, number>();
  for (const { code, slot } of coupons) {
    const other = codes.get(code);
    if (other !== undefined) findings.add('I2', `the coupons of slots ${other} and ${slot} have the same code`);
    codes.set(code, slot);
  }
}

/** Every coupon is of somebody who asked for it. */
function checkOrigins(
  coupons: readonly IssuedWin[],
  intents: ReadonlyMap<string, Intent>,
  findings: FindingList,
): void {
  const mayHaveWon = new Map<string, number>();
  for (const intent of intents.values()) {
    if (intent.askedAt !== never) mayHaveWon.set(intent.userId, (mayHaveWon.get(intent.userId) ?? 0) + 1);
  }
  for (const { slot, userId } of coupons) {
    const left = mayHaveWon.get(userId) ?? 0;
    if (left === 0) findings.add('I14', `slot ${slot} has a coupon of ${userId}, which no claim can have won`);
    else mayHaveWon.set(userId, left - 1);
  }
}

/**
 * For each slot the earliest moment at which its win can have been asked for. A coupon that no client was told of belongs to
 * one of its user's claims whose answer was lost: the earliest of those that were told no win.
 */
function askedBySlot(coupons: readonly IssuedWin[], intents: ReadonlyMap<string, Intent>): Map<number, number> {
  const asked = new Map<number, number>();
  const untold = new Map<string, number>();
  for (const { userId, askedAt, told } of intents.values()) {
    if (told !== null) asked.set(told.slot, askedAt);
    else untold.set(userId, Math.min(untold.get(userId) ?? never, askedAt));
  }
  for (const { slot, userId } of coupons) {
    const askedAt = untold.get(userId);
    if (!asked.has(slot) && askedAt !== undefined && askedAt !== never) asked.set(slot, askedAt);
  }
  return asked;
}

/** Who was answered before another asked has the smaller slot. */
function checkOrder(
  intents: ReadonlyMap<string, Intent>,
  asked: ReadonlyMap<number, number>,
  findings: FindingList,
): void {
  const toldAt = new Map<number, number>();
  for (const intent of intents.values()) if (intent.told !== null) toldAt.set(intent.told.slot, intent.toldAt);
  let latest: { readonly slot: number; readonly askedAt: number } | null = null;
  for (const slot of [...asked.keys()].toSorted((a, b) => a - b)) {
    const askedAt = asked.get(slot) ?? 0;
    const told = toldAt.get(slot) ?? never;
    if (latest !== null && told < latest.askedAt)
      findings.add('I8', `slot ${slot} was told before the claim was sent that was given slot ${latest.slot}`);
    if (latest === null || askedAt > latest.askedAt) latest = { slot, askedAt };
  }
}

/** Nobody is told `sold_out` before each of the N wins has been asked for. */
function checkSoldOut(
  { capacity }: History['spec'],
  events: readonly HistoryEntry[],
  asked: ReadonlyMap<number, number>,
  findings: FindingList,
): void {
  let soldOutAt = 0;
  for (const askedAt of asked.values()) soldOutAt = Math.max(soldOutAt, askedAt);
  const isSoldOut = asked.size >= capacity;
  for (const { userId, outcome, answeredAt } of events) {
    if (outcome !== 'sold_out' || (isSoldOut && answeredAt >= soldOutAt)) continue;
    const known = isSoldOut ? 'before all of them were asked for' : `of which ${asked.size} were won in the end`;
    findings.add('I17', `${userId} was told that ${capacity} places are sold out, ${known}`);
  }
}
