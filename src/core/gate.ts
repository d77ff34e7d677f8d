import type { Claim } from './claim.ts';
import type { Decision } from './decision.ts';
import type { EventCommand } from './event-act.ts';
import type { EventSnapshot, EventSpec } from './event-spec.ts';
import type { LogRecord, OutboxId } from './record.ts';
import type { Win } from './win.ts';

/** What a gate needs of a claim. */
export type AdmitRequest = Pick<Claim, 'userId' | 'key'>;

/** How far an event has come; none of its wins and acts leaves all three as they were. */
export type EventProgress = Pick<EventSnapshot, 'won' | 'acts' | 'revision'>;

/** Whether what stands is what a restoration goes by. */
export const isStill = (standing: EventProgress | null, expected: EventProgress | null): boolean =>
  standing === null || expected === null
    ? standing === expected
    : standing.won === expected.won && standing.acts === expected.acts && standing.revision === expected.revision;

/** What an event comes back from: what its records came to, and all its wins in slot order. */
export interface Restoration {
  readonly event: EventSnapshot;
  readonly wins: readonly Win[];
  /** What has to stand there still: an event that has come just so far, or null for none. Absent: whatever it is. */
  readonly ifStanding?: EventProgress | null;
}

/** What an event's records go up to. */
export interface OutboxExtent {
  readonly eventId: string;
  readonly end: OutboxId;
  readonly fenced: boolean;
}

/** What is known beside the gate of an event: by its ledger and its log. */
export interface Cover {
  readonly won: number;
  readonly revision: number;
}

/** A piece of all the wins of an event, in any order; `cursor` null at the end. */
export interface WinScan {
  readonly wins: readonly Win[];
  readonly cursor: string | null;
}

/**
 * Decides claims and keeps the wins, atomically. Whatever it answers is durable before it answers (its ack level), and
 * with every slot that it allots stands an outbox entry, made in the same atomic act.
 *
 * Errors of all methods: `unavailable` (nothing was done), `unknown_outcome` (it may have been done; the same call again
 * tells), and those that the methods name.
 */
export interface Gate {
  /** Which store it is, for metrics and `/readyz`: `sqlite`, `redis`. */
  readonly kind: string;
  /** The store's clock, milliseconds since 1970. */
  now(): Promise<number>;
  /** Creates the event, or gives the one that stands under its id as it stands; the caller compares. */
  create(spec: EventSpec): Promise<{ readonly event: EventSnapshot; readonly created: boolean }>;
  /** Does what `judgeCommand` says, as one numbered revision. Throws its errors, `event_not_found` and `recovering`. */
  command(eventId: string, command: EventCommand, ifRevision: number | null): Promise<EventSnapshot>;
  /** The events as they stand, null where there is none. */
  events(eventIds: readonly string[]): Promise<(EventSnapshot | null)[]>;
  /** At most `limit` events in byte order of their ids, behind `after`. */
  list(after: string | null, limit: number): Promise<EventSnapshot[]>;
  /** Decides a batch in its order, as `judgeClaim` says. Refusals write nothing. Throws `event_not_found`, and `recovering` where it is fenced. */
  admit(eventId: string, requests: readonly AdmitRequest[]): Promise<Decision[]>;
  /** The user's wins in order of `nth`; empty where there is no such event. */
  winsOfUser(eventId: string, userId: string): Promise<Win[]>;
  /** At most `limit` wins in slot order behind slot `after`. What has been trimmed may be missing from the front. */
  wins(eventId: string, after: number, limit: number): Promise<Win[]>;
  /**
   * How far the outboxes go of at most `limit` events in byte order of their ids, behind `after`: so work is found. Of an event
   * on which nothing has happened for a while it may be some seconds late; events that cannot be reached now are left out.
   */
  extents(after: string | null, limit: number): Promise<OutboxExtent[]>;
  /** Records of the outbox behind `after` with at most about `winsMax` wins in all; empty at its end. */
  outbox(eventId: string, after: OutboxId, winsMax: number): Promise<LogRecord[]>;
  /** Says that the ledger has everything up to and with `upTo`, so that the gate need not keep it for the log. */
  trim(eventId: string, upTo: OutboxId): Promise<void>;
  /**
   * Puts an event back after its gate was lost, in place of what stands. Its outbox then begins with a `recover` record of
   * the revision before (`0-1`, where anything was won) and ends with one of the event's own, so that it folds from its start.
   * Null where what stands is not what `ifStanding` says: somebody else was faster, and nothing has changed.
   */
  restore(restoration: Restoration): Promise<EventSnapshot | null>;
  /**
   * What keeps the claims of some events from being decided now, a message for each part of the store that is away or unfit;
   * empty where nothing does. Throws `unavailable` or `store_unfit` where no claim can be decided.
   */
  check(): Promise<readonly string[]>;
  /**
   * Serves a fenced event on, where what stands is whole and covers what else is known of it; false where it does not, and
   * nothing has changed. Of an event that is not fenced: whether it covers that. Throws `event_not_found`.
   */
  unfence(eventId: string, cover: Cover): Promise<boolean>;
  /** All wins of an event as its users' repeats are judged by, each at least once; `cursor` null begins. */
  scan(eventId: string, cursor: string | null, limit: number): Promise<WinScan>;
  /** Says that this worker lives for `forMs` more, and gives the names of all that do, its own among them, in byte order. */
  attend(worker: string, forMs: number): Promise<string[]>;
  /** Says that this worker is gone, so that the others need not wait for its time to run out. */
  leave(worker: string): Promise<void>;
  close(): Promise<void>;
}
