import type { Coupon, FailedIssuance } from '../core/coupon.ts';
import type { EventSnapshot } from '../core/event-spec.ts';
import { emptyFold, type FoldState, fold } from '../core/fold.ts';
import { DibsError } from '../core/errors.ts';
import type { Gate } from '../core/gate.ts';
import { checkTotals, checkWins, type FindingList, findingList } from '../core/invariants.ts';
import type { Ledger } from '../core/ledger.ts';
import { type LogRecord, outboxIdOf, outboxStart, parseRecord } from '../core/record.ts';
import type { WinLog } from '../core/win-log.ts';
import { sameWin, type Win } from '../core/win.ts';
import { letOthersRun } from '../lib/let-others-run.ts';
import type { CouponMaker } from './coupon-code.ts';
import type { EventRegistry } from './event-registry.ts';
import { recordsBehind, recordsFrom } from './log-tail.ts';
import type { AuditReport } from './views.ts';

/** What an audit reads. */
export interface AuditContext {
  readonly gate: Gate;
  readonly log: WinLog;
  readonly ledger: Ledger;
  readonly registry: EventRegistry;
  readonly couponOf: CouponMaker;
}

const pageWins = 1_000;

/**
 * Compares gate, log and ledger slot by slot: the wins by which the gate judges repeats; the records of the log, and of the
 * outbox where that is another thing, folded by the one meaning they have; and the ledger's coupons and failures. Each win
 * must be the same in all of them, and what is not in the ledger must still be on its way there. Reads in pages and lets
 * claims come in between; memory grows by about 300 bytes a win while it runs. Throws `event_not_found`, `recovering`.
 */
export async function audit(context: AuditContext, eventId: string): Promise<AuditReport> {
  const { registry } = context;
  const findings = findingList();
  const stopped = registry.isStopped(eventId) ? registry.causeOf(eventId) : null;
  if (stopped !== null) findings.add('I2', stopped);
  const report = await compareStores(context, eventId, findings);
  return { ok: report.findings.length === 0, ...report };
}

/** As `audit`, with what `findings` has already; a stopped event is compared like any other. */
export async function compareStores(
  context: AuditContext,
  eventId: string,
  findings: FindingList,
): Promise<Omit<AuditReport, 'ok'>> {
  const { gate, log, ledger, registry } = context;
  const partition = log.partitionOf(eventId);
  // The ledger first, and its position before all: what it has been given by now, the others have had before.
  const position = (await ledger.position(partition)) ?? log.start;
  const { issued, failed, discarded, lastSlot } = await ledger.totals(eventId);
  const event = await registry.snapshotOf(eventId);
  if (event === null) throw await registry.explainMissing(eventId);
  if (registry.isRecovering(eventId) && !registry.isStopped(eventId))
    throw new DibsError('recovering', registry.causeOf(eventId) ?? undefined);

  const wins = await winsOfGate(gate, eventId, event.won, findings);
  for (const { rule, message } of checkWins(event.spec, wins.values())) findings.add(rule, message);
  if (wins.size !== event.won) findings.add('I7', `${eventId} has ${event.won} wins, its users ${wins.size}`);

  const comparison: Comparison = { ledger, event, wins, pending: new Set(), findings };
  // Behind the position first: it grows while the ledger is read, and what it loses the ledger has by then.
  for await (const record of recordsFrom(log, partition, position)) notePending(comparison, record);
  const logged = await foldRecords(comparison, 'log', recordsFrom(log, partition, log.start));
  if (log.append !== null) {
    const outbox = await foldRecords(comparison, 'outbox', outboxRecords(gate, eventId, comparison));
    checkOutbox(outbox, event, findings);
  } else checkOutbox(logged, event, findings);

  await compareLedger(comparison, context.couponOf);
  if (log.slotAt(position) > lastSlot)
    findings.add('I6', `slot ${log.slotAt(position)} was issued, but the ledger knows only slots up to ${lastSlot}`);
  if (lastSlot > event.won) findings.add('I6', `the ledger knows slot ${lastSlot}, the gate has ${event.won} wins`);
  if (issued + failed + discarded !== lastSlot)
    findings.add('I8', `the ledger has ${issued + failed + discarded} wins up to slot ${lastSlot}`);
  const totals = { won: event.won, issued, unissued: event.won - issued - failed - discarded, failed, discarded };
  for (const { rule, message } of checkTotals(totals)) findings.add(rule, message);
  return {
    capacity: event.spec.capacity,
    logged: Math.max(Math.min(logged.won, event.won), lastSlot),
    ...totals,
    findings: findings.all(),
  };
}

