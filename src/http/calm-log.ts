import type { Clock } from '../core/clock.ts';
import type { HttpLog } from './context.ts';

const intervalMs = 1000;

/**
 * A log that says the same thing once a second at most, with `suppressed` for how often it was not said: when a store is
 * gone every one of 20,000 requests a second fails, and a line for each would be the next trouble. Things are the same
 * that have one message and one `code`.
 */
export function calmLog(log: HttpLog, clock: Clock): HttpLog {
  const said = new Map<string, { at: number; suppressed: number }>();
  const calm =
    (level: 'error' | 'warn') =>
    (fields: { readonly code?: unknown }, message: string): void => {
      const key = `${message} ${typeof fields.code === 'string' ? fields.code : ''}`;
      const now = clock.now();
      const last = said.get(key);
      if (last !== undefined && now >= last.at && now < last.at + intervalMs) {
        last.suppressed += 1;
        return;
      }
      said.set(key, { at: now, suppressed: 0 });
      const suppressed = last?.suppressed ?? 0;
      log[level](suppressed === 0 ? fields : { ...fields, suppressed }, message);
    };
  return { error: calm('error'), warn: calm('warn') };
}
