import type { Coupon } from '../core/coupon.ts';
import type { EventSnapshot } from '../core/event-spec.ts';
import { emptyFold, fold } from '../core/fold.ts';
import { DibsError } from '../core/errors.ts';
import type { EventProgress, Gate, Restoration } from '../core/gate.ts';
import { type FindingList, findingList } from '../core/invariants.ts';
import type { Ledger, LedgerEvent, LedgerTotals } from '../core/ledger.ts';
import { recordVersion } from '../core/record.ts';
import { sameWin, type Win } from '../core/win.ts';
import { type AuditContext, compareStores, failuresOf, winsBehind } from './audit.ts';
import { keptWinOf } from './contradictions.ts';
import { ledgerEventOf } from './events.ts';
import { revisionOf } from './issue-batch.ts';
import type { HeldWins, RecoveryPlan } from './views.ts';

/** What recovery reads and writes. */
export type RecoveryContext = AuditContext;

/** A plan, and what carrying it out would put into the gate; null where nothing is to be, or may be, put there. */
export interface PreparedRecovery {
  readonly plan: RecoveryPlan;
  readonly restoration: Restoration | null;
}

const pageSize = 1_000;
/** An event that was changed while it was read is read anew; more often in a row than this is no chance. */
const attemptsMax = 5;

/** Looks at what each store holds of an event and works out what can be rebuilt. Changes nothing. Throws `event_not_found`. */
export async function prepareRecovery(context: RecoveryContext, eventId: string): Promise<PreparedRecovery> {
  const { gate, log, ledger, registry } = context;
  // Another process may have recovered it since this one heard of it.
  if (registry.isRecovering(eventId)) await registry.heal(eventId);
  const snapshot = await registry.snapshotOf(eventId);
  const kept = await ledger.event(eventId);
  if (snapshot === null && kept === null) throw await registry.explainMissing(eventId);
  const totals = await ledger.totals(eventId);
  if (snapshot === null) registry.lost(eventId);
  const standing = { eventId, snapshot, kept, totals };
  if (!registry.isRecovering(eventId)) return { plan: notNeeded(standing), restoration: null };
  if (registry.isStopped(eventId)) return stoppedPlan(context, standing);
  const findings = findingList();
  const behind = await winsBehind(log, ledger, eventId);
  const logged = behind.flatMap((record) => (record.type === 'wins' ? record.wins : []));
  const outbox = await readable(winsOfOutbox(gate, eventId));
  const wins = merge(
    [
      { name: 'ledger', wins: await winsOfLedger(ledger, eventId, findings) },
      { name: 'log', wins: logged },
      { name: 'gate', wins: await readable(winsOfUsers(gate, eventId)) },
      { name: 'outbox', wins: outbox },
    ],
    findings,
  );
  // A slot that the ledger has lost behind its position would be read no more, whoever else has its win.
  const known = totals.issued + totals.failed + totals.discarded;
  if (known !== totals.lastSlot) findings.add('I8', `the ledger has ${known} wins up to slot ${totals.lastSlot}`);
  const issued = log.slotAt((await ledger.position(log.partitionOf(eventId))) ?? log.start);
  if (issued > wins.length) findings.add('I6', `slot ${issued} was issued, but only ${wins.length} wins are left`);
  const revisions = behind.flatMap((record) => (record.type === 'event' ? [revisionOf(record)] : []));
  const event = latestOf(kept, revisions, snapshot);
  if (event === null) throw await registry.explainMissing(eventId);
  checkByFold(event, wins, findings);
  const restoration = await restorationOf(gate, event, wins, snapshot);
  const found = findings.all();
  const plan: RecoveryPlan = {
    ...notNeeded(standing),
    needed: true,
    cause: registry.causeOf(eventId) ?? '',
    outbox: heldOf(outbox),
    log:
      log.append === null
        ? null
        : { ...heldOf(logged), revision: behind.reduce((most, { revision }) => Math.max(most, revision), 0) },
    after: { won: wins.length, remaining: event.spec.capacity - wins.length, nextSlot: wins.length + 1 },
    lost: lossOf(wins.length, event.spec.capacity, log.append !== null),
    findings: found,
  };
  return { plan, restoration: found.length === 0 ? restoration : null };
}

/**
 * Carries out what is safe to do. Of two that recover one event at once, in whatever processes, one rebuilds it, and the other
 * finds it served. Throws `not_recovering`, `recovery_conflict`.
 */
