import { Buffer, isUtf8 } from 'node:buffer';
import { DibsError } from '../core/errors.ts';
import type { Gate } from '../core/gate.ts';
import {
  type LogRecord,
  type OutboxId,
  outboxIdOf,
  outboxStart,
  parseRecord,
  type PoisonRecord,
} from '../core/record.ts';
import type { WinLog } from '../core/win-log.ts';

/** A log in memory, and the relay that fills it from a gate. */
export interface ModelLog {
  readonly log: WinLog;
  /** Sends what is new in the outbox of every event, and, as a relay does whose last send timed out, the last record again. */
  relay(): Promise<void>;
  /** Puts bytes behind all that is in the partition of an event. */
  plant(eventId: string, raw: Uint8Array): Promise<void>;
  /** The same log in the hands of another worker. */
  connect(): WinLog;
}

const partitionCount = 3;
const names = Array.from({ length: partitionCount }, (_, index) => String(index));

const indexOf = (eventId: string): number => Buffer.from(eventId).reduce((sum, byte) => sum + byte, 0) % partitionCount;

/** What is kept in memory is bytes, as it is in a store. */
function recordIn(bytes: Buffer): LogRecord | PoisonRecord {
  const text = isUtf8(bytes) && !bytes.includes(0) ? bytes.toString() : null;
  const record = text === null ? null : parseRecord(text);
  if (record !== null) return record;
  return { type: 'poison', raw: text ?? `base64:${bytes.toString('base64')}`, error: 'it is not a whole record' };
}

/** A log as a broker keeps it: a few partitions that share all events, positions that are plain offsets, repeats. */
export function openModelLog(gate: Gate): ModelLog {
  const partitions: Buffer[][] = names.map(() => []);
  const cursors = new Map<string, OutboxId>();
  const joined: WinLog[] = [];
  const connect = () => workerOn(partitions, joined);
  const log = connect();
  return {
    log,
    connect,
    async plant(eventId, raw) {
      partitions[indexOf(eventId)]?.push(Buffer.from(raw));
    },
    async relay() {
      for (const { spec } of await gate.list(null, 1000)) {
        const after = cursors.get(spec.id) ?? outboxStart;
        const records = await gate.outbox(spec.id, after, 10_000);
        const last = records.at(-1);
        if (last === undefined) continue;
        await log.append?.([...records, last]);
        cursors.set(spec.id, outboxIdOf(last));
      }
    },
  };
}

function workerOn(partitions: readonly Buffer[][], joined: WinLog[]): WinLog {
  let closed = false;
  const log: WinLog = {
    kind: 'model',
    start: '0',
    partitionOf: (eventId) => String(indexOf(eventId)),
    async ends(after, limit) {
      const all = partitions.map((records, index) => ({ partition: String(index), end: String(records.length) }));
      return all.filter(({ partition }) => after === null || partition > after).slice(0, limit);
    },
    async read(partition, position, winsMax) {
      const records: (LogRecord | PoisonRecord)[] = [];
      let wins = 0;
      for (const bytes of partitions[Number(partition)]?.slice(Number(position)) ?? []) {
        if (wins >= winsMax) break;
        const record = recordIn(bytes);
        records.push(record);
        wins += record.type === 'wins' ? record.wins.length : 1;
      }
      return { records, position: String(Number(position) + records.length) };
    },
    async append(records) {
      if (closed) throw new DibsError('unavailable', 'The log is closed.');
      for (const record of records) partitions[indexOf(record.eventId)]?.push(Buffer.from(JSON.stringify(record)));
    },
    async join() {
      if (!joined.includes(log)) joined.push(log);
    },
    holds: (partition) => joined.length > 0 && joined[Number(partition) % joined.length] === log,
    distance: (from, to) => Number(to) - Number(from),
    slotAt: () => 0,
    check: async () => undefined,
    async close() {
      closed = true;
      if (joined.includes(log)) joined.splice(joined.indexOf(log), 1);
    },
  };
  return log;
}
