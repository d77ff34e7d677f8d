import type { Costs } from './figures.ts';
import type { Judgement } from './judge.ts';
import type { Circumstances, DatabaseName, Lesson } from './terms.ts';
import type { Verdict } from './verdict.ts';

/** What one run has shown. */
export interface LabRun extends Circumstances, Judgement, Costs {
  readonly strategy: string;
  readonly claims: number;
  readonly capacity: number;
  readonly seed: number;
  /** How it may end, most often first. */
  readonly expected: readonly Verdict[];
  readonly asExpected: boolean;
  /** How often it was run until a race showed. */
  readonly tries: number;
  /** Coupons that were there when as many claims had been told that they have won as there are places; null: never. */
  readonly issuedAtOnce: number | null;
  readonly seconds: number;
  readonly claimsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** From the first claim to the last coupon; null where there is none, or where nobody knows any more. */
  readonly lastCouponSeconds: number | null;
  /** How often the fault has struck; null without one. */
  readonly struck: number | null;
  /** Coupons that stand before one with a smaller number; null where they have none. */
  readonly overtaken: number | null;
}

/** A strategy that did not run, and why. */
export interface LabSkip {
  readonly strategy: string;
  readonly variant: string | null;
  readonly database: DatabaseName;
  readonly reason: Lesson;
  /** True: it should have run, and something failed; false: it cannot run so, or not here. */
  readonly isTrouble: boolean;
}
