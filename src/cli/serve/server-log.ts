import process from 'node:process';
import type { Alarm } from '../../core/alarm.ts';
import { DibsError } from '../../core/errors.ts';
import type { Screen } from '../screen.ts';
import { visible } from '../text.ts';

/** Where a running server says what an operator should know of. */
export interface ServerLog {
  error(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  info(fields: object, message: string): void;
}

/** Readable lines where somebody sits at a terminal, else JSON lines for whatever collects them; both to stderr. */
export async function createServerLog(screen: Screen): Promise<ServerLog> {
  if (process.stderr.isTTY && !screen.json) {
    const write = (level: string, fields: object, message: string): void => {
      const { err } = fields as { readonly err?: unknown };
      const cause = err instanceof Error ? `: ${wordsOf(err)}` : '';
      const time = new Date().toISOString().slice(11, 19);
      screen.aside(visible(`${time} ${level}: ${message}${cause}`));
    };
    return {
      error: (fields, message) => write('error', fields, message),
      warn: (fields, message) => write('warning', fields, message),
      info: (fields, message) => write('info', fields, message),
    };
  }
  const { destination, pino, stdSerializers } = await import('pino');
  const serializers = {
    err: (error: Error) =>
      isExpected(error)
        ? { type: error.name, code: codeOf(error), message: wordsOf(error) }
        : stdSerializers.err(error),
  };
  // Written at once: the last lines before an end are the ones that matter.
  const logger = pino(
    { base: null, timestamp: () => `,"time":"${new Date().toISOString()}"`, serializers },
    destination({ dest: 2, sync: true }),
  );
  return {
    error: (fields, message) => logger.error(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    info: (fields, message) => logger.info(fields, message),
  };
}

/** Trouble as an error with its cause, its end as a piece of information. */
export const alarmTo =
  (log: ServerLog): Alarm =>
  (message, cause, isOver) => {
    if (isOver === true) log.info({}, message);
    else log.error(cause instanceof Error ? { err: cause } : {}, message);
  };

const faults = [TypeError, RangeError, ReferenceError, SyntaxError];

/** Whether an error is a store's or the network's, so that where in this program it was met helps nobody. */
function isExpected(error: unknown): boolean {
  if (!(error instanceof DibsError)) return codeOf(error) !== undefined && !isFault(error);
  const { cause } = error;
  return cause instanceof DibsError ? isExpected(cause) : !isFault(cause);
}

const isFault = (error: unknown): boolean => faults.some((one) => error instanceof one);

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;

/** What an error says, and its cause where that is not in it. Where a name has several addresses, Node says nothing but a code. */
function wordsOf(error: Error): string {
  const words = error.message || (codeOf(error) ?? error.name);
  const cause = error.cause instanceof Error ? wordsOf(error.cause) : '';
  return words.includes(cause.replace(/\.$/, '')) ? words : `${words} (${cause})`;
}