/** What one audit compares with what. */
interface Comparison {
  readonly ledger: Ledger;
  readonly event: EventSnapshot;
  /** The gate's wins by slot, up to where the event stood when the audit began. */
  readonly wins: ReadonlyMap<number, Win>;
  /** Slots that are on their way to the ledger. */
  readonly pending: Set<number>;
  readonly findings: FindingList;
}

/** All failed issuances of an event that are no coupons, by slot. */
export async function failuresOf(ledger: Ledger, eventId: string): Promise<Map<number, FailedIssuance>> {
  const bySlot = new Map<number, FailedIssuance>();
  for (let afterId = 0; ; ) {
    const page = await ledger.failures({ eventId, afterId, limit: pageWins });
    for (const failure of page)
      if (failure.slot !== null && failure.state !== 'reissued') bySlot.set(failure.slot, failure);
    const last = page.at(-1);
    if (last === undefined || page.length < pageWins) return bySlot;
    afterId = last.id;
  }
}

/** The gate's wins up to slot `won`, as it judges repeats by them. */
async function winsOfGate(gate: Gate, eventId: string, won: number, findings: FindingList): Promise<Map<number, Win>> {
  const wins = new Map<number, Win>();
  for (let cursor: string | null = null; ; ) {
    const page = await gate.scan(eventId, cursor, pageWins);
    for (const win of page.wins) {
      // Later ones came in while the audit ran.
      if (win.slot > won) continue;
      const other = wins.get(win.slot);
      if (other === undefined) wins.set(win.slot, win);
      else if (!sameWin(other, win))
        findings.add('I2', `slot ${win.slot} was given to ${other.userId} and to ${win.userId} in the gate`);
    }
    await letOthersRun();
    if (page.cursor === null) return wins;
    cursor = page.cursor;
  }
}

async function* outboxRecords(gate: Gate, eventId: string, comparison: Comparison): AsyncGenerator<LogRecord> {
  for (let place = outboxStart; ; ) {
    const records = await gate.outbox(eventId, place, pageWins);
    for (const record of records) notePending(comparison, record);
    yield* records;
    const last = records.at(-1);
    if (last === undefined) return;
    place = outboxIdOf(last);
  }
}

function notePending({ pending, event }: Comparison, record: LogRecord): void {
  if (record.type === 'wins' && record.eventId === event.spec.id) for (const { slot } of record.wins) pending.add(slot);
}

/**
 * Folds the event's records from the first that is left. What stands before it has been trimmed, or fell out of the log by
 * age, and is in the ledger: the gate's wins stand in for it.
 */
async function foldRecords(
  comparison: Comparison,
  where: string,
  records: AsyncIterable<LogRecord>,
): Promise<FoldState> {
  const { event, wins, findings } = comparison;
  let state: FoldState | null = null;
  let seen = 0;
  for await (const whole of records) {
    seen += 1;
    if (seen % pageWins === 0) await letOthersRun();
    const record = upToSnapshot(whole, event);
    if (record === null) continue;
    state ??= stateBefore(record, comparison);
    // Trimmed while it was read: what is missing must be in the ledger by now.
    if (firstSlotOf(record) > state.won + 1 && (await isIssuedUpTo(comparison, firstSlotOf(record) - 1)))
      state = stateBefore(record, comparison);
    const result = fold(state, record);
    if (!result.ok) findings.add('I8', `${where}: ${result.conflict.message}`);
    else state = result.state;
    if (record.type !== 'wins') continue;
    for (const win of record.wins) {
      const own = wins.get(win.slot);
      if (own !== undefined && !sameWin(own, win))
        findings.add('I14', `slot ${win.slot} is ${own.claimId} in the gate, ${win.claimId} in the ${where}`);
    }
  }
  return state ?? emptyFold();
}

