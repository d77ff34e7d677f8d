import type { EngineAnswer, LabEngine } from './engine.ts';
import { Sql } from './sql.ts';
import type { Counts, Take, Told } from './steps.ts';
import type { Stores } from './stores/stores.ts';
import type { RedisReply } from './stores/redis.ts';
import type { Message } from './terms.ts';

/** What a strategy writes with: every step that it takes is counted, and can be seen. */
export interface Session {
  readonly sql: Sql;
  readonly redis: {
    /** Sends one command about one key, which is the run's own. */
    send(command: string, key: string, ...values: readonly (string | number)[]): Promise<RedisReply>;
    /** Runs a script upon one key. */
    run(script: string, key: string, ...values: readonly (string | number)[]): Promise<RedisReply>;
  };
  /** Sends a message to a consumer and waits until it is kept; messages of one key take one partition. */
  readonly send: (message: Message, key?: string) => Promise<void>;
  /** Does something in the memory of this process; `told` says what came of it. */
  readonly local: <T>(text: string, act: () => T | Promise<T>, told?: Told<T>) => Promise<T>;
  /** Claims of the engine itself. */
  readonly engine: (userId: string) => Promise<EngineAnswer>;
  /** Notes that this claim had to wait for another's lock. */
  readonly waited: () => void;
  /** Gives back what it has taken. */
  close(): Promise<void>;
}

const shown = (value: unknown): string => {
  if (value === undefined) return 'done';
  return value === null ? '(nil)' : typeof value === 'string' ? value : JSON.stringify(value);
};

/** A session for one claim, one message or one batch. */
export function openSession(stores: Stores, engine: LabEngine | null, take: Take, counts: Counts): Session {
  const sql = new Sql(take, () => stores.database());
  const redis = async (shownText: string, args: readonly string[]): Promise<RedisReply> => {
    const act = async () => await (await stores.redis()).send(args);
    return await take({ kind: 'redis', text: shownText }, act, shown);
  };
  return {
    sql,
    redis: {
      send(command, key, ...values) {
        const rest = values.map(String);
        return redis([command, key, ...rest].join(' '), [command, stores.keyOf(key), ...rest]);
      },
      run(script, key, ...values) {
        const rest = values.map(String);
        return redis(`EVAL ${script} ${key} ${rest.join(' ')}`, ['EVAL', script, '1', stores.keyOf(key), ...rest]);
      },
    },
    async send(message, key) {
      const text = `send ${JSON.stringify(message)}${key === undefined ? '' : ` key ${key}`}`;
      const act = async () => await (await stores.kafka()).send(JSON.stringify(message), key ?? null);
      await take({ kind: 'kafka', text }, act, (partition) => `partition ${partition}`);
    },
    async local(text, act, told = shown) {
      return await take({ kind: 'local', text }, async () => await act(), told);
    },
    async engine(userId) {
      if (engine === null) throw new Error('this process has no engine');
      const step = { kind: 'engine', text: `dibs.claim('${userId}')` } as const;
      return await take(
        step,
        () => engine.claim(userId),
        ({ answer, win }) => `${win === null ? answer : `${answer}, slot ${win.slot}`} (batch ${engine.batches()})`,
      );
    },
    waited() {
      counts.waits += 1;
    },
    close: () => sql.close(),
  };
}
