import type { Clock } from '../core/clock.ts';
import type { FailedIssuanceState } from '../core/coupon.ts';
import { DibsError } from '../core/errors.ts';
import type { Gate } from '../core/gate.ts';
import { issueRateOf } from '../core/issue-rate.ts';
import type { Ledger } from '../core/ledger.ts';
import type { WinLog } from '../core/win-log.ts';
import type { Attendance } from '../lib/attendance.ts';
import { letOthersRun } from '../lib/let-others-run.ts';
import { within } from '../lib/within.ts';
import { Admitter } from './admitter.ts';
import { audit } from './audit.ts';
import { Claims } from './claims.ts';
import { createCouponMaker } from './coupon-code.ts';
import type { Dibs, Observer, RevisionGuard } from './dibs.ts';
import { EventRegistry } from './event-registry.ts';
import { Events } from './events.ts';
import { figures, readiness } from './figures.ts';
import { Issuer, pieceWinsMax } from './issuer.ts';
import { LogPlaces } from './log-places.ts';
import { limitOf, numberCursor, pageOf } from './paging.ts';
import { presentCoupon, presentEvent } from './present.ts';
import { prepareRecovery, type RecoveryContext, recover } from './recovery.ts';
import { Reissuer } from './reissuer.ts';
import { Relay } from './relay.ts';
import type * as View from './views.ts';

/** What a process does: decide claims, issue coupons, or both. */
export const roles = ['claims', 'issuing'] as const;
export type Role = (typeof roles)[number];

/** What an engine is made of. The engine closes the stores when it is closed. */
export interface EngineParts {
  readonly gate: Gate;
  readonly log: WinLog;
  readonly ledger: Ledger;
  /** How the workers share what is to be done; started and stopped by the engine. */
  readonly attendance: Attendance;
  readonly clock: Clock;
  /** A number from 0 to below 1, for jitter. */
  readonly random: () => number;
}

/** How an engine behaves. */
export interface EngineSettings {
  /** Keys the coupon codes; the same on every node. */
  readonly codeSecret: string;
  /** Coupons a second; null: as fast as the ledger takes them. */
  readonly issueRatePerSecond: number | null;
  readonly roles: readonly Role[];
  /** Whether other processes work on the same stores: then this one looks for what they have done without being woken. */
  readonly isShared: boolean;
  readonly observer: Observer;
  /** Something an operator should know of; `error` is its cause, or null. */
  readonly alarm: (message: string, error: unknown) => void;
}

// 20,000 waiting claims are about 20 MB, and a second's work at most: what comes beyond is better told so at once.
const admitterLimits = { batchSizeMax: 256, waitingMax: 20_000 };
// In one process every record wakes relay and issuer, and the sweep is for what was left by one that is gone. Among several
// it is how the work is found at all: a tenth of a second is what a coupon may be late. A look costs Redis some 25 µs an event, so
// that its gate looks seldom at those on which nothing happens.
const sweepIntervalsMs = { alone: 5_000, shared: 100 } as const;
const refreshIntervalMs = 2_000;
// A wiped gate has lost all its events at once, and ten thousand lines say no more than these.
const toldMax = 20;
// A store that hangs must not keep a process that is told to end: a service manager kills it after 10 s, of which the HTTP
// server may have taken 5. What is cut off costs nothing: whatever was answered is in the gate, and issued from there.
const patienceMs = { work: 2_000, farewell: 500, stores: 1_500 } as const;

/** Opens the engine over stores that are open and migrated: finds out which events can be served, then begins to issue. */
export async function openEngine(parts: EngineParts, settings: EngineSettings): Promise<Dibs> {
  await parts.ledger.check();
  await parts.log.check();
  const engine = new Engine(parts, settings);
  await engine.start();
  return engine;
}

class Engine implements Dibs {
  readonly #parts: EngineParts;
  readonly #registry: EventRegistry;
  readonly #admitter: Admitter;
  readonly #issuer: Issuer;
  readonly #reissuer: Reissuer;
  /** Null where the log is the gate's own outbox. */
  readonly #relay: Relay | null;
  readonly #events: Events;
  readonly #claims: Claims;
  readonly #recovery: RecoveryContext;
  readonly #settings: EngineSettings;
  readonly #issues: boolean;
  readonly #decides: boolean;
  readonly #stop = new AbortController();
  /** The events that an alarm was given of. */
  #told: ReadonlySet<string> = new Set();
  #refreshing: Promise<void> = Promise.resolve();
  #recovering: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | null = null;

