import type { EventSnapshot } from '../core/event-spec.ts';
import { emptyFold, type FoldState, fold } from '../core/fold.ts';
import type { Gate } from '../core/gate.ts';
import type { FindingList } from '../core/invariants.ts';
import type { Ledger } from '../core/ledger.ts';
import {
  compareOutboxIds,
  type EventRecord,
  type LogRecord,
  type OutboxId,
  outboxIdOf,
  outboxStart,
} from '../core/record.ts';
import type { WinLog } from '../core/win-log.ts';
import { sameWin, type Win } from '../core/win.ts';
import { letOthersRun } from '../lib/let-others-run.ts';
import { nameOf, withoutExplained } from './contradictions.ts';
import { endOf, pagesBetween } from './log-tail.ts';

/** What one audit compares with what. */
export interface Comparison {
  readonly gate: Gate;
  readonly ledger: Ledger;
  readonly event: EventSnapshot;
  /** The gate's wins by slot, up to where the event stood when the audit began. */
  readonly wins: ReadonlyMap<number, Win>;
  /** Slots that are on their way to the ledger, and the latest revision that is. */
  readonly pending: { readonly slots: Set<number>; revision: number };
  /** Wins that the log has and the gate has not, whose failed issuances an operator has discarded, each by `winText`. */
  readonly explained: ReadonlySet<string>;
  readonly findings: FindingList;
}

/** What one read gave: between the records of one, nothing can have been trimmed. */
interface RecordPage {
  readonly records: readonly LogRecord[];
  /** The ledger has not been given them yet. */
  readonly isPending: boolean;
}

/** Where records come from. */
interface RecordSource {
  readonly where: 'log' | 'outbox';
  readonly pages: AsyncIterable<RecordPage>;
  /** The log of a broker keeps what has gone wrong once for ever: of what the ledger has, nothing is missed in it. */
  readonly isHistory: boolean;
}

/** What the records have come to. */
export interface RecordsSeen {
  /** Folded up to where the event stood when the audit began, and the place of the last record that was. */
  readonly state: FoldState;
  readonly last: OutboxId | null;
  /** Of all records, later ones too. */
  readonly won: number;
  readonly revision: number;
}

const pageWins = 1_000;

/** Whether two stores have one win the same in all there is to it. */
export const sameInAll = (a: Win, b: Win): boolean => sameWin(a, b) && a.key === b.key && a.wonAt === b.wonAt;

/**
 * The records of the event's partition: its history up to the ledger's `position`, and what is pending behind it. The read
 * that reaches the position may go beyond it, and then gives some twice, which is harmless. What comes into the log behind
 * its end is in the outbox as well, or in the ledger by the time that they are read.
 */
export async function logSource(
  log: WinLog,
  partition: string,
  position: string,
  withHistory: boolean,
): Promise<RecordSource> {
  const end = await endOf(log, partition);
  async function* pages(): AsyncGenerator<RecordPage> {
    if (withHistory)
      for await (const records of pagesBetween(log, partition, log.start, position))
        yield { records, isPending: false };
    for await (const records of pagesBetween(log, partition, position, end)) yield { records, isPending: true };
  }
  return { where: 'log', pages: pages(), isHistory: log.append !== null };
}

/** What is left in the event's outbox: all of it is on its way. */
export function outboxSource(gate: Gate, eventId: string): RecordSource {
  async function* pages(): AsyncGenerator<RecordPage> {
    for (let place = outboxStart; ; ) {
      const records = await gate.outbox(eventId, place, pageWins);
      yield { records, isPending: true };
      const last = records.at(-1);
      if (last === undefined) return;
      place = outboxIdOf(last);
    }
  }
  return { where: 'outbox', pages: pages(), isHistory: false };
}

/**
 * Folds the event's records from the first that is left, and compares their wins with the gate's. What stands before it has
 * been trimmed, or fell out of the log by age, and has to be in the ledger: the gate's wins stand in for it.
 */
export async function judgeRecords(comparison: Comparison, source: RecordSource): Promise<RecordsSeen> {
  const { event, pending, explained, findings } = comparison;
  const { id } = event.spec;
  let state: FoldState = emptyFold();
  let [won, revision, last]: [number, number, OutboxId | null] = [0, 0, null];
  for await (const { records, isPending } of source.pages) {
    // Where a read begins, what was there may have been trimmed since the read before.
    let mayLack = true;
    for (const read of records) {
      const whole = read.eventId === id ? withoutExplained(read, explained) : null;
      if (whole === null) continue;
      won = Math.max(won, lastSlotOf(whole));
      revision = Math.max(revision, whole.revision);
      if (isPending && whole.type === 'wins') for (const { slot } of whole.wins) pending.slots.add(slot);
      if (isPending && whole.type === 'event') pending.revision = Math.max(pending.revision, whole.revision);
      const record = upToSnapshot(whole, event);
      if (record === null) continue;
      last = outboxIdOf(whole);
      if (leavesHole(state, record)) {
        const begun = before(record);
        const isKnown = (mayLack || source.isHistory) && (await isInLedger(comparison, record));
        if (!isKnown && state.spec === null)
          findings.add(
            'I8',
            `${source.where}: begins behind slot ${begun.won} and revision ${begun.revision}, which the ledger has not reached`,
          );
        if (isKnown || state.spec === null) state = caughtUp(state, record, comparison);
      }
      state = judge(state, record, comparison, source.where);
      mayLack = false;
    }
    await letOthersRun();
    // An outbox has each record once, in order: what follows is later, and there may be no end of it.
    if (!source.isHistory && (won > event.won || revision > event.revision)) break;
  }
  return { state, last, won, revision };
}

