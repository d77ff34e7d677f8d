import type { LogRecord, PoisonRecord } from './record.ts';

/** A piece of one partition: its records in order, and the position behind the last of them. */
export interface LogBatch {
  readonly records: readonly (LogRecord | PoisonRecord)[];
  /** Where to read on; what the ledger keeps once the records are issued. */
  readonly position: string;
}

/**
 * Carries records from the gate to the issuer, per event in slot order; repeats may occur, gaps may not.
 * Errors of all methods: `unavailable`.
 */
export interface WinLog {
  /** Which log it is: `embedded`, `kafka`. */
  readonly kind: string;
  /** The position before the first record of any partition. */
  readonly start: string;
  /** Puts records behind all that is there, those of one event in their order. Null where the log is the gate's own outbox. */
  readonly append: ((records: readonly LogRecord[]) => Promise<void>) | null;
  /** The partition that carries an event's records; no two logs over one ledger have one of the same name. */
  partitionOf(eventId: string): string;
  /** Takes part in sharing the partitions among the workers; before it this process holds none. */
  join(): Promise<void>;
  /** Whether this process is to issue the partition. Another may think the same for a while, which does no harm. */
  holds(partition: string): boolean;
  /** At most `limit` partitions in byte order behind `after`, each with the position of its end. */
  ends(after: string | null, limit: number): Promise<{ readonly partition: string; readonly end: string }[]>;
  /** Records behind `position` with at most about `winsMax` wins; empty at the end. */
  read(partition: string, position: string, winsMax: number): Promise<LogBatch>;
  /** About how many records or wins lie between two positions of a partition: above 0 where `to` stands behind `from`, below 0 where before it. */
  distance(from: string, to: string): number;
  /** The greatest slot of its event that a position proves to have been issued; 0 where positions say nothing of slots. */
  slotAt(position: string): number;
  check(): Promise<void>;
  close(): Promise<void>;
}
