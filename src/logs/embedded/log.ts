import type { Gate } from '../../core/gate.ts';
import { type OutboxId, outboxIdOf, outboxStart, parseOutboxId } from '../../core/record.ts';
import type { LogBatch, WinLog } from '../../core/win-log.ts';
import type { Attendance } from '../../lib/attendance.ts';

/**
 * The log that needs no broker: each event's outbox in its gate is one partition, named by the event, and a position is an
 * outbox id. The workers share the events by their attendance at the gate. Closing it leaves the gate open, which its opener
 * closes.
 */
export function openEmbeddedLog(gate: Gate, attendance: Pick<Attendance, 'start' | 'isMine'>): WinLog {
  let joined = false;
  return {
    kind: 'embedded',
    start: outboxStart,
    append: null,
    partitionOf: (eventId) => eventId,
    async join() {
      await attendance.start();
      joined = true;
    },
    holds: (partition) => joined && attendance.isMine(partition),
    async ends(after, limit) {
      const extents = await gate.extents(after, limit);
      return extents.map(({ eventId, end }) => ({ partition: eventId, end }));
    },
    async read(partition, position, winsMax): Promise<LogBatch> {
      const records = await gate.outbox(partition, position as OutboxId, winsMax);
      const last = records.at(-1);
      return { records, position: last === undefined ? position : outboxIdOf(last) };
    },
    distance(from, to) {
      const start = parseOutboxId(from);
      const end = parseOutboxId(to);
      return end.slot - start.slot || end.n - start.n;
    },
    slotAt: (position) => parseOutboxId(position).slot,
    async check() {
      await gate.check();
    },
    close: async () => undefined,
  };
}
