import { type RejectionReason, rejectionReasons } from '../core/decision.ts';
import type { ClaimAnswer } from './claim-client.ts';
import type { PlannedClaim } from './plan.ts';

/** A win as a client was told of it. */
export interface ToldWin {
  readonly slot: number;
  readonly nth: number;
  readonly claimId: string;
}

/** What a client asked, and what it was told: all that a checker from outside may build on. */
export interface HistoryEntry extends PlannedClaim {
  /** `unknown`: no answer, or trouble, which promises nothing either way. */
  readonly outcome: 'won' | 'replayed' | RejectionReason | 'unknown';
  /** Null unless won or replayed. */
  readonly win: ToldWin | null;
  readonly status: number;
  /** The code of the problem, or what broke; null where the claim was decided. */
  readonly trouble: string | null;
  /** Milliseconds on one steady clock: the first attempt was sent not before, the answer had arrived by. */
  readonly askedAt: number;
  readonly answeredAt: number;
  readonly attempts: number;
}

/** Reads one answer as the contract of the API has it; whatever does not fit that is `unknown`. */
export function historyEntry(
  claim: PlannedClaim,
  answer: ClaimAnswer,
  askedAt: number,
  answeredAt: number,
): HistoryEntry {
  const base = { ...claim, status: answer.status, askedAt, answeredAt, attempts: answer.attempts };
  const body = isObject(answer.body) ? answer.body : {};
  const win = toldWin(body['claim']);
  if (win !== null && answer.status === 201 && body['replayed'] === false) {
    return { ...base, outcome: 'won', win, trouble: null };
  }
  if (win !== null && answer.status === 200 && body['replayed'] === true) {
    return { ...base, outcome: 'replayed', win, trouble: null };
  }
  const code = body['code'];
  const reason = answer.status === 409 ? rejectionReasons.find((reason) => reason === code) : undefined;
  if (reason !== undefined) return { ...base, outcome: reason, win: null, trouble: null };
  const said = typeof code === 'string' ? code : `status ${answer.status}`;
  return { ...base, outcome: 'unknown', win: null, trouble: answer.trouble ?? said };
}

function toldWin(claim: unknown): ToldWin | null {
  if (!isObject(claim)) return null;
  const { slot, nth, id } = claim;
  return typeof slot === 'number' && typeof nth === 'number' && typeof id === 'string'
    ? { slot, nth, claimId: id }
    : null;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
