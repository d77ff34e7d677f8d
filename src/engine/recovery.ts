import type { Coupon } from '../core/coupon.ts';
import type { EventSnapshot } from '../core/event-spec.ts';
import { emptyFold, fold } from '../core/fold.ts';
import { DibsError } from '../core/errors.ts';
import type { Gate, Restoration } from '../core/gate.ts';
import { type FindingList, findingList } from '../core/invariants.ts';
import type { Ledger, LedgerEvent, LedgerTotals } from '../core/ledger.ts';
import { parseOutboxId, parseRecord, recordVersion } from '../core/record.ts';
import type { WinLog } from '../core/win-log.ts';
import { sameWin, type Win } from '../core/win.ts';
import { failuresOf } from './audit.ts';
import type { EventRegistry } from './event-registry.ts';
import type { RecoveryPlan } from './views.ts';

/** What recovery reads and writes. */
export interface RecoveryContext {
  readonly gate: Gate;
  readonly log: WinLog;
  readonly ledger: Ledger;
  readonly registry: EventRegistry;
}

/** A plan, and what carrying it out would put into the gate; null where nothing may be done. */
export interface PreparedRecovery {
  readonly plan: RecoveryPlan;
  readonly restoration: Restoration | null;
}

const pageSize = 1_000;

/** Looks at what each store holds of an event and works out what can be rebuilt. Changes nothing. Throws `event_not_found`. */
export async function prepareRecovery(context: RecoveryContext, eventId: string): Promise<PreparedRecovery> {
  const { gate, ledger, registry } = context;
  const [snapshot] = await gate.events([eventId]);
  const event = await ledger.event(eventId);
  if (snapshot == null && event === null) throw await registry.explainMissing(eventId);
  const totals = await ledger.totals(eventId);
  if (!registry.isRecovering(eventId) || event === null)
    return { plan: notNeeded(eventId, snapshot ?? null, event, totals), restoration: null };
  const findings = findingList();
  if (registry.isStopped(eventId)) findings.add('I2', registry.causeOf(eventId) ?? 'the stores contradict each other');
  const fromLedger = await winsOfLedger(ledger, eventId, findings);
  const wins = await withWinsOfGate(gate, eventId, snapshot ?? null, fromLedger, findings);
  checkByFold(event, wins, findings);
  const restoration = await restorationOf(context, event, snapshot ?? null, wins, findings);
  const found = findings.all();
  const plan: RecoveryPlan = {
    ...notNeeded(eventId, snapshot ?? null, event, totals),
    needed: true,
    cause: registry.causeOf(eventId) ?? '',
    after: { won: wins.length, remaining: event.spec.capacity - wins.length, nextSlot: wins.length + 1 },
    lost: lossOf(wins.length, event.spec.capacity),
    findings: found,
  };
  return { plan, restoration: found.length === 0 ? restoration : null };
}

/** Carries out what is safe to do. Throws `not_recovering`, `recovery_conflict`. */
export async function recover(context: RecoveryContext, eventId: string): Promise<EventSnapshot> {
  const { plan, restoration } = await prepareRecovery(context, eventId);
  if (!plan.needed) throw new DibsError('not_recovering', `Event ${eventId} is served.`);
  if (restoration === null) {
    throw new DibsError('recovery_conflict', plan.findings[0]?.message, { details: { findings: plan.findings } });
  }
  const event = await context.gate.restore(restoration);
  const { spec, phase, revision, epoch, createdAt, lastTime } = event;
  await context.ledger.putEvent({ spec, phase, revision, epoch, createdAt, updatedAt: lastTime });
  context.registry.recovered(eventId);
  return event;
}

function notNeeded(
  eventId: string,
  snapshot: EventSnapshot | null,
  event: LedgerEvent | null,
  totals: LedgerTotals,
): RecoveryPlan {
  const { issued, failed, discarded, lastSlot } = totals;
  const won = snapshot?.won ?? lastSlot;
  const capacity = snapshot?.spec.capacity ?? event?.spec.capacity ?? won;
  return {
    eventId,
    needed: false,
    cause: 'The event is served.',
    gate: snapshot === null ? null : { won: snapshot.won, revision: snapshot.revision },
    ledger: { won: lastSlot, revision: event?.revision ?? 0, issued, failed, discarded },
    after: { won, remaining: capacity - won, nextSlot: won + 1 },
    lost: 'Nothing.',
    findings: [],
  };
}

