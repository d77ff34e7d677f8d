import { wordsOf } from '../trouble.ts';
import { StoreTrouble } from '../trouble.ts';

/** What a Redis says that it does, as it does it. */
export interface RedisMonitor {
  /** The commands of the next script that names `word` and has not been given yet: its call first. None where none comes. */
  script(word: string): Promise<readonly string[]>;
  close(): Promise<void>;
}

const patienceMs = 500;
const pollMs = 5;

/** Watches one database of a Redis: the one that the URL names. */
export async function monitorRedis(url: string): Promise<RedisMonitor> {
  const { createClient } = await import('redis');
  const client = createClient({ url, RESP: 2, socket: { reconnectStrategy: false } });
  client.on('error', () => undefined);
  const database = new URL(url).pathname.slice(1) || '0';
  const scripts: string[][] = [];
  try {
    await client.connect();
    await client.monitor((said) => note(scripts, said, database));
  } catch (error) {
    throw new StoreTrouble('failed', `Redis cannot be watched: ${wordsOf(error)}`, error);
  }
  return {
    async script(word) {
      const until = performance.now() + patienceMs;
      for (;;) {
        const at = scripts.findIndex(([call = '']) => call.includes(`"${word}"`));
        // A script has been told whole once it is followed by another command, or by nothing for a moment.
        if (at >= 0) await new Promise((resolve) => setTimeout(resolve, pollMs));
        if (at >= 0) return (scripts.splice(0, at + 1).at(-1) ?? []).map(legible);
        if (performance.now() > until) return [];
        await new Promise((resolve) => setTimeout(resolve, pollMs));
      }
    },
    async close() {
      client.destroy();
    },
  };
}

/** `1795772538.92 [15 127.0.0.1:41462] "EVALSHA" …` is a call, `… [15 lua] "HMGET" …` what the script does then. */
function note(scripts: string[][], said: string, database: string): void {
  const [, number, by, command = ''] = /^\S+ \[(\d+) (\S+)\] (.*)$/.exec(said) ?? [];
  if (number !== database) return;
  if (by === 'lua') scripts.at(-1)?.push(command);
  else if (/^"EVAL(SHA)?"/.test(command)) scripts.push([command]);
}

/** Without quotes, and without what all keys of an event begin with; of a script's hash as much as tells it apart. */
function legible(command: string): string {
  const words = [...command.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, word = '']) => word);
  const hash = /^[0-9a-f]{40}$/;
  return words
    .map((word) => (hash.test(word) ? word.slice(0, 8) : word.replace(/^\w+:\{[^}]*\}:/, '')))
    .map((word) => (word === '' || word.includes(' ') ? `'${word}'` : word))
    .join(' ');
}
