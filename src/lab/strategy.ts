import type { EngineAnswer } from './engine.ts';
import type { Session } from './session.ts';
import type { Verdict } from './verdict.ts';

export const databaseNames = ['sqlite', 'mariadb', 'postgres'] as const;
/** Where the strategies count and insert. */
export type DatabaseName = (typeof databaseNames)[number];

export const faultNames = ['crash-between', 'lost-reply', 'slow-db', 'duplicate-delivery', 'db-error'] as const;
/** What goes wrong in a run on purpose. */
export type FaultName = (typeof faultNames)[number];

export const serverCounts = [1, 4] as const;
/** How many server processes the claims are spread over. */
export type ServerCount = (typeof serverCounts)[number];

/** All that decides how a strategy is expected to end. */
export interface Circumstances {
  readonly database: DatabaseName;
  readonly servers: ServerCount;
  /** `one`: every claim is of the same user. */
  readonly users: 'all' | 'one';
  readonly inFlight: number;
  readonly fault: FaultName | null;
  /** Null where the strategy has none. */
  readonly variant: string | null;
}

/** What one claim is told. `busy`: not now, and no word about later. */
export type Answer = 'won' | 'sold-out' | 'already' | 'busy';

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

/** A record on its way from a server to a consumer. */
export interface Message {
  readonly userId: string;
  /** What `INCR` gave this claim. */
  readonly number: number;
}

/** What strategies may need besides the lab itself. */
export type Need = 'redis' | 'kafka' | 'engine';

/** A reason in two sentences. */
export interface Lesson {
  readonly en: string;
  readonly ko: string;
}

/** One way to give N places to the first N claims, with what it is expected to do. */
export interface Strategy {
  readonly name: string;
  readonly lesson: Lesson;
  /** Ways to do it that end differently; at least two, or none. */
  readonly variants: readonly string[];
  /** What has to be there for it. */
  needs(variant: string | null): readonly Need[];
  /** Threads of each process; one where absent. */
  readonly threads?: number;
  /** How many consumers, each with a partition of its own; none where it sends nothing. */
  partitions?(variant: string | null): number;
  /** The step behind which `crash-between` kills the server, by how it begins. */
  readonly crashBehind: string;
  /** Why it cannot run so, in a sentence without its subject; null where it can. */
  unfit?(circumstances: Circumstances): string | null;
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

/** `sql-count:ge`, as a strategy and its variant are called. */
export const calledOf = (name: string, variant: string | null): string =>
  variant === null ? name : `${name}:${variant}`;
