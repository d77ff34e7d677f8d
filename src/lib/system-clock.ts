import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../core/clock.ts';

/** The machine's own clock. Its sleeps keep the process alive only while they are awaited for by work that is under way. */
export const systemClock: Clock = {
  now: () => Date.now(),
  async sleep(ms, signal) {
    // An abort is an ordinary end of a sleep here: whoever aborts also tells the sleeper what to do next.
    await sleep(ms, undefined, signal === undefined ? undefined : { signal }).catch(() => undefined);
  },
};
