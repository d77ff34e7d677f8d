import type { Gate } from '../../core/gate.ts';
import { compareOutboxIds, type OutboxId, outboxEnd, outboxIdOf, outboxStart } from '../../core/record.ts';
import type { LogBatch, WinLog } from '../../core/win-log.ts';

/**
 * The log that needs no broker: each event's outbox in its gate is one partition, named by the event, and a position is an
 * outbox id. Closing it leaves the gate open, which its opener closes.
 */
export function openEmbeddedLog(gate: Gate): WinLog {
  return {
    kind: 'embedded',
    start: outboxStart,
    partitionOf: (eventId) => eventId,
    async ends(after, limit) {
      const events = await gate.list(after, limit);
      return events.map((event) => ({ partition: event.spec.id, end: outboxEnd(event) }));
    },
    async read(partition, position, winsMax): Promise<LogBatch> {
      const records = await gate.outbox(partition, position as OutboxId, winsMax);
      const last = records.at(-1);
      return { records, position: last === undefined ? position : outboxIdOf(last) };
    },
    trim: (partition, position) => gate.trim(partition, position as OutboxId),
    compare: compareOutboxIds,
    check: () => gate.check(),
    close: async () => undefined,
  };
}
