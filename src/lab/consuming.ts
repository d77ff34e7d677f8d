import { strikes } from './faults.ts';
import { type KafkaTopic, openReader } from './stores/kafka.ts';
import type { Message } from './terms.ts';

/** A consumer at work. */
export interface Consuming {
  /** Resolves once it reads. */
  readonly ready: Promise<void>;
  /** Resolves once everything is consumed that its partition holds by now. */
  drain(): Promise<void>;
  stop(): Promise<void>;
}

/** What it does with each message. */
interface Consumer {
  /** Not null: some messages come twice, as they do where a consumer dies before its offset is kept; told each time. */
  readonly repeats: (() => void) | null;
  readonly consume: (message: Message) => Promise<void>;
}

/** Reads one partition from its first message on, one message after another. */
export function consumePartition(topic: KafkaTopic, partition: number, { repeats, consume }: Consumer): Consuming {
  const opening = openReader(topic, partition);
  const waiting: (() => void)[] = [];
  const stopping = new AbortController();
  let got = 0;

  async function take(message: Message): Promise<void> {
    got += 1;
    const times = repeats !== null && strikes(got) ? 2 : 1;
    if (times === 2) repeats?.();
    for (let time = 1; time <= times; time += 1) {
      await consume(message);
    }
  }

  async function run(): Promise<void> {
    const reader = await opening;
    while (!stopping.signal.aborted) {
      // Asked before reading: what is at the end then has been read behind it.
      const drained = waiting.splice(0);
      const isAtEnd = drained.length > 0 && (await reader.isAtEnd());
      if (isAtEnd) for (const resolve of drained) resolve();
      else waiting.push(...drained);
      for (const text of await reader.read()) {
        if (stopping.signal.aborted) break;
        await take(JSON.parse(text) as Message);
      }
    }
    await reader.close();
  }

  const running = run();
  // Whoever waits for it is told; before that nobody does.
  running.catch(() => undefined);
  return {
    ready: opening.then(() => undefined),
    drain: () => Promise.race([new Promise<void>((resolve) => waiting.push(resolve)), running]),
    async stop() {
      stopping.abort();
      await running.catch(() => undefined);
    },
  };
}
