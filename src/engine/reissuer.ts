import type { Clock } from '../core/clock.ts';
import { type FailedIssuance, type FailedIssuanceState, failedIssuanceStates } from '../core/coupon.ts';
import { DibsError, refuseFaults } from '../core/errors.ts';
import type { IssueRate } from '../core/issue-rate.ts';
import type { Gate } from '../core/gate.ts';
import type { IssueOutcome, Ledger } from '../core/ledger.ts';
import { sameWin } from '../core/win.ts';
import type { Attendance } from '../lib/attendance.ts';
import { isWonInGate, keptWinOf } from './contradictions.ts';
import type { CouponMaker } from './coupon-code.ts';
import type { EventRegistry } from './event-registry.ts';
import { nextAttemptDelayMs } from './issuer.ts';
import { limitOf, numberCursor, pageOf } from './paging.ts';
import { presentFailure } from './present.ts';
import type { FailedIssuanceView, Page, PageQuery } from './views.ts';

/** What reissuing works with. */
export interface ReissuerContext {
  readonly gate: Pick<Gate, 'events' | 'wins' | 'winsOfUser'>;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly random: () => number;
  readonly couponOf: CouponMaker;
  readonly rate: IssueRate | null;
  readonly registry: Pick<EventRegistry, 'isStopped' | 'causeOf' | 'learnStopped'>;
  readonly attendance: Pick<Attendance, 'isMine'>;
  alarm(message: string, error: unknown): void;
}

const intervalMs = 1_000;
const dueMax = 100;
const reasonLengthMax = 500;

/** Reissues what the ledger refused: a timed batch of what is due, and by hand. The slot stays the win's, whatever happens. */
export class Reissuer {
  readonly #context: ReissuerContext;
  readonly #stop = new AbortController();
  #done: Promise<void> | null = null;
  issued = 0;

  constructor(context: ReissuerContext) {
    this.#context = context;
  }

  start(): void {
    this.#done ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  async list(query: PageQuery & { readonly state?: FailedIssuanceState }): Promise<Page<FailedIssuanceView>> {
    const limit = limitOf(query);
    const { state } = query;
    const fits = state === undefined || failedIssuanceStates.includes(state);
    refuseFaults(fits ? [] : [{ path: '/state', message: `must be one of ${failedIssuanceStates.join(', ')}` }]);
    const wanted = { afterId: numberCursor(query), limit: limit + 1 };
    const rows = await this.#context.ledger.failures(state === undefined ? wanted : { ...wanted, state });
    return pageOf(rows, limit, presentFailure, (row) => String(row.id));
  }

