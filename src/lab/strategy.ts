import type { EngineAnswer } from './engine.ts';
import type { Session } from './session.ts';
import type { Answer, Circumstances, DatabaseName, Lesson, Message } from './terms.ts';
import type { Verdict } from './verdict.ts';

/** What a process of a strategy knows from its start. */
export interface Scene {
  readonly capacity: number;
  readonly database: DatabaseName;
  readonly variant: string | null;
  /** Shared by the threads of one process, and by nobody else. */
  readonly memory: Int32Array;
}

/** A strategy at work in one process: what it keeps in memory is in its closure. */
export interface Claimant {
  claim(userId: string, session: Session): Promise<Answer | EngineAnswer>;
  /** How many places this process has given away from its own memory. */
  allotted?(): number;
}

/** What strategies may need besides the lab itself. */
export type Need = 'redis' | 'kafka' | 'engine';

/** One way to give N places to the first N claims, with what it is expected to do. */
export interface Strategy {
  readonly name: string;
  /** Its reason in two sentences. */
  readonly lesson: Lesson;
  /** Ways to do it that end differently; at least two, or none. */
  readonly variants: readonly string[];
  /** What has to be there for it. */
  needs(variant: string | null): readonly Need[];
  /** Threads of each process; one where absent. */
  readonly threads?: number;
  /** How many consumers, each with a partition of its own; none where it sends nothing. */
  partitions?(variant: string | null): number;
  /** Coupons that are there before two claims are taken step by step, and one place is left; none where absent. */
  readonly tracedBehind?: number;
  /** The step behind which `crash-between` kills the server, by how it begins. */
  readonly crashBehind: string;
  /** Why it cannot run so, in a sentence without its subject; null where it can. */
  unfit?(circumstances: Circumstances): Lesson | null;
  /** How it ends, most often first. */
  expects(circumstances: Circumstances): readonly Verdict[];
  /** Makes what it needs besides the tables that all have. */
  setup?(session: Session, scene: Scene): Promise<void>;
  /** Starts in one process. */
  open(scene: Scene): Claimant;
  /** What a consumer does with a message. */
  consume?(message: Message, session: Session): Promise<void>;
  /** The batch that is run once nothing is on its way. */
  reissue?(session: Session): Promise<void>;
  /** How many places its own books say are given away. */
  allotted?(session: Session, scene: Scene): Promise<number>;
}
