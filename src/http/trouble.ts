import type { ServerResponse } from 'node:http';
import { DibsError } from '../core/errors.ts';
import { writeProblem } from './answer.ts';
import type { HttpContext, HttpLog } from './context.ts';
import type { Caller } from './credentials.ts';
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

// Answers of 503 that are no trouble of this server's: it sheds load, or waits for a person who knows it.
const expected: readonly string[] = ['overloaded', 'recovering'];

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
  // A message that only repeats the title says less than the remedy.
  const detail = error.message === new DibsError(error.code).message ? undefined : error.message;
  if (statusOf[code] < 500) return problem(code, detail, error.details);
  if (!expected.includes(code)) log.error({ err: error, code: error.code }, 'a request could not be answered');
  if (caller !== 'admin') return problem(code);
  const told = problem(code, detail, error.details);
  if (error.retryable) return told;
  // Whoever can mend it is not sent to wait for it.
  const { 'Retry-After': _, ...headers } = told.headers;
  return { ...told, headers };
}

/** Answers with a problem, or cuts the connection where even that fails; never throws, as nobody is left to catch it. */
export function fail(res: ServerResponse, { log, stop }: Pick<HttpContext, 'log' | 'stop'>, make: () => Problem): void {
  try {
    writeProblem(res, stop, make());
  } catch (error) {
    log.error({ err: error }, 'a problem could not be answered');
    res.destroy();
  }
}
