import { DibsError } from '../../core/errors.ts';

/** The error classes of the client library that tell what became of a command. */
export interface RedisErrors {
  readonly ErrorReply: ErrorClass;
  readonly ClientOfflineError: ErrorClass;
  readonly ClientClosedError: ErrorClass;
  readonly RootNodesUnavailableError: ErrorClass;
  readonly MaxCommandRedirectionsError: ErrorClass;
}
type ErrorClass = abstract new (...args: never[]) => Error;

/**
 * Words that a refusal begins with where Redis has done nothing, and may do it later. `OOM` and `MISCONF` of a script come from
 * its first write: behind that one Redis lets a script finish. A right that is missing may show in the middle of one.
 */
const doneNothing =
  /^(?:LOADING|BUSY|OOM|MISCONF|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|MOVED|ASK|NOREPLICAS|NOAUTH|WRONGPASS)\b|^NOPERM\b(?!.* script: )/;
const isScriptUnknown = /^NOSCRIPT\b/;
const isNotLetIn = /^(?:NOAUTH|NOPERM|WRONGPASS|ERR AUTH|ERR invalid password|ERR Client sent AUTH)/;

/** What an error says, to stand within a sentence. Where a name has several addresses, Node says nothing but a code. */
export function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  return (error.message || (code ?? error.name)).replace(/\.$/, '');
}

/** What an error of the client library means: nothing was done, or nobody knows. */
export class Classifier {
  readonly #errors: RedisErrors;
  readonly #shown: string;

  constructor(errors: RedisErrors, shown: string) {
    this.#errors = errors;
    this.#shown = shown;
  }

  /** Whether the server does not have a script by its hash; nothing has run. */
  isScriptUnknown(error: unknown): boolean {
    return this.#isReply(error) && isScriptUnknown.test(error.message);
  }

  /** Whether the server refuses who asks, or what this user asks for. */
  isNotLetIn(error: unknown): error is Error {
    return this.#isReply(error) && isNotLetIn.test(error.message);
  }

  /** The server's own words where it has answered with an error, or an error's cause is such an answer; else null. */
  replyOf(error: unknown): string | null {
    const answer = error instanceof DibsError ? error.cause : error;
    return this.#isReply(answer) ? answer.message : null;
  }

  /** The trouble of a call that has failed. */
  troubleOf(error: unknown): DibsError {
    if (error instanceof DibsError) return error;
    if (this.#isReply(error) && doneNothing.test(error.message))
      return new DibsError('unavailable', `${this.#shown} refuses: ${error.message}`, { cause: error });
    if (this.#wasNeverSent(error))
      return new DibsError('unavailable', `${this.#shown} is not connected: ${wordsOf(error)}.`, { cause: error });
    return new DibsError('unknown_outcome', `${this.#shown} gave no answer that tells: ${wordsOf(error)}`, {
      cause: error,
    });
  }

  #isReply(error: unknown): error is Error {
    return error instanceof this.#errors.ErrorReply;
  }

  #wasNeverSent(error: unknown): boolean {
    const { ClientOfflineError, ClientClosedError, RootNodesUnavailableError, MaxCommandRedirectionsError } =
      this.#errors;
    return [ClientOfflineError, ClientClosedError, RootNodesUnavailableError, MaxCommandRedirectionsError].some(
      (one) => error instanceof one,
    );
  }
}