export async function recover(context: RecoveryContext, eventId: string): Promise<EventSnapshot> {
  const { gate, ledger, registry } = context;
  for (let attempt = 1; attempt <= attemptsMax; attempt += 1) {
    const { plan, restoration } = await prepareRecovery(context, eventId);
    if (!plan.needed) throw new DibsError('not_recovering', `Event ${eventId} is served.`);
    if (plan.findings.length > 0)
      throw new DibsError('recovery_conflict', plan.findings[0]?.message, { details: { findings: plan.findings } });
    if (restoration === null) return await letGoOn(context, eventId);
    const event = await gate.restore(restoration);
    if (event === null) continue;
    await ledger.putEvent(ledgerEventOf(event));
    registry.recovered(eventId);
    return event;
  }
  throw new DibsError('unavailable', `Event ${eventId} changes while it is being recovered; look at it again.`);
}

/** Serves a stopped event whose stores contradict each other no more. */
async function letGoOn({ ledger, registry }: RecoveryContext, eventId: string): Promise<EventSnapshot> {
  await ledger.unstop(eventId);
  registry.recovered(eventId);
  const event = await registry.snapshotOf(eventId);
  if (event === null) throw await registry.explainMissing(eventId);
  return event;
}

/** What the stores say of an event before anything is done. */
interface Standing {
  readonly eventId: string;
  readonly snapshot: EventSnapshot | null;
  readonly kept: LedgerEvent | null;
  readonly totals: LedgerTotals;
}

function notNeeded({ eventId, snapshot, kept, totals }: Standing): RecoveryPlan {
  const { issued, failed, discarded, lastSlot } = totals;
  const won = snapshot?.won ?? lastSlot;
  const capacity = snapshot?.spec.capacity ?? kept?.spec.capacity ?? won;
  return {
    eventId,
    needed: false,
    cause: 'The event is served.',
    gate: snapshot === null ? null : { won: snapshot.won, revision: snapshot.revision },
    outbox: null,
    log: null,
    ledger: { won: lastSlot, revision: kept?.revision ?? 0, issued, failed, discarded },
    after: { won, remaining: capacity - won, nextSlot: won + 1 },
    lost: 'Nothing.',
    findings: [],
  };
}

/** A stopped event is served and issued again once nothing in its stores contradicts any more: a person has mended it. */
async function stoppedPlan(context: RecoveryContext, standing: Standing): Promise<PreparedRecovery> {
  const cause = context.registry.causeOf(standing.eventId) ?? '';
  const findings = findingList();
  if (standing.snapshot === null)
    findings.add('I6', 'the gate has lost the event, and its stores contradict each other');
  // Of what the ledger has been given, its coupons and failures say what came of it: a log keeps for ever what was wrong.
  else await compareStores(context, standing.eventId, findings, false);
  return {
    plan: { ...notNeeded(standing), needed: true, cause, findings: findings.all() },
    restoration: null,
  };
}

function lossOf(won: number, capacity: number, hasLog: boolean): string {
  if (won >= capacity) return `Nothing: ${hasLog ? 'ledger and log have' : 'the ledger has'} every place.`;
  const reached = hasLog ? 'had reached neither log nor ledger' : 'had not reached the ledger';
  return `Wins behind slot ${won} that were acknowledged and ${reached}: no store has them, and their slots would be given anew.`;
}

/** The event by its latest revision, whoever knows it. */
function latestOf(
  kept: LedgerEvent | null,
  revisions: readonly LedgerEvent[],
  snapshot: EventSnapshot | null,
): LedgerEvent | null {
  let latest = kept;
  for (const one of revisions) if (latest === null || one.revision > latest.revision) latest = one;
  if (snapshot !== null && (latest === null || snapshot.revision > latest.revision)) latest = ledgerEventOf(snapshot);
  const createdAt = kept?.createdAt ?? snapshot?.createdAt;
  return latest === null || createdAt === undefined ? latest : { ...latest, createdAt };
}

