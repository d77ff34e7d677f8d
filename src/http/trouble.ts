import { DibsError } from '../core/errors.ts';
import type { Caller } from './credentials.ts';
import type { HttpLog } from './context.ts';
import { type Problem, problem, problemCodeOf, statusOf } from './problem.ts';

/** Carries an answer that has been made already through code that throws. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly problem: Problem;

  constructor(made: Problem) {
    super(made.body);
    this.problem = made;
  }
}

/**
 * The problem that an exception leaves as. What went wrong on this side goes to the log; of it only the admin, who
 * would read the log anyway, is told more than what to do: a store's message may hold addresses and paths.
 */
export function problemOf(error: unknown, caller: Caller['kind'], log: HttpLog): Problem {
  if (error instanceof ProblemError) return error.problem;
  if (!(error instanceof DibsError)) {
    log.error({ err: error }, 'an unforeseen exception');
    return problem('internal');
  }
  const code = problemCodeOf(error.code);
  const detail = detailOf(error);
  if (statusOf[code] < 500) return problem(code, detail, error.details);
  log.error({ err: error, code: error.code }, 'a request could not be answered');
  return caller === 'admin' ? problem(code, detail, error.details) : problem(code);
}

/** A message that only repeats the title says less than the remedy. */
const detailOf = (error: DibsError): string | undefined =>
  error.message === problemTitle(error) ? undefined : error.message;

function problemTitle(error: DibsError): string {
  return new DibsError(error.code).message;
}
