/** Short views of what clients were told and of what was issued, for assertions. */
import type { HistoryEntry } from '../../src/load/history.ts';

/** How many claims ended how. */
export function outcomesOf(history: readonly HistoryEntry[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { outcome } of history) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}

export const slotsOf = (coupons: readonly { readonly slot: number }[]): number[] => coupons.map(({ slot }) => slot);

/** 1 to n. */
export const upTo = (n: number): number[] => Array.from({ length: n }, (_, index) => index + 1);