/** What a record says of the event up to where it stood when the audit began; null where nothing. */
function upToSnapshot(record: LogRecord, { spec, won }: EventSnapshot): LogRecord | null {
  if (record.eventId !== spec.id) return null;
  if (record.type === 'event') return record.won > won ? null : record;
  const wins = record.wins.filter((win) => win.slot <= won);
  return wins.length === 0 ? null : { ...record, wins };
}

const firstSlotOf = (record: LogRecord): number =>
  record.type === 'wins' ? (record.wins[0]?.slot ?? 0) : record.won + 1;

async function isIssuedUpTo({ ledger, event }: Comparison, slot: number): Promise<boolean> {
  return (await ledger.totals(event.spec.id)).lastSlot >= slot;
}

/** What the records before this one have come to, as the gate's wins say. */
function stateBefore(record: LogRecord, { event, wins }: Comparison): FoldState {
  const won = firstSlotOf(record) - 1;
  if (record.type === 'event' && won === 0) return emptyFold();
  const { spec, phase, epoch, lastTime } = event;
  const users = new Map<string, number>();
  const claimIds: string[] = [];
  for (let slot = 1; slot <= won; slot += 1) {
    const win = wins.get(slot);
    claimIds.push(win?.claimId ?? '');
    if (win !== undefined) users.set(win.userId, win.nth);
  }
  const revision = record.type === 'event' ? record.revision - 1 : record.revision;
  return { spec, phase, revision, epoch, won, acts: 0, lastTime, users, claimIds };
}

// The event may have gone on while it was read: what the fold has must be at least what the snapshot had.
function checkOutbox(state: FoldState, event: EventSnapshot, findings: FindingList): void {
  const { id } = event.spec;
  if (state.won < event.won) findings.add('I7', `${id} has ${event.won} wins, its outbox ${state.won}`);
  if (state.revision < event.revision)
    findings.add('I7', `${id} is at revision ${event.revision}, its outbox at ${state.revision}`);
}

/** Each win of the gate must be in the ledger as the same win, or on its way there. */
async function compareLedger({ ledger, event, wins, pending, findings }: Comparison, couponOf: CouponMaker) {
  const { id } = event.spec;
  const failures = await failuresOf(ledger, id);
  const missing: Win[] = [];
  for (let after = 0; after < event.won; after += pageWins) {
    const page = await ledger.coupons(id, after, pageWins);
    const coupons = new Map(page.map((coupon) => [coupon.slot, coupon]));
    for (let slot = after + 1; slot <= Math.min(after + pageWins, event.won); slot += 1) {
      const win = wins.get(slot);
      if (win === undefined) continue;
      const coupon = coupons.get(slot);
      const fault = faultOf(win, coupon, failures.get(slot));
      if (fault !== null) findings.add('I14', fault);
      else if (coupon !== undefined && coupon.code !== couponOf(id, win).code)
        findings.add('I14', `slot ${slot} has another code in the ledger than its win gives`);
      else if (coupon === undefined && !failures.has(slot) && !pending.has(slot)) missing.push(win);
    }
    await letOthersRun();
  }
  // A coupon may have come, or gone to the failures, since its page was read.
  for (const win of missing) {
    const [coupon] = await ledger.couponsBySlot(id, [win.slot]);
    const [failure] = coupon === undefined ? await ledger.failuresBySlot(id, [win.slot]) : [];
    if (coupon === undefined && failure === undefined)
      findings.add('I14', `slot ${win.slot} is not in the ledger, and not on its way there`);
  }
}

function faultOf(win: Win, coupon: Coupon | undefined, failure: FailedIssuance | undefined): string | null {
  const record = failure === undefined ? null : parseRecord(failure.record);
  const kept = coupon ?? (record?.type === 'wins' ? record.wins[0] : undefined);
  if (kept === undefined)
    return failure === undefined ? null : `the failed issuance of slot ${win.slot} cannot be read`;
  if (sameWin(kept, win) && kept.key === win.key) return null;
  return `slot ${win.slot} is ${win.claimId} of ${win.userId} in the gate, ${kept.claimId} of ${kept.userId} in the ledger`;
}

/** Wins of the event in the log that the ledger has not been given yet. */
export async function winsBehind(log: WinLog, ledger: Ledger, eventId: string): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  for await (const record of recordsBehind(log, ledger, log.partitionOf(eventId)))
    if (record.eventId === eventId) records.push(record);
  return records;
}
