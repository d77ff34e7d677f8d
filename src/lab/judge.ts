import { checkHistory, type HistoryEntry, type IssuedWin } from '../core/history.ts';
import { checkTotals, checkWins, type Finding } from '../core/invariants.ts';
import type { Reply } from './messages.ts';
import type { Verdict } from './verdict.ts';

/** One claim, what it was told, and when, on one steady clock. */
export interface ToldClaim extends Reply {
  readonly userId: string;
  readonly askedAt: number;
  readonly answeredAt: number;
}

/** What a run leaves behind. */
export interface Evidence {
  readonly capacity: number;
  readonly told: readonly ToldClaim[];
  /** The users of the coupons in the order of their inserts; where there are `coupons`, they say more. */
  readonly users: readonly string[];
  /** Coupons with slots of their own; null where the strategy gives none. */
  readonly coupons: readonly IssuedWin[] | null;
  /** How many places the books of the strategy say are given away; null where it keeps none that outlive the run. */
  readonly allotted: number | null;
}

/** What is wrong with it, in numbers and as the one word that says most. */
export interface Judgement {
  readonly verdict: Verdict;
  readonly issued: number;
  readonly over: number;
  readonly under: number;
  /** Users with more than one coupon. */
  readonly duplicates: number;
  /** Users who were told that they have won, and have no coupon. */
  readonly lost: number;
  /** Users who were told that they have one already, and have none. */
  readonly lockedOut: number;
  /** Places that are given away and that nobody has. */
  readonly leaked: number;
  /** Claims that were told neither a place nor a reason. */
  readonly turnedAway: number;
  /** Of these, those that came while there were places: fewer wins had been told than there are. */
  readonly turnedAwayEarly: number;
  /** What the checker of the promise says. */
  readonly findings: readonly Finding[];
}

const eventId = 'lab';

/** Judges a run by the checker that all of Dibs is judged by: one coupon a user, no more of them than places. */
export function judge(evidence: Evidence): Judgement {
  const { capacity, told, allotted } = evidence;
  const coupons = evidence.coupons ?? slotted(evidence.users);
  const held = countBy(coupons.map(({ userId }) => userId));
  const spec = { id: eventId, capacity, limitPerUser: 1 };
  const issued = coupons.length;
  const byCoupons = checkWins(
    spec,
    coupons.map((coupon) => ({ ...coupon, key: null, wonAt: 0 })),
  );
  const byTotals =
    allotted === null ? [] : checkTotals({ won: allotted, issued, unissued: 0, failed: 0, discarded: 0 });
  const history = historyOf(told, coupons, evidence.coupons !== null);
  const byClients = checkHistory({ spec, history, coupons, isWhole: true });
  const without = (answers: readonly Reply['answer'][]): string[] => [
    ...new Set(
      told.filter(({ userId, answer }) => answers.includes(answer) && !held.has(userId)).map((one) => one.userId),
    ),
  ];
  const lost = without(['won']);
  const turnedAway = told.filter(({ answer }) => answer === 'busy' || answer === 'error');
  const soldOutAt = soldOutIn(told, capacity);
  const tallies = {
    issued,
    over: Math.max(0, issued - capacity),
    under: Math.max(0, Math.min(capacity, new Set(told.map(({ userId }) => userId)).size) - issued),
    duplicates: [...held.values()].filter((count) => count > 1).length,
    lost: lost.length,
    lockedOut: without(['already']).filter((userId) => !lost.includes(userId)).length,
    leaked: Math.max(0, (allotted ?? issued) - issued),
    turnedAway: turnedAway.length,
    turnedAwayEarly: turnedAway.filter(({ answeredAt }) => answeredAt < soldOutAt).length,
  };
  const verdict = verdictOf(new Set(byCoupons.map(rule)), new Set([...byClients, ...byTotals].map(rule)), tallies);
  return { ...tallies, verdict, findings: distinct([...byCoupons, ...byTotals, ...byClients]) };
}

/** When as many wins had been told as there are places. */
function soldOutIn(told: readonly ToldClaim[], capacity: number): number {
  const wins = told.filter(({ answer }) => answer === 'won').map(({ answeredAt }) => answeredAt);
  return wins.toSorted((a, b) => a - b)[capacity - 1] ?? Number.POSITIVE_INFINITY;
}

const rule = (finding: Finding): Finding['rule'] => finding.rule;

type Rules = ReadonlySet<Finding['rule']>;

/** The checker finds; what is counted only tells apart what one rule covers. */
function verdictOf(
  byCoupons: Rules,
  byOthers: Rules,
  { lost, lockedOut, leaked, under, turnedAway }: Omit<Judgement, 'verdict' | 'findings'>,
): Verdict {
  if (byCoupons.has('I3')) return 'duplicates';
  if (byCoupons.has('I1')) return 'over';
  if (byOthers.has('I6') && lost + lockedOut > 0) return lost > 0 ? 'lost' : 'locked-out';
  if (byOthers.has('I12') && leaked > 0) return 'leaked';
  if (byOthers.has('I14') || byOthers.has('I4') || byOthers.has('I6')) return 'misled';
  if (byOthers.has('I17')) return under > 0 ? 'under' : 'unfair';
  if (byOthers.has('I8')) return 'out-of-order';
  if (byCoupons.size + byOthers.size > 0) return 'unfair';
  return turnedAway > 0 ? 'turned-away' : 'safe';
}

/** Coupons without slots get those in which they stand. */
function slotted(users: readonly string[]): IssuedWin[] {
  const nths = new Map<string, number>();
  return users.map((userId, index) => {
    const nth = (nths.get(userId) ?? 0) + 1;
    nths.set(userId, nth);
    return { slot: index + 1, userId, nth, claimId: `row-${index + 1}`, code: `code-${index + 1}` };
  });
}

/** What the clients were told, as the checker reads it. Where a strategy tells no slot, it is that of the user's coupon. */
function historyOf(told: readonly ToldClaim[], coupons: readonly IssuedWin[], hasWins: boolean): HistoryEntry[] {
  const ofUser = Map.groupBy(coupons, ({ userId }) => userId);
  const taken = new Map<string, number>();
  let nowhere = coupons.length;
  const winOf = (userId: string, isNew: boolean): HistoryEntry['win'] => {
    const own = ofUser.get(userId) ?? [];
    const index = taken.get(userId) ?? 0;
    if (isNew) taken.set(userId, index + 1);
    // A slot that nobody has stands for a coupon that is not there.
    nowhere += 1;
    return (isNew ? own[index] : own[0]) ?? { slot: nowhere, nth: 1, claimId: `none-${nowhere}` };
  };
  return told
    .toSorted((a, b) => a.answeredAt - b.answeredAt)
    .map(({ userId, answer, win, askedAt, answeredAt }): HistoryEntry => {
      const asked = { userId, key: null, askedAt, answeredAt };
      if (answer === 'won') return { ...asked, outcome: 'won', win: hasWins ? win : winOf(userId, true) };
      if (answer === 'already') return { ...asked, outcome: 'replayed', win: hasWins ? win : winOf(userId, false) };
      // Neither a place nor a reason promises anything either way.
      return { ...asked, outcome: answer === 'sold-out' ? 'sold_out' : 'unknown', win: null };
    });
}

function countBy(values: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

function distinct(findings: readonly Finding[]): Finding[] {
  const seen = new Map(findings.map((finding) => [finding.message.replace(/^coupons: /, ''), finding]));
  return [...seen].map(([message, { rule }]) => ({ rule, message }));
}
