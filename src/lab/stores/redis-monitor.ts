import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { StoreTrouble, wordsOf } from '../trouble.ts';
import { openRedis } from './redis.ts';

/** What a Redis says that it does, as it does it. */
export interface RedisMonitor {
  /** Of the scripts that have run since this was last asked, the last that names `word`: its call, and then what it did. */
  script(word: string): Promise<readonly string[]>;
  close(): Promise<void>;
}

const patienceMs = 5_000;

/** Watches one database of a Redis: the one that the URL names. */
export async function monitorRedis(url: string): Promise<RedisMonitor> {
  const { createClient } = await import('redis');
  const client = createClient({ url, RESP: 2, socket: { reconnectStrategy: false } });
  client.on('error', () => undefined);
  const database = new URL(url).pathname.slice(1) || '0';
  const told: Told = { scripts: [], echoes: new Map() };
  try {
    await client.connect();
    await client.monitor((line) => note(told, line, database));
  } catch (error) {
    throw new StoreTrouble('failed', `Redis cannot be watched: ${wordsOf(error)}`, error);
  }
  const speaker = await openRedis(url);
  return {
    async script(word) {
      // Redis does one thing after another, and tells it in that order: what it did before this it has told once it tells this.
      const token = randomBytes(8).toString('hex');
      const echoed = Promise.withResolvers<void>();
      told.echoes.set(token, echoed.resolve);
      await speaker.send(['ECHO', token]);
      await Promise.race([echoed.promise, pause(patienceMs, undefined, { ref: false })]);
      const seen = told.scripts.splice(0);
      return (seen.findLast(([call = '']) => call.includes(`"${word}"`)) ?? []).map(legible);
    },
    async close() {
      client.destroy();
      await speaker.close();
    },
  };
}

interface Told {
  readonly scripts: string[][];
  readonly echoes: Map<string, () => void>;
}

/** `1795772538.92 [15 127.0.0.1:41462] "EVALSHA" …` is a call, `… [15 lua] "HMGET" …` what the script does then. */
function note({ scripts, echoes }: Told, line: string, database: string): void {
  const [, number, by, command = ''] = /^\S+ \[(\d+) (\S+)\] (.*)$/.exec(line) ?? [];
  if (number !== database) return;
  if (by === 'lua') scripts.at(-1)?.push(command);
  else if (/^"EVAL(SHA)?"/.test(command)) scripts.push([command]);
  else echoes.get(/^"ECHO" "(\w+)"$/.exec(command)?.[1] ?? '')?.();
}

/**
 * Without quotes, and without what all keys of an event begin with; of a script's hash as much as tells it apart, and of its
 * text, which Redis is sent once and then known by its hash, nothing.
 */
function legible(command: string): string {
  const words = [...command.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, word = '']) => word);
  const hash = /^[0-9a-f]{40}$/;
  if (words[0] === 'EVAL') words[1] = '(script)';
  return words
    .map((word) => (hash.test(word) ? word.slice(0, 8) : word.replace(/^\w+:\{[^}]*\}:/, '')))
    .map((word) => (word === '' || word.includes(' ') ? `'${word}'` : word))
    .join(' ');
}
