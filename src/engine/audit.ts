import type { Coupon, FailedIssuance } from '../core/coupon.ts';
import { sameSpec } from '../core/event-spec.ts';
import { DibsError } from '../core/errors.ts';
import type { Gate } from '../core/gate.ts';
import { checkTotals, checkWins, type FindingList, findingList } from '../core/invariants.ts';
import type { Ledger } from '../core/ledger.ts';
import type { LogRecord } from '../core/record.ts';
import type { WinLog } from '../core/win-log.ts';
import { sameWin, type Win } from '../core/win.ts';
import { letOthersRun } from '../lib/let-others-run.ts';
import {
  checkEnd,
  type Comparison,
  judgeRecords,
  logSource,
  outboxSource,
  type RecordsSeen,
  sameInAll,
} from './audit-records.ts';
import { failuresIn, keptAsideOf, keptWinOf, nameOf } from './contradictions.ts';
import type { CouponMaker } from './coupon-code.ts';
import type { EventRegistry } from './event-registry.ts';
import { recordsBehind } from './log-tail.ts';
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
  const report = await compareStores(context, eventId, findings, true);
  return { ok: report.findings.length === 0, ...report };
}

/** As `audit`, with what `findings` has already; a stopped event is compared like any other. */
export async function compareStores(
  context: AuditContext,
  eventId: string,
  findings: FindingList,
  withHistory: boolean,
): Promise<Omit<AuditReport, 'ok'>> {
  const { gate, log, ledger, registry } = context;
  const partition = log.partitionOf(eventId);
  // The ledger first, and its position before all: what it has been given by now, the others have had before.
  const position = (await ledger.position(partition)) ?? log.start;
  const { issued, failed, discarded, lastSlot } = await ledger.totals(eventId);
  const kept = await ledger.event(eventId);
  const event = await registry.snapshotOf(eventId);
  if (event === null) throw await registry.explainMissing(eventId);
  if (registry.isRecovering(eventId) && !registry.isStopped(eventId))
    throw new DibsError('recovering', registry.causeOf(eventId) ?? undefined);

  const wins = await winsOfGate(gate, eventId, event.won, findings);
  for (const { rule, message } of checkWins(event.spec, wins.values())) findings.add(rule, message);
  if (wins.size !== event.won) findings.add('I7', `${eventId} has ${event.won} wins, its users ${wins.size}`);

  const { unexplained, explained, strays } = await keptAsideOf({ gate, ledger }, eventId, wins);
  for (const { failure, win } of unexplained) findings.add('I2', unexplainedText(failure, win, wins.get(win.slot)));

  const pending = { slots: new Set(strays), revision: 0 };
  const comparison: Comparison = { gate, ledger, event, wins, pending, explained, findings };
  // Log, outbox, ledger: what the one has lost when it is read, the next has by then.
  const source = await logSource(log, partition, position, withHistory || log.append === null);
  const logged = await judgeRecords(comparison, source);
  await checkCovered(comparison, log.append === null ? 'outbox' : 'log', logged);
  const outbox = log.append === null ? logged : await judgeRecords(comparison, outboxSource(gate, eventId));
  await checkEnd(comparison, outbox);
  await compareLedger(comparison, context.couponOf);

  if (log.slotAt(position) > lastSlot)
    findings.add('I6', `slot ${log.slotAt(position)} was issued, but the ledger knows only slots up to ${lastSlot}`);
  if (lastSlot > event.won) findings.add('I6', `the ledger knows slot ${lastSlot}, the gate has ${event.won} wins`);
  if (kept !== null && kept.revision > event.revision)
    findings.add('I6', `the ledger is at revision ${kept.revision}, the gate at ${event.revision}`);
  const known = issued + failed + discarded + [...strays].filter((slot) => slot < lastSlot).length;
  if (known !== lastSlot) findings.add('I8', `the ledger has ${known} wins up to slot ${lastSlot}`);
  const totals = { won: event.won, issued, unissued: event.won - issued - failed - discarded, failed, discarded };
  for (const { rule, message } of checkTotals(totals)) findings.add(rule, message);
  return {
    capacity: event.spec.capacity,
    logged: Math.max(Math.min(logged.state.won, event.won), lastSlot),
    ...totals,
    findings: findings.all(),
  };
}