/** What a record says of the event up to where it stood when the audit began; null where nothing. */
function upToSnapshot(record: LogRecord, { won }: EventSnapshot): LogRecord | null {
  if (lastSlotOf(record) <= won) return record;
  if (record.type === 'event') return null;
  const wins = record.wins.filter((win) => win.slot <= won);
  return wins.length === 0 ? null : { ...record, wins };
}

const lastSlotOf = (record: LogRecord): number =>
  record.type === 'wins' ? (record.wins.at(-1)?.slot ?? 0) : record.won;

/** The slot and the revision that have to stand before a record. */
const before = (record: LogRecord): { readonly won: number; readonly revision: number } =>
  record.type === 'event'
    ? { won: record.won, revision: record.revision - 1 }
    : { won: (record.wins[0]?.slot ?? 1) - 1, revision: record.revision };

function leavesHole(state: FoldState, record: LogRecord): boolean {
  const { won, revision } = before(record);
  return won > state.won || (revision > state.revision && !isRebuilding(record));
}

/** A record of recovery says the event anew, at whatever revision any store had left. */
const isRebuilding = (record: LogRecord): record is EventRecord => record.type === 'event' && record.act === 'recover';

async function isInLedger({ ledger, event }: Comparison, record: LogRecord): Promise<boolean> {
  const { won, revision } = before(record);
  return hasAll(ledger, event.spec.id, won, revision);
}

async function hasAll(ledger: Ledger, eventId: string, won: number, revision: number): Promise<boolean> {
  const [lastSlot, event] = [await ledger.lastSlot(eventId), await ledger.event(eventId)];
  return lastSlot >= won && (event?.revision ?? 0) >= revision;
}

/** The state with all that stands before a record, as the gate's wins say. */
function caughtUp(state: FoldState, record: LogRecord, comparison: Comparison): FoldState {
  const { won, revision } = before(record);
  return advanced(state, won, revision, comparison);
}

function advanced(state: FoldState, won: number, revision: number, { event, wins }: Comparison): FoldState {
  const { users, claimIds } = state;
  // A fold that met a conflict may have gone on by a few of the record's wins.
  claimIds.length = state.won;
  for (let slot = state.won + 1; slot <= won; slot += 1) {
    const win = wins.get(slot);
    claimIds.push(win?.claimId ?? '');
    if (win !== undefined) users.set(win.userId, win.nth);
  }
  // As it is now, which is never narrower than what was won.
  const { spec, phase, epoch, lastTime } = event;
  return {
    spec,
    phase,
    epoch,
    lastTime,
    users,
    claimIds,
    won: Math.max(state.won, won),
    revision: Math.max(state.revision, revision),
    acts: 0,
  };
}

/** The state after a record. Whatever it contradicts is a finding, and the next record is judged as if it had not. */
function judge(start: FoldState, record: LogRecord, comparison: Comparison, where: RecordSource['where']): FoldState {
  const { wins, findings } = comparison;
  let state = isRebuilding(record) ? rebuilt(start, record) : start;
  if (record.type === 'wins') {
    if (record.revision > state.revision && state.spec !== null) {
      const slot = record.wins[0]?.slot ?? 0;
      findings.add('I8', `${where}: slot ${slot} was won at revision ${record.revision}, behind ${state.revision}`);
      state = { ...state, revision: record.revision };
    }
    for (const win of record.wins) {
      const own = wins.get(win.slot);
      if (own !== undefined && !sameInAll(own, win))
        findings.add(
          'I14',
          `slot ${win.slot} is ${besides(own, win)} in the gate, ${besides(win, own)} in the ${where}`,
        );
    }
  }
  const result = fold(state, record);
  if (result.ok) return result.state;
  findings.add('I8', `${where}: ${result.conflict.message}`);
  return advanced(state, lastSlotOf(record), record.revision, comparison);
}

/** A win in words that tell it from another: where the claim is the same, by its time as well. */
const besides = (win: Win, other: Win): string =>
  sameWin(win, other) ? `${nameOf(win)}, won at ${win.wonAt},` : nameOf(win);

/** From slot 0 on where anything was won: what the log has had before a record of recovery is repeated behind it. */
const rebuilt = (state: FoldState, { revision, won }: EventRecord): FoldState =>
  state.spec === null || revision <= state.revision || won > state.won
    ? state
    : { ...state, revision: won < state.won ? revision : revision - 1 };

/**
 * The outbox has to reach the end of the event, which may have gone on since. Of one that was trimmed meanwhile, or is
 * empty, the ledger has the rest.
 */
export async function checkEnd(comparison: Comparison, { state, last }: RecordsSeen): Promise<void> {
  const { gate, ledger, event, findings } = comparison;
  const { id } = event.spec;
  if (state.won >= event.won && state.revision >= event.revision) return;
  const [front] = await gate.outbox(id, outboxStart, 1);
  const isTrimmed = front === undefined || last === null || compareOutboxIds(outboxIdOf(front), last) > 0;
  if (isTrimmed && (await hasAll(ledger, id, event.won, event.revision))) return;
  if (state.won < event.won) findings.add('I7', `${id} has ${event.won} wins, its outbox ${state.won}`);
  if (state.revision < event.revision)
    findings.add('I7', `${id} is at revision ${event.revision}, its outbox at ${state.revision}`);
}