  constructor(parts: EngineParts, settings: EngineSettings) {
    const { gate, log, ledger, clock, random, attendance } = parts;
    const { observer, alarm, issueRatePerSecond, isShared } = settings;
    const registry = new EventRegistry({ gate, log, ledger });
    const couponOf = createCouponMaker(settings.codeSecret);
    const rate = issueRatePerSecond === null ? null : issueRateOf(issueRatePerSecond, pieceWinsMax);
    const sweepIntervalMs = isShared ? sweepIntervalsMs.shared : sweepIntervalsMs.alone;
    this.#parts = parts;
    this.#registry = registry;
    this.#settings = settings;
    this.#recovery = { gate, log, ledger, registry, couponOf };
    this.#issues = settings.roles.includes('issuing');
    this.#decides = settings.roles.includes('claims');
    const common = { gate, ledger, registry, clock, random, couponOf, rate, sweepIntervalMs, attendance, alarm };
    this.#issuer = new Issuer({ ...common, log, observer });
    this.#reissuer = new Reissuer(common);
    const { append } = log;
    const places = new LogPlaces(log, ledger, clock);
    const placeOf = (eventId: string) => places.placeOf(eventId);
    this.#relay =
      append === null
        ? null
        : new Relay({ ...common, append, placeOf, relayed: (eventId) => this.#issuer.wake(eventId) });
    const recorded = (eventId: string): void => {
      if (this.#relay === null) this.#issuer.wake(eventId);
      else this.#relay.wake(eventId);
    };
    this.#admitter = new Admitter(gate, admitterLimits, {
      admitted: (size) => observer.admitted?.(size),
      won: recorded,
    });
    this.#events = new Events({ gate, ledger, registry, recorded });
    this.#claims = new Claims({ gate, ledger, registry, admitter: this.#admitter });
  }

  async start(): Promise<void> {
    const { log, attendance } = this.#parts;
    await this.#registry.start();
    this.#tellRecovering();
    if (this.#settings.isShared) this.#refreshing = this.#refresh();
    if (!this.#issues) return;
    await attendance.start();
    await log.join();
    this.#relay?.start();
    this.#issuer.start();
    this.#reissuer.start();
  }

  /** Learns from the stores what other processes have found out. */
  async #refresh(): Promise<void> {
    const { clock } = this.#parts;
    const { signal } = this.#stop;
    for (;;) {
      await clock.sleep(refreshIntervalMs, signal);
      if (signal.aborted) return;
      // A store that does not answer is told by whatever needs it.
      await this.#registry.refresh().catch(() => undefined);
      this.#tellRecovering();
    }
  }

  /** Alarms of the events that are not served and were when it last told. */
  #tellRecovering(): void {
    const { recovering } = this.#registry;
    const fresh = recovering.filter((eventId) => !this.#told.has(eventId));
    this.#told = new Set(recovering);
    const { alarm } = this.#settings;
    for (const eventId of fresh.slice(0, toldMax)) {
      const cause = this.#registry.causeOf(eventId) ?? '';
      alarm(`Event ${eventId} waits for recovery (dibs recover ${eventId}): ${cause}`, null);
    }
    const more = fresh.length - toldMax;
    if (more > 0) alarm(`${more} more events wait for recovery (dibs recover --all)`, null);
  }

  createEvent = (input: View.NewEvent): Promise<{ event: View.EventView; created: boolean }> =>
    this.#events.create(input);
  getEvent = (eventId: string): Promise<View.EventView> => inTurn(() => this.#events.get(eventId));
  listEvents = (query: View.PageQuery = {}): Promise<View.Page<View.EventView>> =>
    inTurn(() => this.#events.list(query));
  changeEvent = (eventId: string, change: View.EventChange, guard: RevisionGuard = {}): Promise<View.EventView> =>
    this.#events.change(eventId, change, guard);
  pauseEvent = (eventId: string, guard: RevisionGuard = {}): Promise<View.EventView> =>
    this.#events.command(eventId, { act: 'pause' }, guard);
  resumeEvent = (eventId: string, guard: RevisionGuard = {}): Promise<View.EventView> =>
    this.#events.command(eventId, { act: 'resume' }, guard);
  closeEvent = (eventId: string, guard: RevisionGuard = {}): Promise<View.EventView> =>
    this.#events.command(eventId, { act: 'close' }, guard);

  claim = (input: View.ClaimInput): Promise<View.ClaimDecision> =>
    this.#decides
      ? this.#claims.claim(input)
      : Promise.reject(new DibsError('unavailable', 'This process issues coupons and decides no claims.'));
  getClaim = (eventId: string, claimId: string, userId?: string): Promise<View.ClaimView> =>
    inTurn(() => this.#claims.get(eventId, claimId, userId));
  listClaims = (eventId: string, userId: string): Promise<View.Page<View.ClaimView>> =>
    inTurn(() => this.#claims.list(eventId, userId));

  async listCoupons(eventId: string, query: View.PageQuery = {}): Promise<View.Page<View.CouponView>> {
    const limit = limitOf(query);
    const after = numberCursor(query);
    // Also of an event that waits for recovery: what has been issued stays issued.
    await this.getEvent(eventId);
    const rows = await this.#parts.ledger.coupons(eventId, after, limit + 1);
    return pageOf(rows, limit, presentCoupon, (row) => String(row.slot));
  }

  audit = (eventId: string): Promise<View.AuditReport> => inTurn(() => audit(this.#recovery, eventId));

  listFailedIssuances = (
    query: View.PageQuery & { readonly state?: FailedIssuanceState } = {},
  ): Promise<View.Page<View.FailedIssuanceView>> => inTurn(() => this.#reissuer.list(query));
  reissue = (id: number): Promise<View.FailedIssuanceView> => this.#reissuer.reissue(id);
  discard = (id: number, reason: string): Promise<View.FailedIssuanceView> => this.#reissuer.discard(id, reason);

  async recoveryPlan(eventId: string): Promise<View.RecoveryPlan> {
    const { plan } = await prepareRecovery(this.#recovery, eventId);
    return plan;
  }

  async recover(eventId: string): Promise<View.EventView> {
    // One after the other: a second that had looked before the first was done would wipe out what was won in between.
    const recovered = this.#recovering.then(() => recover(this.#recovery, eventId));
    this.#recovering = recovered.catch(() => undefined);
    const event = await recovered;
    this.#issuer.forget(eventId);
    this.#relay?.forget(eventId);
    return presentEvent(event, await this.#parts.gate.now());
  }

  readiness = (): Promise<View.Readiness> => inTurn(() => readiness(this.#parts, this.#decides));

  figures(): Promise<View.Figures> {
    const { gate, log, ledger, clock } = this.#parts;
    return inTurn(() =>
      figures({
        gate,
        log,
        ledger,
        registry: this.#registry,
        admitter: this.#admitter,
        claims: this.#claims,
        clock,
        lastSlotOf: (eventId) => this.#issuer.lastSlotOf(eventId),
        lags: (limit) => this.#issuer.lags(limit),
        issued: () => this.#issuer.issued + this.#reissuer.issued,
      }),
    );
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { gate, log, ledger, attendance } = this.#parts;
    this.#stop.abort();
    const loops = [this.#relay?.stop(), this.#issuer.stop(), this.#reissuer.stop(), this.#refreshing];
    const work = Promise.all([this.#admitter.close(), ...loops]);
    await this.#patiently(patienceMs.work, work);
    await this.#patiently(patienceMs.farewell, attendance.stop());
    // Closed under those who still wait for them, whose calls fail thereupon.
    await this.#patiently(patienceMs.stores, Promise.all([log.close(), ledger.close(), gate.close(), work]));
  }

  /** Waits for `work`, but no longer than `ms`; it then goes on unwatched. */
  async #patiently(ms: number, work: Promise<unknown>): Promise<void> {
    const late = new DibsError('unavailable', 'A store does not answer.');
    await within(this.#parts.clock, ms, work, () => late).catch((error: unknown) => {
      if (error !== late) throw error;
    });
  }
}

/** A question is answered in the next turn: who asks in a loop until something is issued must not keep it from being issued. */
async function inTurn<T>(read: () => Promise<T>): Promise<T> {
  await letOthersRun();
  return read();
}
