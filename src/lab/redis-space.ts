import { openRedis, type RedisStore } from './stores/redis.ts';
import { StoreTrouble } from './trouble.ts';

/** A part of Redis that one run has for itself. */
export interface RedisSpace {
  readonly url: string;
  readonly keyPrefix: string;
  /** Removes what the run has left there. */
  readonly clear: () => Promise<void>;
}

const databases = Array.from({ length: 15 }, (_, i) => 15 - i);
const markExpiryMs = 3_600_000;
const mark = 'dibs_lab';
/** What all keys of an engine begin with. */
const enginePrefix = 'dibs:';

/** A prefix of keys in the database that the URL names. */
export function prefixedSpace(url: string, name: string): RedisSpace {
  const keyPrefix = `${name}:`;
  return { url, keyPrefix, clear: () => inRedis(url, (redis) => forget(redis, `${keyPrefix}*`)) };
}

/**
 * A database of its own, by its number, for an engine: engines that share one share their work, and those that are at home in
 * this Redis must not be given the lab's. Throws where all are in use.
 */
export async function ownDatabase(url: string, name: string): Promise<RedisSpace> {
  for (const database of databases) {
    const own = new URL(url);
    own.pathname = `/${database}`;
    const isOurs = await inRedis(own.href, async (redis) => {
      if ((await redis.send(['SET', mark, name, 'NX', 'PX', String(markExpiryMs)])) === null) return false;
      if (Number(await redis.send(['DBSIZE'])) === 1) return true;
      await redis.send(['DEL', mark]);
      return false;
    });
    if (!isOurs) continue;
    const clear = (): Promise<void> =>
      inRedis(own.href, async (redis) => {
        // Empty when it was taken, and by now perhaps not for us alone: what an engine has not made stays.
        await forget(redis, `${enginePrefix}*`);
        await redis.send(['DEL', mark]);
      });
    return { url: own.href, keyPrefix: '', clear };
  }
  throw new StoreTrouble('failed', 'of the databases 1 to 15 of this Redis none is empty, and the engine needs one');
}

async function inRedis<T>(url: string, act: (redis: RedisStore) => Promise<T>): Promise<T> {
  const redis = await openRedis(url);
  try {
    return await act(redis);
  } finally {
    await redis.close();
  }
}

async function forget(redis: RedisStore, pattern: string): Promise<void> {
  let cursor = '0';
  do {
    const answer = await redis.send(['SCAN', cursor, 'MATCH', pattern, 'COUNT', '1000']);
    const [next, keys] = answer as [string, string[]];
    if (keys.length > 0) await redis.send(['DEL', ...keys]);
    cursor = next;
  } while (cursor !== '0');
}
