/** A relay in small: sends records of several events in order, and after trouble sends again from the first it has no answer for. */
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { DibsError } from '../../../src/core/errors.ts';
import type { WinLog } from '../../../src/core/win-log.ts';
import { winsRecord } from './rig.ts';

/** What became of the sending. */
export interface Sent {
  /** The greatest slot of each event that was answered. */
  readonly last: ReadonlyMap<string, number>;
  /** How often an append met trouble. */
  readonly troubles: number;
}

/** Sends until `stop` is aborted, `batch` records of each event at a time. */
export async function send(log: WinLog, events: readonly string[], batch: number, stop: AbortSignal): Promise<Sent> {
  const last = new Map(events.map((event) => [event, 0]));
  let troubles = 0;
  // What was given up at the end is sent once more, so that all that may be there was also answered.
  for (let isSettled = true; !stop.aborted || !isSettled; ) {
    const records = Array.from({ length: batch }, (_, index) =>
      events.map((event) => winsRecord(event, (last.get(event) ?? 0) + index + 1)),
    ).flat();
    try {
      await log.append!(records);
      isSettled = true;
      for (const [event, slot] of last) last.set(event, slot + batch);
    } catch (error) {
      if (!(error instanceof DibsError) || error.code !== 'unavailable') throw error;
      isSettled = false;
      troubles += 1;
      await pause(50);
    }
  }
  return { last, troubles };
}

/** Fails unless the first occurrences of each event's slots are in order without a gap and reach to its last; gives how many were repeats. */
export async function repeatsIn(log: WinLog, { last }: Sent): Promise<number> {
  const greatest = new Map<string, number>();
  let repeats = 0;
  for (const partition of new Set([...last.keys()].map((event) => log.partitionOf(event)))) {
    for (let at = log.start; ; ) {
      const { records, position } = await log.read(partition, at, 500);
      if (records.length === 0) break;
      at = position;
      for (const record of records) {
        if (record.type !== 'wins') assert.fail(JSON.stringify(record));
        const before = greatest.get(record.eventId) ?? 0;
        for (const { slot } of record.wins) {
          assert.ok(slot <= before + 1, `${record.eventId} goes on at slot ${slot} behind slot ${before}`);
          if (slot <= before) repeats += 1;
          else greatest.set(record.eventId, slot);
        }
      }
    }
  }
  for (const [event, slot] of last) assert.equal(greatest.get(event), slot, `the last slot of ${event}`);
  return repeats;
}
