import type { EventSpec } from './event-spec.ts';
import type { Win } from './win.ts';

/** One breach of the promise, in words that name the event's places concerned. */
export interface Finding {
  readonly rule: 'I1' | 'I2' | 'I3' | 'I4' | 'I6' | 'I7' | 'I8' | 'I12' | 'I14' | 'I17';
  readonly message: string;
}

/** Findings beyond this many of one check are counted, not listed: a broken million must not fill the memory. */
export const findingsMax = 100;

/** Collects findings up to `findingsMax` and counts the rest. */
export interface FindingList {
  add(rule: Finding['rule'], message: string): void;
  all(): Finding[];
}

export function findingList(): FindingList {
  const kept: Finding[] = [];
  let more = 0;
  let last: Finding['rule'] = 'I1';
  return {
    add(rule, message) {
      last = rule;
      if (kept.length < findingsMax) kept.push({ rule, message });
      else more += 1;
    },
    all: () => (more === 0 ? kept : [...kept, { rule: last, message: `and ${more} more` }]),
  };
}

/**
 * The checker of the promise over all wins of one event (I1 to I4, I8): slots 1..n each once within the capacity, at most
 * `limitPerUser` a user counted without a gap, one win a key. Wins may come in any order.
 */
export function checkWins(spec: Pick<EventSpec, 'id' | 'capacity' | 'limitPerUser'>, wins: Iterable<Win>): Finding[] {
  const findings = findingList();
  const bySlot = new Map<number, Win>();
  for (const win of wins) {
    const other = bySlot.get(win.slot);
    if (other !== undefined)
      findings.add(
        'I2',
        `slot ${win.slot} of ${spec.id} was given to ${other.userId} (${other.claimId}) and to ${win.userId} (${win.claimId})`,
      );
    else bySlot.set(win.slot, win);
    if (win.slot < 1 || win.slot > spec.capacity)
      findings.add('I1', `slot ${win.slot} of ${spec.id} is outside its capacity of ${spec.capacity}`);
  }
  const slots = [...bySlot.keys()].toSorted((a, b) => a - b);
  const nths = new Map<string, number>();
  const keys = new Set<string>();
  let expected = 1;
  for (const slot of slots) {
    if (slot > expected)
      findings.add('I8', `slots ${expected} to ${slot - 1} of ${spec.id} are missing before slot ${slot}`);
    expected = slot + 1;
    const win = bySlot.get(slot) as Win;
    const nth = (nths.get(win.userId) ?? 0) + 1;
    nths.set(win.userId, nth);
    if (win.nth !== nth)
      findings.add('I3', `slot ${slot} of ${spec.id} is win ${nth} of ${win.userId}, but says ${win.nth}`);
    if (nth > spec.limitPerUser)
      findings.add('I3', `${win.userId} has ${nth} wins of ${spec.id}, where a user may have ${spec.limitPerUser}`);
    if (win.key === null) continue;
    // User ids and keys hold no space, so that the pair is unambiguous.
    const pair = `${win.userId} ${win.key}`;
    if (keys.has(pair)) findings.add('I4', `key ${win.key} of ${win.userId} has two wins of ${spec.id}`);
    keys.add(pair);
  }
  return findings.all();
}

/** The count equation I12: every win is somewhere. */
export function checkTotals(totals: {
  readonly won: number;
  readonly issued: number;
  readonly unissued: number;
  readonly failed: number;
  readonly discarded: number;
}): Finding[] {
  const { won, issued, unissued, failed, discarded } = totals;
  if (unissued >= 0 && won === issued + unissued + failed + discarded) return [];
  return [
    {
      rule: 'I12',
      message: `won ${won} is not issued ${issued} + unissued ${unissued} + failed ${failed} + discarded ${discarded}`,
    },
  ];
}
