import { Buffer } from 'node:buffer';
import type { Gate } from '../core/gate.ts';
import { type LogRecord, type OutboxId, outboxIdOf, outboxStart } from '../core/record.ts';
import type { WinLog } from '../core/win-log.ts';

/** A log in memory, and the relay that fills it from a gate. */
export interface ModelLog {
  readonly log: WinLog;
  /** Sends what is new in the outbox of every event, and, as a relay does whose last send timed out, the last record again. */
  relay(): Promise<void>;
}

const partitionCount = 3;

/** A log as a broker keeps it: a few partitions that share all events, positions that are plain offsets, repeats. */
export function openModelLog(gate: Gate): ModelLog {
  const partitions: LogRecord[][] = Array.from({ length: partitionCount }, () => []);
  const cursors = new Map<string, OutboxId>();
  let joined = false;
  const indexOf = (eventId: string) => Buffer.from(eventId).reduce((sum, byte) => sum + byte, 0) % partitionCount;
  const recordsOf = (partition: string): LogRecord[] => partitions[Number(partition)] ?? [];
  const log: WinLog = {
    kind: 'model',
    start: '0',
    partitionOf: (eventId) => String(indexOf(eventId)),
    async ends(after, limit) {
      const all = partitions.map((records, index) => ({ partition: String(index), end: String(records.length) }));
      return all.filter(({ partition }) => after === null || partition > after).slice(0, limit);
    },
    async read(partition, position, winsMax) {
      const records: LogRecord[] = [];
      let wins = 0;
      for (const record of recordsOf(partition).slice(Number(position))) {
        if (wins >= winsMax) break;
        records.push(record);
        wins += record.type === 'wins' ? record.wins.length : 0;
      }
      return { records, position: String(Number(position) + records.length) };
    },
    async append(records) {
      for (const record of records) partitions[indexOf(record.eventId)]?.push(record);
    },
    async join() {
      joined = true;
    },
    holds: () => joined,
    distance: (from, to) => Number(to) - Number(from),
    slotAt: () => 0,
    check: async () => undefined,
    close: async () => undefined,
  };
  return {
    log,
    async relay() {
      for (const { spec } of await gate.list(null, 1000)) {
        const after = cursors.get(spec.id) ?? outboxStart;
        const records = await gate.outbox(spec.id, after, 10_000);
        const last = records.at(-1);
        if (last === undefined) continue;
        partitions[indexOf(spec.id)]?.push(...records, last);
        cursors.set(spec.id, outboxIdOf(last));
      }
    },
  };
}
