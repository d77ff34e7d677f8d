/** What the lab and the processes of a run say to each other. */
import type { HistoryEntry, IssuedWin } from '../core/history.ts';
import type { EnginePlan } from './engine.ts';
import type { Counts, Step } from './steps.ts';
import type { Place } from './stores/stores.ts';
import type { Scene } from './strategy.ts';
import type { Answer, FaultName, Message } from './terms.ts';

/** All that a process has to know. */
export interface MemberPlan {
  readonly strategy: string;
  readonly scene: Omit<Scene, 'memory'>;
  readonly place: Place;
  /** The folder of the run, which goes with its processes where the lab cannot remove it any more. */
  readonly folder: string;
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

/** What a process can be asked besides claims, and what it then says. */
export interface Asked {
  /** Answered once it may be given claims, or consumes. */
  readonly open: null;
  /** Of a consumer: answered once everything is consumed. */
  readonly drain: null;
  /** Of the engine: all coupons, once nothing waits to be issued. */
  readonly coupons: { readonly coupons: readonly IssuedWin[]; readonly lastCouponAt: number };
  /** Of the engine: has reissued what its ledger had refused; how many that were. */
  readonly reissue: number;
  readonly report: MemberReport;
  readonly close: null;
}

export type ToMember =
  | { readonly type: 'ask'; readonly id: number; readonly what: 'open'; readonly plan: MemberPlan }
  | { readonly type: 'ask'; readonly id: number; readonly what: Exclude<keyof Asked, 'open'> }
  | { readonly type: 'claim'; readonly n: number; readonly userId: string }
  | { readonly type: 'go'; readonly n: number };

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

/** One process, or thread, says that it has done what it was asked. */
export type Said = {
  readonly [What in keyof Asked]: {
    readonly type: 'said';
    readonly id: number;
    readonly what: What;
    readonly value: Asked[What];
  };
}[keyof Asked];

export type FromMember =
  | Said
  /** `isUnfit`: nothing has failed; it is only not what is needed. */
  | { readonly type: 'refused'; readonly id: number; readonly reason: string; readonly isUnfit: boolean }
  /** A store has failed in a way that no fault of the run explains: whatever the run would show is of that. */
  | { readonly type: 'broken'; readonly reason: string }
  | ({ readonly type: 'answer'; readonly n: number } & Reply)
  /** A step that a claim, or for a message (`of`) a consumer, wants to take. */
  | { readonly type: 'step'; readonly n: number; readonly step: Step; readonly of: Message | null }
  | ({ readonly type: 'stepped'; readonly n: number } & StepEnd);

/** One end of the line between the two. */
export interface Port<In, Out> {
  send(message: Out): void;
  receive(handle: (message: In) => void): void;
}
