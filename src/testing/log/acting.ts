import assert from 'node:assert/strict';
import type { Gate } from '../../core/gate.ts';
import type { LogRecord, PoisonRecord } from '../../core/record.ts';
import type { LogBatch, WinLog } from '../../core/win-log.ts';
import { crowd, openEvent } from '../gate/acting.ts';

const readsMax = 10_000;

/** Reads a partition from `position` to its end, `winsMax` wins at a time: every batch with the position behind it. */
export async function readAll(
  log: WinLog,
  partition: string,
  position = log.start,
  winsMax = 1000,
): Promise<LogBatch[]> {
  const batches: LogBatch[] = [];
  for (let at = position; batches.length < readsMax; at = batches.at(-1)?.position ?? at) {
    const batch = await log.read(partition, at, winsMax);
    if (batch.records.length === 0) {
      assert.equal(log.distance(at, batch.position), 0, 'an empty read stays where it is');
      return batches;
    }
    assert.ok(log.distance(at, batch.position) > 0, `reading on from ${at} must come further`);
    batches.push(batch);
  }
  return assert.fail('the partition has no end');
}

/** The records of one event: a partition may carry others as well. */
export const recordsOf = (batches: readonly LogBatch[], eventId = 'drop'): LogRecord[] =>
  batches
    .flatMap((batch) => batch.records)
    .filter((record) => record.type !== 'poison')
    .filter((record) => record.eventId === eventId);

/** What was no record. */
export const poisonOf = (batches: readonly LogBatch[]): PoisonRecord[] =>
  batches.flatMap((batch) => batch.records).filter((record) => record.type === 'poison');

/** The slots that occur, in order of their first occurrence. */
export const newSlotsOf = (records: readonly LogRecord[]): number[] => [
  ...new Set(records.flatMap((record) => (record.type === 'wins' ? record.wins.map((win) => win.slot) : []))),
];

/** Where a partition ends, as the log lists it. */
export async function endOf(log: WinLog, partition: string): Promise<string> {
  const ends = await log.ends(null, 1000);
  return ends.find((one) => one.partition === partition)?.end ?? assert.fail(`partition ${partition} has no end`);
}

/** Five batches of wins with revisions before, between and behind them: 40 wins, 4 revisions. */
export async function live(gate: Gate, id = 'drop'): Promise<void> {
  await openEvent(gate, { id, capacity: 100 });
  for (const size of [1, 9, 20]) await gate.admit(id, crowd(size, `first-${size}-`));
  await gate.command(id, { act: 'pause' }, null);
  await gate.command(id, { act: 'resume' }, null);
  for (const size of [3, 7]) await gate.admit(id, crowd(size, `second-${size}-`));
  await gate.command(id, { act: 'close' }, null);
}
