/** The terms that the files of the lab share. */

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

/** A record on its way from a server to a consumer. */
export interface Message {
  readonly userId: string;
  /** What `INCR` gave this claim. */
  readonly number: number;
}

/** What is told people, in each language of the lab. */
export interface Lesson {
  readonly en: string;
  readonly ko: string;
}

/** What comes from elsewhere, and is told as it is. */
export const asSaid = (text: string): Lesson => ({ en: text, ko: text });

/** `sql-count:ge`, as a strategy and its variant are called. */
export const calledOf = (name: string, variant: string | null): string =>
  variant === null ? name : `${name}:${variant}`;
