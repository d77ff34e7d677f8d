import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Session } from './session.ts';

const retryMs = 5;
const tokenBytes = 4;

// The lock may have expired and be another's by now: only its own token may go.
const release = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0";

/** Does `body` under a lock in Redis that expires by itself, since whoever holds it may die. */
export async function underRedisLock<T>(
  session: Session,
  { key, expiryMs }: { readonly key: string; readonly expiryMs: number },
  body: () => Promise<T>,
): Promise<T> {
  const { redis } = session;
  const token = randomBytes(tokenBytes).toString('hex');
  for (let tries = 1; (await redis.send('SET', key, token, 'NX', 'PX', expiryMs)) === null; tries += 1) {
    if (tries === 1) session.waited();
    await pause(retryMs);
  }
  try {
    return await body();
  } finally {
    await redis.run(release, key, token);
  }
}
