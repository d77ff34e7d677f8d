import process from 'node:process';
import type { Screen } from '../screen.ts';
import { visible } from '../text.ts';

/** Where a running server says what an operator should know of. */
export interface ServerLog {
  error(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** Readable lines where somebody sits at a terminal, else JSON lines for whatever collects them; both to stderr. */
export async function createServerLog(screen: Screen): Promise<ServerLog> {
  if (process.stderr.isTTY && !screen.json) {
    const write = (level: string, fields: object, message: string): void => {
      const { err } = fields as { readonly err?: unknown };
      const cause = err instanceof Error ? `: ${err.message}` : '';
      const time = new Date().toISOString().slice(11, 19);
      screen.aside(visible(`${time} ${level}: ${message}${cause}`));
    };
    return {
      error: (fields, message) => write('error', fields, message),
      warn: (fields, message) => write('warning', fields, message),
    };
  }
  const { destination, pino } = await import('pino');
  // Written at once: the last lines before an end are the ones that matter.
  const logger = pino(
    { base: null, timestamp: () => `,"time":"${new Date().toISOString()}"` },
    destination({ dest: 2, sync: true }),
  );
  return {
    error: (fields, message) => logger.error(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
  };
}
