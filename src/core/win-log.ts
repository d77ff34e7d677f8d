import type { LogRecord } from './record.ts';

/** A piece of one partition: its records in order, and the position behind the last of them. */
export interface LogBatch {
  readonly records: readonly LogRecord[];
  /** Where to read on; what the ledger keeps once the records are issued. */
  readonly position: string;
}

/** Carries records from the gate to the issuer, per event in slot order; repeats may occur, gaps may not. */
export interface WinLog {
  /** Which log it is: `embedded`, `kafka`. */
  readonly kind: string;
  /** The position before the first record of any partition. */
  readonly start: string;
  /** The partition that carries an event's records. */
  partitionOf(eventId: string): string;
  /** At most `limit` partitions in byte order behind `after`, each with the position of its end. */
  ends(after: string | null, limit: number): Promise<{ readonly partition: string; readonly end: string }[]>;
  /** Records behind `position` with at most about `winsMax` wins; empty at the end. Throws `unavailable`. */
  read(partition: string, position: string, winsMax: number): Promise<LogBatch>;
  /** The ledger has everything up to and with `position`. */
  trim(partition: string, position: string): Promise<void>;
  /** Negative when position `a` of a partition stands before `b`. */
  compare(a: string, b: string): number;
  check(): Promise<void>;
  close(): Promise<void>;
}
