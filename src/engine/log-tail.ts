import type { Cover } from '../core/gate.ts';
import type { Ledger } from '../core/ledger.ts';
import { isWithinBounds, type LogRecord } from '../core/record.ts';
import type { WinLog } from '../core/win-log.ts';

/** What the log knows of events behind the ledger's position. */
export type LogTail = ReadonlyMap<string, Cover>;

const pageWins = 2_000;
const pageSize = 500;

/** What the log knows of an event behind the ledger's position; zeros where nothing. */
export const coverIn = (tail: LogTail, eventId: string): Cover => tail.get(eventId) ?? { won: 0, revision: 0 };

/** The tail of an event's partition. Empty where the log is the gate's own outbox, which can know no more than the gate. */
export async function tailOf(log: WinLog, ledger: Ledger, eventId: string): Promise<LogTail> {
  const tail = new Map<string, Cover>();
  if (log.append !== null) await readTail(log, ledger, log.partitionOf(eventId), tail);
  return tail;
}

/** The tails of all partitions, as `tailOf`. */
export async function tailsOf(log: WinLog, ledger: Ledger): Promise<LogTail> {
  const tail = new Map<string, Cover>();
  if (log.append === null) return tail;
  for (let after: string | null = null; ; ) {
    const page: { readonly partition: string }[] = await log.ends(after, pageSize);
    for (const { partition } of page) await readTail(log, ledger, partition, tail);
    const last = page.at(-1);
    if (last === undefined || page.length < pageSize) return tail;
    after = last.partition;
  }
}

/** Every record behind the ledger's position, in pieces; those of other events of the partition as well. */
export async function* recordsBehind(log: WinLog, ledger: Ledger, partition: string): AsyncGenerator<LogRecord> {
  const end = await endOf(log, partition);
  const position = (await ledger.position(partition)) ?? log.start;
  for await (const records of pagesBetween(log, partition, position, end)) yield* records;
}

/**
 * The records of a partition from a position on, as each read gives them, up to where the log ended before: who reads a
 * busy partition must not run after its end for ever. Of a log that ends before the position, the log has to say why.
 */
export async function* pagesBetween(
  log: WinLog,
  partition: string,
  position: string,
  end: string | null,
): AsyncGenerator<LogRecord[]> {
  if (end !== null && log.distance(position, end) === 0) return;
  for (let at = position; ; ) {
    const batch = await log.read(partition, at, pageWins);
    if (batch.records.length === 0) return;
    yield batch.records.filter((record) => record.type !== 'poison').filter(isWithinBounds);
    at = batch.position;
    if (end !== null && log.distance(at, end) <= 0) return;
  }
}

/** Where a partition ends; null where the log is the gate's own outbox, of which each event has one to itself. */
export async function endOf(log: WinLog, partition: string): Promise<string | null> {
  for (let after: string | null = null; log.append !== null; ) {
    const page: { readonly partition: string; readonly end: string }[] = await log.ends(after, pageSize);
    const found = page.find((one) => one.partition === partition);
    const last = page.at(-1);
    if (found !== undefined || last === undefined || page.length < pageSize) return found?.end ?? null;
    after = last.partition;
  }
  return null;
}

async function readTail(log: WinLog, ledger: Ledger, partition: string, tail: Map<string, Cover>): Promise<void> {
  for await (const record of recordsBehind(log, ledger, partition)) {
    const { won, revision } = coverIn(tail, record.eventId);
    const lastSlot = record.type === 'wins' ? (record.wins.at(-1)?.slot ?? 0) : record.won;
    tail.set(record.eventId, { won: Math.max(won, lastSlot), revision: Math.max(revision, record.revision) });
  }
}
