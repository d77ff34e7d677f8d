import type { Clock } from '../core/clock.ts';

/** What `work` comes to, or what `late` makes where it takes longer than `ms`; the work itself then goes on unwatched. */
export async function within<T>(
  clock: Pick<Clock, 'sleep'>,
  ms: number,
  work: Promise<T>,
  late: () => Error,
): Promise<T> {
  const settled = new AbortController();
  const timer = clock.sleep(ms, settled.signal).then(() => {
    throw late();
  });
  try {
    return await Promise.race([work, timer]);
  } finally {
    settled.abort();
  }
}
