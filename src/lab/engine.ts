import type { HistoryEntry, IssuedWin } from '../core/history.ts';
import type { Answer, DatabaseName } from './terms.ts';

/** What the engine has told one claim; what `HistoryEntry` keeps of it. */
export interface EngineAnswer {
  readonly answer: Answer;
  /** Null unless won or already. */
  readonly win: HistoryEntry['win'];
}

/** The engine itself, as one process of a run has it. */
export interface LabEngine {
  claim(userId: string): Promise<EngineAnswer>;
  /** All coupons, once nothing waits to be issued, with when the last one was. */
  coupons(): Promise<{ readonly coupons: readonly IssuedWin[]; readonly lastCouponAt: number }>;
  /** Once nothing else waits to be issued: issues what the ledger has refused, and gives how many that were. */
  reissue(): Promise<number>;
  /** How many coupons are issued by now. */
  issued(): Promise<number>;
  /** How many batches have gone to its gate: each is one round trip. */
  batches(): number;
  close(): Promise<void>;
}

/** What an engine is opened over. */
export interface EnginePlan {
  readonly gate: 'sqlite' | 'redis';
  /** Null where the gate needs none. */
  readonly redisUrl: string | null;
  readonly database: DatabaseName;
  /** Of its ledger: a URL; of SQLite the path of its file. */
  readonly databaseUrl: string;
  /** For what else is kept in files. */
  readonly folder: string;
  readonly eventId: string;
  readonly capacity: number;
  readonly secret: string;
  /** The first process of a run makes the event. */
  readonly isFirst: boolean;
}

/** An engine that will not be opened over such stores, whatever is tried: they cannot keep its promise. */
export class EngineUnfit extends Error {
  override readonly name = 'EngineUnfit';
}

/** Handed in by whoever may put an engine together. Throws `EngineUnfit`. */
export type OpenEngine = (plan: EnginePlan) => Promise<LabEngine>;
