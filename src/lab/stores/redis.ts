import { StoreTrouble, wordsOf } from '../trouble.ts';

/** What Redis answers. */
export type RedisReply = string | number | null | readonly RedisReply[];

/** Redis as one process uses it: one connection for all its claims. */
export interface RedisStore {
  send(args: readonly string[]): Promise<RedisReply>;
  close(): Promise<void>;
}

const timeoutMs = 5_000;

/** Connects to the Redis at `url`. */
export async function openRedis(url: string): Promise<RedisStore> {
  const { createClient } = await import('redis');
  const client = createClient({
    url,
    RESP: 2,
    disableOfflineQueue: true,
    maintNotifications: 'disabled',
    socket: { connectTimeout: timeoutMs, reconnectStrategy: false },
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (error) {
    throw new StoreTrouble('failed', `Redis at ${new URL(url).host}: ${wordsOf(error)}`, error);
  }
  return {
    async send(args) {
      try {
        return (await client.sendCommand(args)) as unknown as RedisReply;
      } catch (error) {
        throw new StoreTrouble('failed', wordsOf(error), error);
      }
    },
    async close() {
      if (client.isOpen) await client.close();
    },
  };
}
