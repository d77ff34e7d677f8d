import { setTimeout as pause } from 'node:timers/promises';
import { wordsOf } from './trouble.ts';

/** Something to be taken down, by what it is called where that fails. */
export interface Ending {
  readonly what: string;
  readonly end: () => Promise<unknown>;
}

/** Something is left that should be gone. */
export class LeftBehind extends Error {
  override readonly name = 'LeftBehind';
}

/**
 * What hangs is not waited for longer: a store that does not answer must not keep the rest from being taken down. Thrice what
 * Kafka has for one answer: what is only slow is no reason to lose what a run has shown.
 */
const endMsMax = 30_000;

/** Takes all down, one after another, whatever becomes of each; then throws `LeftBehind` with what went wrong. */
export async function endAll(endings: readonly Ending[]): Promise<void> {
  const failures: string[] = [];
  for (const { what, end } of endings) {
    try {
      await inTime(end());
    } catch (error) {
      failures.push(`${what} could not be taken down: ${wordsOf(error)}`);
    }
  }
  if (failures.length > 0) throw new LeftBehind(failures.join('; '));
}

async function inTime(ending: Promise<unknown>): Promise<void> {
  const stop = new AbortController();
  const late = pause(endMsMax, undefined, { signal: stop.signal }).then(() => {
    throw new Error(`no answer within ${endMsMax / 1000} s`);
  });
  late.catch(() => undefined);
  try {
    await Promise.race([ending, late]);
  } finally {
    stop.abort();
    ending.catch(() => undefined);
  }
}
