import type { Clock } from '../core/clock.ts';
import { type EventSnapshot, stateAt } from '../core/event-spec.ts';
import type { Gate } from '../core/gate.ts';
import type { Ledger } from '../core/ledger.ts';
import type { WinLog } from '../core/win-log.ts';
import type { Admitter } from './admitter.ts';
import type { Claims } from './claims.ts';
import type { EventRegistry } from './event-registry.ts';
import type { EventFigures, Figures, Readiness } from './views.ts';

/** What the figures are read from. */
export interface FiguresContext {
  readonly gate: Gate;
  readonly log: WinLog;
  readonly ledger: Ledger;
  readonly registry: EventRegistry;
  readonly admitter: Admitter;
  readonly claims: Claims;
  readonly clock: Clock;
  /** The greatest slot of the event that the issuer knows to be in the ledger; null where it has not looked. */
  lastSlotOf(eventId: string): number | null;
  /** About how many records wait in each partition that this process issues. */
  lags(limit: number): Promise<ReadonlyMap<string, number>>;
  issued(): number;
}

// More events than this are not watched one by one: every one of them is a row of each metric.
const eventsMax = 1_000;

/** Live figures of this process. A store that does not answer is a figure as well, not an error. */
export async function figures(context: FiguresContext): Promise<Figures> {
  const { gate, log, ledger, admitter, clock } = context;
  const gateHealth = await health(`gate:${gate.kind}`, () => gate.check());
  const ledgerHealth = await health(`ledger:${ledger.kind}`, () => ledger.check());
  // The embedded log is the gate once more.
  const logHealth = log.append === null ? [] : [await health(`log:${log.kind}`, () => log.check())];
  const logUp = logHealth.every(({ up }) => up) && gateHealth.up;
  const lags = logUp ? await context.lags(eventsMax) : new Map<string, number>();
  const events: EventFigures[] = [];
  if (gateHealth.up) {
    const now = await gate.now();
    for (const event of await gate.list(null, eventsMax))
      events.push(await eventFigures(context, event, now, ledgerHealth.up));
  }
  return {
    at: new Date(clock.now()),
    events,
    recovering: context.registry.recovering.length,
    queueDepth: admitter.waiting,
    issued: context.issued(),
    failedIssuances: ledgerHealth.up ? await ledger.failureTotals() : { waiting: 0, reissued: 0, discarded: 0 },
    logLags: Array.from(lags, ([partition, records]) => ({ partition, records })),
    stores: [gateHealth, ...logHealth, ledgerHealth],
  };
}

/**
 * Whether this process can do its work now: claims need the gate alone, issuing needs gate, log and ledger. A gate that decides
 * for some events is enough: every process has the same gate, and to be unready would take the others from those as well.
 */
export async function readiness(
  { gate, log, ledger }: Pick<FiguresContext, 'gate' | 'log' | 'ledger'>,
  decides: boolean,
): Promise<Readiness> {
  const needed: [string, Check][] = [[`gate:${gate.kind}`, () => gate.check()]];
  // The embedded log is the gate once more.
  if (!decides && log.append !== null) needed.push([`log:${log.kind}`, () => log.check()]);
  if (!decides) needed.push([`ledger:${ledger.kind}`, () => ledger.check()]);
  const looks = await Promise.all(needed.map(async ([store, check]) => ({ store, ...(await look(check)) })));
  return {
    ready: looks.every(({ serves }) => serves),
    missing: looks.flatMap(({ store, troubles }) => troubles.map((message) => ({ store, message }))),
  };
}

/** Throws where a store serves nobody; gives what it lacks where it serves some. */
type Check = () => Promise<readonly string[] | void>;

async function look(check: Check): Promise<{ readonly serves: boolean; readonly troubles: readonly string[] }> {
  try {
    return { serves: true, troubles: (await check()) ?? [] };
  } catch (error) {
    return { serves: false, troubles: [error instanceof Error ? error.message : String(error)] };
  }
}

async function health(store: string, check: Check): Promise<Figures['stores'][number]> {
  const { troubles } = await look(check);
  return { store, up: troubles.length === 0, message: troubles.length === 0 ? null : troubles.join(' ') };
}

async function eventFigures(
  context: FiguresContext,
  event: EventSnapshot,
  now: number,
  ledgerUp: boolean,
): Promise<EventFigures> {
  const { gate, ledger, registry, claims } = context;
  const { id, capacity } = event.spec;
  const lastSlot = context.lastSlotOf(id) ?? (ledgerUp ? await ledger.lastSlot(id) : event.won);
  const unissued = Math.max(0, event.won - lastSlot);
  const [oldest] = unissued === 0 ? [] : await gate.wins(id, lastSlot, 1);
  return {
    eventId: id,
    state: registry.isRecovering(id) ? 'recovering' : stateAt(event, Math.max(now, event.lastTime)),
    capacity,
    won: event.won,
    unissued,
    oldestUnissuedSeconds: oldest === undefined ? 0 : Math.max(0, now - oldest.wonAt) / 1000,
    claims: claims.countsOf(id),
  };
}
