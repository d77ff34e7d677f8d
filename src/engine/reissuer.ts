import type { Clock } from '../core/clock.ts';
import { type FailedIssuance, type FailedIssuanceState, failedIssuanceStates } from '../core/coupon.ts';
import { DibsError, refuseFaults } from '../core/errors.ts';
import type { IssueOutcome, Ledger } from '../core/ledger.ts';
import { parseRecord } from '../core/record.ts';
import type { TokenBucket } from '../lib/token-bucket.ts';
import type { CouponMaker } from './coupon-code.ts';
import { nextAttemptDelayMs } from './issuer.ts';
import { limitOf, numberCursor, pageOf } from './paging.ts';
import { presentFailure } from './present.ts';
import type { FailedIssuanceView, Page, PageQuery } from './views.ts';

/** What reissuing works with. */
export interface ReissuerContext {
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly random: () => number;
  readonly couponOf: CouponMaker;
  readonly rate: TokenBucket;
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
      const outcome = await this.#attempt(failure);
      if (outcome.outcome !== 'issued') throw new DibsError('reissue_refused', errorOf(outcome));
    }
    return presentFailure(await this.#known(id));
  }

  async discard(id: number, reason: string): Promise<FailedIssuanceView> {
    const length = typeof reason === 'string' && reason.isWellFormed() ? Array.from(reason.trim()).length : 0;
    const fits = length >= 1 && length <= reasonLengthMax;
    refuseFaults(fits ? [] : [{ path: '/reason', message: `must be 1 to ${reasonLengthMax} characters` }]);
    await this.#known(id);
    await this.#context.ledger.changeFailure(id, { state: 'discarded', reason: reason.trim() });
    const failure = await this.#known(id);
    if (failure.state !== 'discarded') throw new DibsError('not_failed', `Failed issuance ${id} was reissued.`);
    return presentFailure(failure);
  }

  async #run(): Promise<void> {
    const { ledger, clock, rate } = this.#context;
    while (!this.#stop.signal.aborted) {
      try {
        const due = await ledger.failures({ dueAt: clock.now(), afterId: 0, limit: dueMax });
        for (const failure of due) {
          while (rate.available(clock.now()) === 0 && !this.#stop.signal.aborted) {
            await clock.sleep(rate.msUntilAvailable(clock.now()), this.#stop.signal);
          }
          if (this.#stop.signal.aborted) return;
          await this.#attempt(failure);
        }
        if (due.length === dueMax) continue;
      } catch (error) {
        this.#context.alarm('Reissuing pauses: the ledger does not answer', error);
      }
      await clock.sleep(intervalMs, this.#stop.signal);
    }
  }

  async #attempt(failure: FailedIssuance): Promise<IssueOutcome> {
    const { ledger, clock, random, couponOf, rate } = this.#context;
    const record = parseRecord(failure.record);
    const win = record?.type === 'wins' ? record.wins[0] : undefined;
    const outcome: IssueOutcome =
      record === null || win === undefined
        ? { outcome: 'refused', error: 'The record cannot be read.' }
        : await ledger.reissue(failure.id, couponOf(record.eventId, win));
    if (outcome.outcome === 'issued') {
      rate.take(1, clock.now());
      if (outcome.repeats === 0) this.issued += 1;
      return outcome;
    }
    const nextAttemptAt = clock.now() + nextAttemptDelayMs(failure.attempts + 1, random);
    await ledger.changeFailure(failure.id, { state: 'waiting', error: errorOf(outcome), nextAttemptAt });
    return outcome;
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