/** All failed issuances of an event that are no coupons, by slot. */
export async function failuresOf(ledger: Ledger, eventId: string): Promise<Map<number, FailedIssuance>> {
  const bySlot = new Map<number, FailedIssuance>();
  for await (const failure of failuresIn(ledger, eventId))
    if (failure.slot !== null && failure.state !== 'reissued') bySlot.set(failure.slot, failure);
  return bySlot;
}

const unexplainedText = ({ id }: FailedIssuance, win: Win, own: Win | undefined): string => {
  const standing = own === undefined ? 'no win of the gate' : `${nameOf(own)} in the gate`;
  return `slot ${win.slot} is ${standing}, ${nameOf(win)} in failed issuance ${id}, which waits to be discarded`;
};

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

/** What the records say of the event, the gate has to have. */
async function checkCovered({ gate, event, findings }: Comparison, where: string, seen: RecordsSeen): Promise<void> {
  // It may have gone on since the audit began, with the records.
  const [now] = await gate.events([event.spec.id]);
  const { won, revision } = now ?? event;
  if (seen.won > won) findings.add('I6', `the ${where} knows slot ${seen.won}, the gate has ${won} wins`);
  if (seen.revision > revision)
    findings.add('I6', `the ${where} is at revision ${seen.revision}, the gate at ${revision}`);
}

/** The event and each win of the gate must be in the ledger as they are, or on their way there. */
async function compareLedger({ ledger, event, wins, pending, findings }: Comparison, couponOf: CouponMaker) {
  const { id } = event.spec;
  const kept = await ledger.event(id);
  if ((kept?.revision ?? 0) < event.revision && pending.revision < event.revision)
    findings.add('I14', `revision ${event.revision} is not in the ledger, and not on its way there`);
  if (kept?.revision === event.revision && !(sameSpec(kept.spec, event.spec) && kept.phase === event.phase))
    findings.add('I14', `revision ${event.revision} says otherwise in the ledger than in the gate`);
  const failures = await failuresOf(ledger, id);
  const missing: Win[] = [];
  const doubled: FailedIssuance[] = [];
  for (let after = 0; after < event.won; after += pageWins) {
    const page = await ledger.coupons(id, after, pageWins);
    const coupons = new Map(page.map((coupon) => [coupon.slot, coupon]));
    for (let slot = after + 1; slot <= Math.min(after + pageWins, event.won); slot += 1) {
      const win = wins.get(slot);
      if (win === undefined) continue;
      const coupon = coupons.get(slot);
      const failure = failures.get(slot);
      const fault = faultOf(win, coupon, failure);
      if (failure !== undefined && coupon !== undefined && sameWin(coupon, win) && isOf(failure, win))
        doubled.push(failure);
      if (fault !== null) findings.add('I14', fault);
      else if (coupon !== undefined && coupon.code !== couponOf(id, win).code)
        findings.add('I14', `slot ${slot} has another code in the ledger than its win gives`);
      else if (coupon === undefined && failure === undefined && !pending.slots.has(slot)) missing.push(win);
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
  for (const { id, slot } of doubled) {
    const state = (await ledger.failure(id))?.state;
    if (state === 'waiting' || state === 'discarded')
      findings.add('I12', `slot ${slot ?? 0} has its coupon, and is ${state} as failed issuance ${id} as well`);
  }
}

const isOf = (failure: FailedIssuance, win: Win): boolean => {
  const kept = keptWinOf(failure);
  return kept !== null && sameWin(kept, win);
};

function faultOf(win: Win, coupon: Coupon | undefined, failure: FailedIssuance | undefined): string | null {
  const kept = coupon ?? (failure === undefined ? null : keptWinOf(failure));
  if (kept === null) return failure === undefined ? null : `the failed issuance of slot ${win.slot} cannot be read`;
  if (sameInAll(kept, win)) return null;
  return `slot ${win.slot} is ${win.claimId} of ${win.userId} in the gate, ${kept.claimId} of ${kept.userId} in the ledger`;
}

/** Wins of the event in the log that the ledger has not been given yet. */
export async function winsBehind(log: WinLog, ledger: Ledger, eventId: string): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  for await (const record of recordsBehind(log, ledger, log.partitionOf(eventId)))
    if (record.eventId === eventId) records.push(record);
  return records;
}
