import type { IssueOutcome } from '../../core/ledger.ts';
import { Rollback } from './transactions.ts';

/** Thrown inside a transaction to roll it back and give `outcome` as what became of it. */
export class Stop extends Rollback {
  readonly outcome: IssueOutcome;

  constructor(outcome: IssueOutcome) {
    super(outcome.outcome);
    this.outcome = outcome;
  }
}

/** Runs a transaction and gives its outcome, or that of the `Stop` which ended it. */
export async function attempt(run: () => Promise<IssueOutcome>): Promise<IssueOutcome> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof Stop) return error.outcome;
    throw error;
  }
}