const lossOf = (won: number, capacity: number): string =>
  won >= capacity
    ? 'Nothing: the ledger has every place.'
    : `Wins behind slot ${won} that were acknowledged and had not reached the ledger: no store has them, and their slots would be given anew.`;

/** All wins that the ledger knows, in slot order: its coupons, and those that failed or were discarded. */
async function winsOfLedger(ledger: Ledger, eventId: string, findings: FindingList): Promise<Win[]> {
  const failures = await failuresOf(ledger, eventId);
  const wins: Win[] = [];
  for (const failure of failures.values()) {
    const record = parseRecord(failure.record);
    const win = record?.type === 'wins' ? record.wins[0] : undefined;
    if (win === undefined) findings.add('I6', `the failed issuance of slot ${failure.slot ?? 0} cannot be read`);
    else wins.push(win);
  }
  for (let after = 0; ; ) {
    const page = await ledger.coupons(eventId, after, pageSize);
    for (const coupon of page) wins.push(winOf(coupon));
    const last = page.at(-1);
    if (last === undefined || page.length < pageSize) break;
    after = last.slot;
  }
  return wins.sort((a, b) => a.slot - b.slot);
}

const winOf = ({ slot, userId, nth, claimId, key, wonAt }: Coupon): Win => ({ slot, userId, nth, claimId, key, wonAt });

/** The ledger's wins, and behind them those that only the gate has, if it is an older copy that still has some. */
async function withWinsOfGate(
  gate: Gate,
  eventId: string,
  snapshot: EventSnapshot | null,
  wins: readonly Win[],
  findings: FindingList,
): Promise<Win[]> {
  const all = [...wins];
  for (let after = 0; after < (snapshot?.won ?? 0); ) {
    const page = await gate.wins(eventId, after, pageSize);
    for (const win of page) {
      const standing = wins[win.slot - 1];
      if (standing === undefined) all.push(win);
      else if (!sameWin(standing, win)) {
        findings.add(
          'I2',
          `slot ${win.slot} is ${win.claimId} of ${win.userId} in the gate, ${standing.claimId} of ${standing.userId} in the ledger`,
        );
      }
    }
    const last = page.at(-1);
    if (last === undefined) break;
    after = last.slot;
  }
  return all;
}

function checkByFold(event: LedgerEvent, wins: readonly Win[], findings: FindingList): void {
  const { spec, phase, revision, epoch, updatedAt: time } = event;
  const head = { v: recordVersion, eventId: spec.id, epoch, revision } as const;
  const begun = fold(emptyFold(), { ...head, type: 'event', act: 'recover', spec, phase, won: 0, n: 1, time });
  const result = begun.ok && wins.length > 0 ? fold(begun.state, { ...head, type: 'wins', wins }) : begun;
  if (!result.ok) findings.add('I8', result.conflict.message);
}

async function restorationOf(
  { gate, log, ledger }: RecoveryContext,
  event: LedgerEvent,
  snapshot: EventSnapshot | null,
  wins: readonly Win[],
  findings: FindingList,
): Promise<Restoration> {
  const { spec, phase, epoch, createdAt } = event;
  const won = wins.length;
  const position = parseOutboxId((await ledger.position(log.partitionOf(spec.id))) ?? '0-0');
  if (position.slot > won) findings.add('I6', `slot ${position.slot} was issued, but only ${won} wins are left`);
  // Its record must stand behind all that the ledger has read of this event, else it would never be read.
  const acts = (position.slot === won ? position.n : 0) + 1;
  const revision = Math.max(event.revision, snapshot?.revision ?? 0) + 1;
  const lastTime = Math.max(await gate.now(), event.updatedAt, wins.at(-1)?.wonAt ?? 0);
  return { event: { spec, phase, revision, epoch, won, acts, createdAt, lastTime }, wins };
}