  /** Tries one now. A repeat finds it reissued and says so: two operators at once are harmless. */
  async reissue(id: number): Promise<FailedIssuanceView> {
    const failure = await this.#known(id);
    if (failure.state === 'discarded') throw new DibsError('not_failed', `Failed issuance ${id} was discarded.`);
    if (failure.state === 'waiting') {
      await this.#context.registry.learnStopped();
      const outcome = await this.#attempt(failure);
      if (outcome.outcome === 'throttled')
        throw new DibsError('unavailable', `The rate of issuing is used up for ${outcome.waitMs} ms.`);
      if (outcome.outcome !== 'issued') throw new DibsError('reissue_refused', errorOf(outcome));
    }
    return presentFailure(await this.#known(id));
  }

  async discard(id: number, reason: string): Promise<FailedIssuanceView> {
    const length = typeof reason === 'string' && reason.isWellFormed() ? Array.from(reason.trim()).length : 0;
    const fits = length >= 1 && length <= reasonLengthMax;
    refuseFaults(fits ? [] : [{ path: '/reason', message: `must be 1 to ${reasonLengthMax} characters` }]);
    const isNoWin = await this.#isNoWin(await this.#known(id));
    await this.#context.ledger.changeFailure(id, { state: 'discarded', reason: reason.trim(), isNoWin });
    const failure = await this.#known(id);
    if (failure.state !== 'discarded') throw new DibsError('not_failed', `Failed issuance ${id} was reissued.`);
    return presentFailure(failure);
  }

  async #run(): Promise<void> {
    const { clock, attendance } = this.#context;
    while (!this.#stop.signal.aborted) {
      // One of the workers is enough; two at once would be harmless.
      if (!attendance.isMine('failed issuances') || !(await this.#reissueDue()))
        await clock.sleep(intervalMs, this.#stop.signal);
    }
  }

  /** Tries what is due; true where there may be more. */
  async #reissueDue(): Promise<boolean> {
    const { ledger, clock, registry } = this.#context;
    try {
      const due = await ledger.failures({ dueAt: clock.now(), afterId: 0, limit: dueMax });
      // Among them may be the wins of an event that another worker has just stopped.
      if (due.length > 0) await registry.learnStopped();
      for (const failure of due) {
        if (this.#stop.signal.aborted) return false;
        await this.#attemptAtRate(failure);
      }
      return due.length === dueMax;
    } catch (error) {
      this.#context.alarm('Reissuing pauses: the ledger does not answer', error);
      return false;
    }
  }

  async #attemptAtRate(failure: FailedIssuance): Promise<void> {
    const { signal } = this.#stop;
    for (let outcome = await this.#attempt(failure); outcome.outcome === 'throttled' && !signal.aborted; ) {
      await this.#context.clock.sleep(outcome.waitMs, signal);
      outcome = await this.#attempt(failure);
    }
  }

  /** One try. A failure that the rate holds up stays as it is; any other counts an attempt. */
  async #attempt(failure: FailedIssuance): Promise<IssueOutcome> {
    const { ledger, clock, random } = this.#context;
    const outcome = await this.#reissue(failure);
    if (outcome.outcome === 'issued' && outcome.repeats === 0) this.issued += 1;
    if (outcome.outcome === 'issued' || outcome.outcome === 'throttled') return outcome;
    const nextAttemptAt = clock.now() + nextAttemptDelayMs(failure.attempts + 1, random);
    await ledger.changeFailure(failure.id, { state: 'waiting', error: errorOf(outcome), nextAttemptAt });
    return outcome;
  }

  async #reissue(failure: FailedIssuance): Promise<IssueOutcome> {
    const { ledger, couponOf, rate, registry } = this.#context;
    const { id, eventId, slot, error } = failure;
    // What was set aside as no record stays so, even where it reads like a win: nobody has won what stands where it does not belong.
    if (eventId === null) return { outcome: 'refused', error };
    const win = keptWinOf(failure);
    if (win === null) return { outcome: 'refused', error: 'The record cannot be read.' };
    if (registry.isStopped(eventId))
      return { outcome: 'refused', error: `The event is stopped: ${registry.causeOf(eventId) ?? ''}` };
    // What holds no slot was not proved to be a win when it was kept. A gate that is away must not hold up the others.
    if (slot === null && (await isWonInGate(this.#context, eventId, win).catch(() => null)) !== true)
      return { outcome: 'refused', error: `The gate has no win ${win.claimId} of ${win.userId}.` };
    return ledger.reissue(id, couponOf(eventId, win), rate);
  }

  /**
   * Whether nobody has won what is to be discarded, so that it is counted nowhere. Of a stopped event that must be known: what
   * was no win would hold its slot for ever, and what was one would be lost. Throws `not_failed` where its coupon stands, and
   * `unavailable`.
   */
  async #isNoWin(failure: FailedIssuance): Promise<boolean> {
    const { ledger, registry } = this.#context;
    const { id, eventId, slot, state } = failure;
    const win = keptWinOf(failure);
    if (eventId === null || win === null || state !== 'waiting') return false;
    const [coupon] = await ledger.couponsBySlot(eventId, [win.slot]);
    if (coupon !== undefined && sameWin(coupon, win))
      throw new DibsError('not_failed', `Failed issuance ${id} has its coupon, which stands at slot ${win.slot}.`);
    await registry.learnStopped();
    const mustKnow = slot === null || registry.isStopped(eventId);
    const isWon = await isWonInGate(this.#context, eventId, win).catch((error: unknown) => {
      if (mustKnow) throw error;
      return null;
    });
    if (mustKnow && isWon === null)
      throw new DibsError('unavailable', `The gate cannot tell now whether failed issuance ${id} is a win.`);
    if (slot === null && isWon === true)
      throw new DibsError(
        'unavailable',
        `Failed issuance ${id} is the win of slot ${win.slot}, which another record held before it: it is issued once the event is served.`,
      );
    return isWon === false;
  }

  async #known(id: number): Promise<FailedIssuance> {
    const failure = Number.isSafeInteger(id) ? await this.#context.ledger.failure(id) : null;
    if (failure === null) throw new DibsError('failed_issuance_not_found', `There is no failed issuance ${id}.`);
    return failure;
  }
}

function errorOf(outcome: IssueOutcome): string {
  if (outcome.outcome === 'refused') return outcome.error;
  return outcome.outcome === 'conflict' ? outcome.message : outcome.outcome;
}
