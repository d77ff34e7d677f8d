/** What the lab and the processes of a run say to each other. */
import type { HistoryEntry, IssuedWin } from '../core/history.ts';
import type { EnginePlan } from './engine.ts';
import type { Counts, Step } from './steps.ts';
import type { Place } from './stores/stores.ts';
import type { Answer, FaultName, Scene } from './strategy.ts';

/** All that a process has to know. */
export interface MemberPlan {
  readonly strategy: string;
  readonly scene: Omit<Scene, 'memory'>;
  readonly place: Place;
  readonly engine: EnginePlan | null;
  /** Null: it serves claims. */
  readonly partition: number | null;
  readonly fault: FaultName | null;
  readonly crash: { readonly behind: string; readonly at: number } | null;
  /** How many claims it may have at once. */
  readonly claimsAtOnce: number;
  /** True: each step is shown before it is taken, and waits for `go`. */
  readonly isStepped: boolean;
}

export type ToMember =
  | { readonly type: 'open'; readonly plan: MemberPlan }
  | { readonly type: 'claim'; readonly n: number; readonly userId: string }
  | { readonly type: 'go'; readonly n: number }
  /** To a consumer: say when everything is consumed. */
  | { readonly type: 'drain' }
  | { readonly type: 'coupons' }
  | { readonly type: 'report' }
  | { readonly type: 'close' };

/** What a claim was told. */
export interface Reply {
  /** `error`: it broke off. */
  readonly answer: Answer | 'error';
  readonly win: HistoryEntry['win'];
  readonly trouble: string | null;
}

/** What a process did. */
export interface MemberReport {
  readonly counts: Counts;
  /** Null where its strategy keeps no such books. */
  readonly allotted: number | null;
  /** Batches that the engine has sent to its gate; null without one. */
  readonly batches: number | null;
  /** Coupons that the engine has issued by now; null without one. */
  readonly issued: number | null;
}

/** What came of a step. */
export interface StepEnd {
  readonly outcome: string;
  readonly isTrouble: boolean;
}

export type FromMember =
  | { readonly type: 'opened' }
  | { readonly type: 'refused'; readonly reason: string }
  | ({ readonly type: 'answer'; readonly n: number } & Reply)
  | { readonly type: 'step'; readonly n: number; readonly step: Step }
  | ({ readonly type: 'stepped'; readonly n: number } & StepEnd)
  | { readonly type: 'drained' }
  | { readonly type: 'coupons'; readonly coupons: readonly IssuedWin[]; readonly lastCouponAt: number }
  | ({ readonly type: 'report' } & MemberReport)
  | { readonly type: 'closed' };

/** One end of the line between the two. */
export interface Port<In, Out> {
  send(message: Out): void;
  receive(handle: (message: In) => void): void;
}
