import type { EventSnapshot } from '../../core/event-spec.ts';
import {
  type EventRecord,
  type LogRecord,
  type OutboxId,
  parseOutboxId,
  recordVersion,
  type WinsRecord,
} from '../../core/record.ts';
import type { Win } from '../../core/win.ts';
import { type Statements, winOf } from './statements.ts';

// Acts are rare: a read that meets more than this many just ends early, and the next goes on.
const actsMax = 64;

/** Reads the records behind `after`: wins from `wins`, and the event records of `acts` between them, each at its place. */
export function readOutbox(
  sql: Statements,
  eventNo: number,
  event: EventSnapshot,
  after: OutboxId,
  winsMax: number,
): LogRecord[] {
  const records: LogRecord[] = [];
  const { slot: start, n } = parseOutboxId(after);
  const acts = sql.actsAfter.all(eventNo, start, n, actsMax);
  let slot = start;
  let room = winsMax;
  let next = 0;
  while (room > 0) {
    const act = acts[next];
    if (act === undefined && acts.length === actsMax) break;
    if (act !== undefined && act.slot === slot) {
      records.push(JSON.parse(act.record) as EventRecord);
      next += 1;
      continue;
    }
    const until = act?.slot ?? event.won;
    if (until <= slot) break;
    const rows = sql.winsAfter.all(eventNo, slot, until, room);
    records.push(...recordsOf(event, rows));
    room -= rows.length;
    slot = rows.at(-1)?.slot ?? until;
  }
  return records;
}

/** The wins as records; a record speaks of one revision alone. */
function recordsOf(event: EventSnapshot, rows: readonly (Win & { readonly revision: number })[]): WinsRecord[] {
  const records: (WinsRecord & { readonly wins: Win[] })[] = [];
  for (const row of rows) {
    const { revision } = row;
    const win = winOf(row);
    const last = records.at(-1);
    if (last?.revision === revision) last.wins.push(win);
    else
      records.push({
        v: recordVersion,
        type: 'wins',
        eventId: event.spec.id,
        epoch: event.epoch,
        revision,
        wins: [win],
      });
  }
  return records;
}