/** All wins that the ledger knows, in slot order: its coupons, and those that failed or were discarded. */
async function winsOfLedger(ledger: Ledger, eventId: string, findings: FindingList): Promise<Win[]> {
  const failures = await failuresOf(ledger, eventId);
  const keptWins = new Map<number, Win>();
  for (const [slot, failure] of failures) {
    const win = keptWinOf(failure);
    if (win === null) findings.add('I6', `the failed issuance of slot ${slot} cannot be read`);
    else keptWins.set(slot, win);
  }
  const wins: Win[] = [];
  for (let after = 0; ; ) {
    const page = await ledger.coupons(eventId, after, pageSize);
    for (const coupon of page) {
      wins.push(winOf(coupon));
      // What was given up beside a coupon was no win of its own.
      if (failures.get(coupon.slot)?.state === 'discarded') keptWins.delete(coupon.slot);
    }
    const last = page.at(-1);
    if (last === undefined || page.length < pageSize) break;
    after = last.slot;
  }
  return [...wins, ...keptWins.values()].sort((a, b) => a.slot - b.slot);
}

const winOf = ({ slot, userId, nth, claimId, key, wonAt }: Coupon): Win => ({ slot, userId, nth, claimId, key, wonAt });

interface Source {
  readonly name: string;
  readonly wins: readonly Win[];
}

/** What of the gate cannot be read any more holds nothing that an event could be rebuilt from. */
async function readable(wins: Promise<Win[]>): Promise<Win[]> {
  try {
    return await wins;
  } catch (error) {
    if (error instanceof DibsError && error.code === 'recovering') return [];
    throw error;
  }
}

/** The wins that the gate judges repeats by, as far as they are left. */
async function winsOfUsers(gate: Gate, eventId: string): Promise<Win[]> {
  const wins: Win[] = [];
  for (let cursor: string | null = null; ; ) {
    const page = await gate.scan(eventId, cursor, pageSize);
    wins.push(...page.wins);
    if (page.cursor === null) return wins;
    cursor = page.cursor;
  }
}

/** The wins that are left in the outbox. */
async function winsOfOutbox(gate: Gate, eventId: string): Promise<Win[]> {
  const wins: Win[] = [];
  for (let after = 0; ; ) {
    const page = await gate.wins(eventId, after, pageSize);
    wins.push(...page);
    const last = page.at(-1);
    if (last === undefined) return wins;
    after = last.slot;
  }
}

const heldOf = (wins: readonly Win[]): HeldWins => ({
  wins: new Set(wins.map(({ slot }) => slot)).size,
  lastSlot: wins.reduce((last, { slot }) => Math.max(last, slot), 0),
});

/** All that any store knows, in slot order. */
function merge(sources: readonly Source[], findings: FindingList): Win[] {
  const bySlot = new Map<number, { readonly win: Win; readonly name: string }>();
  for (const { name, wins } of sources) {
    for (const win of wins) {
      const known = bySlot.get(win.slot);
      if (known === undefined) bySlot.set(win.slot, { win, name });
      else if (!sameWin(known.win, win))
        findings.add(
          'I2',
          `slot ${win.slot} is ${win.claimId} of ${win.userId} in the ${name}, ${known.win.claimId} of ${known.win.userId} in the ${known.name}`,
        );
    }
  }
  return [...bySlot.values()].map(({ win }) => win).sort((a, b) => a.slot - b.slot);
}

function checkByFold(event: LedgerEvent, wins: readonly Win[], findings: FindingList): void {
  const { spec, phase, revision, epoch, updatedAt: time } = event;
  const head = { v: recordVersion, eventId: spec.id, epoch, revision } as const;
  const begun = fold(emptyFold(), { ...head, type: 'event', act: 'recover', spec, phase, won: 0, n: 1, time });
  const result = begun.ok && wins.length > 0 ? fold(begun.state, { ...head, type: 'wins', wins }) : begun;
  if (!result.ok) findings.add('I8', result.conflict.message);
}

async function restorationOf(
  gate: Gate,
  event: LedgerEvent,
  wins: readonly Win[],
  ifStanding: EventProgress | null,
): Promise<Restoration> {
  const { spec, phase, epoch, createdAt } = event;
  const revision = event.revision + 1;
  const lastTime = Math.max(await gate.now(), event.updatedAt, wins.at(-1)?.wonAt ?? 0);
  // Its record must stand behind all that was read of this event, else it would never be read: no act of any revision
  // before can have had so great a number.
  const restored = { spec, phase, revision, epoch, won: wins.length, acts: revision, createdAt, lastTime };
  return { event: restored, wins, ifStanding };
}
