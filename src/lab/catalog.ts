import { strategy as atomicCounter } from './strategies/atomic-counter.ts';
import { strategy as dibsRedis } from './strategies/dibs-redis.ts';
import { strategy as dibsSqlite } from './strategies/dibs-sqlite.ts';
import { strategy as distributedLock } from './strategies/distributed-lock.ts';
import { strategy as forShare } from './strategies/for-share.ts';
import { strategy as forUpdate } from './strategies/for-update.ts';
import { strategy as lockUser } from './strategies/lock-user.ts';
import { strategy as mutex } from './strategies/mutex.ts';
import { strategy as optimisticVersion } from './strategies/optimistic-version.ts';
import { strategy as redisIncrKafka } from './strategies/redis-incr-kafka.ts';
import { strategy as redisIncr } from './strategies/redis-incr.ts';
import { strategy as redisSaddIncrKafkaFailed } from './strategies/redis-sadd-incr-kafka-failed.ts';
import { strategy as redisSaddIncrKafka } from './strategies/redis-sadd-incr-kafka.ts';
import { strategy as serializable } from './strategies/serializable.ts';
import { strategy as sqlCount } from './strategies/sql-count.ts';
import { strategy as stack } from './strategies/ticket-stack.ts';
import { strategy as tryLock } from './strategies/try-lock.ts';
import { strategy as uniqueUser } from './strategies/unique-user.ts';
import type { Strategy } from './strategy.ts';

/** All there are, in the order in which they are learnt. */
export const strategies: readonly Strategy[] = [
  sqlCount,
  atomicCounter,
  stack,
  mutex,
  tryLock,
  forShare,
  forUpdate,
  serializable,
  optimisticVersion,
  distributedLock,
  redisIncr,
  redisIncrKafka,
  redisSaddIncrKafka,
  redisSaddIncrKafkaFailed,
  uniqueUser,
  lockUser,
  dibsSqlite,
  dibsRedis,
];

/** The strategy of that name; throws where there is none. */
export function findStrategy(name: string): Strategy {
  const found = strategies.find((strategy) => strategy.name === name);
  if (found === undefined) throw new Error(`there is no strategy ${name}`);
  return found;
}
