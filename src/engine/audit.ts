import type { Coupon, FailedIssuance } from '../core/coupon.ts';
import type { EventSnapshot } from '../core/event-spec.ts';
import { emptyFold, type FoldState, fold } from '../core/fold.ts';
import { DibsError } from '../core/errors.ts';
import type { Gate } from '../core/gate.ts';
import { checkTotals, type FindingList, findingList } from '../core/invariants.ts';
import type { Ledger } from '../core/ledger.ts';
import { type LogRecord, outboxIdOf, outboxStart, parseOutboxId, parseRecord } from '../core/record.ts';
import type { WinLog } from '../core/win-log.ts';
import { sameWin, type Win } from '../core/win.ts';
import { letOthersRun } from '../lib/let-others-run.ts';
import type { EventRegistry } from './event-registry.ts';
import type { AuditReport } from './views.ts';

/** What an audit reads. */
export interface AuditContext {
  readonly gate: Gate;
  readonly log: WinLog;
  readonly ledger: Ledger;
  readonly registry: EventRegistry;
}

const pageWins = 1_000;

/** What the ledger was known to have before its coupons were read. */
interface KnownToLedger {
  readonly failures: ReadonlyMap<number, FailedIssuance>;
  readonly lastSlot: number;
}

/**
 * Compares gate and ledger slot by slot: the gate's records are folded by the one meaning they have, and each win must be
 * in the ledger as the same win, or wait at its end. Reads in pages and lets claims come in between; memory grows by
 * about 150 bytes a win while it runs.
 */
export async function audit(context: AuditContext, eventId: string): Promise<AuditReport> {
  const { gate, log, ledger, registry } = context;
  const findings = findingList();
  const stopped = registry.causeOf(eventId);
  if (stopped !== null && registry.isStopped(eventId)) findings.add('I2', stopped);
  // The ledger first, and its position before all: what it has been given by now, the gate has had before.
  const position = parseOutboxId((await ledger.position(log.partitionOf(eventId))) ?? outboxStart);
  const { issued, failed, discarded, lastSlot } = await ledger.totals(eventId);
  const failures = await failuresOf(ledger, eventId);
  const [event] = await gate.events([eventId]);
  if (event == null) throw await registry.explainMissing(eventId);
  if (registry.isRecovering(eventId) && !registry.isStopped(eventId))
    throw new DibsError('recovering', stopped ?? undefined);
  const state = await compare(context, event, { failures, lastSlot }, findings);
  checkFold(state, event, findings);
  if (lastSlot > event.won) findings.add('I6', `the ledger knows slot ${lastSlot}, the gate has ${event.won} wins`);
  if (position.slot > lastSlot)
    findings.add('I6', `slot ${position.slot} was issued, but the ledger knows only slots up to ${lastSlot}`);
  if (issued + failed + discarded !== lastSlot)
    findings.add('I8', `the ledger has ${issued + failed + discarded} wins up to slot ${lastSlot}`);
  const totals = { won: event.won, issued, unissued: event.won - issued - failed - discarded, failed, discarded };
  for (const { rule, message } of checkTotals(totals)) findings.add(rule, message);
  const found = findings.all();
  return { ok: found.length === 0, capacity: event.spec.capacity, logged: state.won, ...totals, findings: found };
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

async function compare(
  { gate, ledger }: AuditContext,
  event: EventSnapshot,
  known: KnownToLedger,
  findings: FindingList,
): Promise<FoldState> {
  const { id } = event.spec;
  let state = emptyFold();
  for (let position = outboxStart; state.won < event.won || state.revision < event.revision; ) {
    const records = await gate.outbox(id, position, pageWins);
    const last = records.at(-1);
    if (last === undefined) break;
    position = outboxIdOf(last);
    const wins = records.flatMap((record) => (record.type === 'wins' ? record.wins : []));
    const coupons = await couponsFor(ledger, id, wins);
    for (const win of wins) {
      const fault = faultOf(win, coupons.get(win.slot), known);
      if (fault !== null) findings.add('I14', fault);
    }
    state = foldAll(state, records, findings);
    await letOthersRun();
  }
  return state;
}

async function couponsFor(ledger: Ledger, eventId: string, wins: readonly Win[]): Promise<Map<number, Coupon>> {
  const [first] = wins;
  if (first === undefined) return new Map();
  const coupons = await ledger.coupons(eventId, first.slot - 1, wins.length);
  return new Map(coupons.map((coupon) => [coupon.slot, coupon]));
}

function faultOf(win: Win, coupon: Coupon | undefined, { failures, lastSlot }: KnownToLedger): string | null {
  const failure = failures.get(win.slot);
  const record = failure === undefined ? null : parseRecord(failure.record);
  const kept = coupon ?? (record?.type === 'wins' ? record.wins[0] : undefined);
  if (kept === undefined) {
    if (failure !== undefined) return `the failed issuance of slot ${win.slot} cannot be read`;
    // Slots behind the ledger's last one wait to be issued; before it none may be missing.
    return win.slot > lastSlot ? null : `slot ${win.slot} is not in the ledger, which knows slot ${lastSlot}`;
  }
  if (sameWin(kept, win)) return null;
  return `slot ${win.slot} is ${win.claimId} of ${win.userId} in the gate, ${kept.claimId} of ${kept.userId} in the ledger`;
}

function foldAll(start: FoldState, records: readonly LogRecord[], findings: FindingList): FoldState {
  let state = start;
  for (const record of records) {
    const result = fold(state, record);
    if (result.ok) state = result.state;
    else findings.add('I8', result.conflict.message);
  }
  return state;
}

// The event may have gone on while it was read: what the fold has must be at least what the snapshot had.
function checkFold(state: FoldState, event: EventSnapshot, findings: FindingList): void {
  const { id } = event.spec;
  if (state.won < event.won) findings.add('I7', `${id} has ${event.won} wins, its outbox ${state.won}`);
  if (state.revision < event.revision)
    findings.add('I7', `${id} is at revision ${event.revision}, its outbox at ${state.revision}`);
}
