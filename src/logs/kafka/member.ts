import type { Consumer, GroupAssignment } from '@platformatic/kafka';
import { backoffMs } from '../../lib/backoff.ts';
import { within } from '../../lib/within.ts';
import { calm, clientOptions, closeClient, type Library } from './library.ts';
import type { Settings } from './options.ts';
import type { Topic } from './topic.ts';
import { unavailable } from './trouble.ts';

const backoff = { baseMs: 100, maxMs: 5_000 };
const leaveMs = 2_000;
const closeMs = 1_000;
/** A group that is being joined waits for those who died, as long as they were given. */
const joinGraceMs = 5_000;
const silenceCheckMs = 1_000;
// Four heartbeats may be lost; a rebalance is noticed within one of them.
const heartbeatsInSession = 5;

/**
 * Takes part in the group that shares the topic's partitions among the workers, and for nothing else: it commits no offsets
 * and reads nothing, so that deleting the group's offsets does nothing, and a rebalance has no records to lose or repeat.
 * Whatever breaks the membership, it is taken up anew until it is closed.
 */
export class Member {
  readonly #library: Library;
  readonly #settings: Settings;
  readonly #topic: Topic;
  readonly #closing = new AbortController();
  #assigned: ReadonlySet<number> = new Set();
  /** When the last heartbeat that was answered had been sent, or the group joined, by the monotonic clock. */
  #heardAt = -Infinity;
  #run: Promise<void> | null = null;

  constructor(library: Library, settings: Settings, topic: Topic) {
    this.#library = library;
    this.#settings = settings;
    this.#topic = topic;
  }

  /** Begins to take part. Until the others have made room, which may take as long as one that died was given, it holds nothing. */
  join(): void {
    this.#run ??= this.#keepJoined();
  }

  /**
   * Whether the partition is this worker's. Not where nothing was heard of the group for a session: a process that was
   * stopped for so long has lost its part to others, and knows that before any answer tells it.
   */
  holds(index: number): boolean {
    return this.#assigned.has(index) && performance.now() - this.#heardAt < this.#settings.sessionTimeoutMs;
  }

  /** Leaves the group, so that the others have its part at once. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#assigned = new Set();
    await this.#run;
  }

  async #keepJoined(): Promise<void> {
    const { clock, random, group, alarm } = this.#settings;
    const { signal } = this.#closing;
    let turn = -1;
    for (let attempt = 1; !signal.aborted; attempt += 1) {
      const since = performance.now();
      turn += 1;
      const error = await this.#takePart(turn);
      if (signal.aborted) return;
      // One that had held for long before it broke is trouble of its own, and begins anew.
      if (performance.now() - since > 2 * backoff.maxMs) attempt = 1;
      if (attempt === 1) alarm(`The group ${group} is joined anew`, unavailable('The membership has ended', error));
      await clock.sleep(backoffMs(attempt, backoff, random), signal);
    }
  }

  /** One membership, from joining to its end; gives what ended it. */
  async #takePart(turn: number): Promise<unknown> {
    const { sessionTimeoutMs, group } = this.#settings;
    const ended = Promise.withResolvers<unknown>();
    const end = ended.resolve;
    const consumer = calm(this.#makeConsumer(turn));
    let askedAt = performance.now();
    let isOver = false;
    consumer.on('error', end);
    consumer.on('consumer:heartbeat:start', () => {
      askedAt = performance.now();
    });
    consumer.on('consumer:heartbeat:end', () => {
      if (!isOver) this.#heardAt = askedAt;
    });
    consumer.on('consumer:group:join', ({ assignments }) => {
      if (!isOver) this.#take(assignments ?? []);
    });
    // The library goes on by itself after what it knows. What it does not is a server that hangs: that one it asks on and on.
    const silence = setInterval(() => {
      if (performance.now() - Math.max(this.#heardAt, since) > sessionTimeoutMs + joinGraceMs)
        end(unavailable(`Nothing was heard of the group ${group}`));
    }, silenceCheckMs).unref();
    const since = performance.now();
    const onClose = () => end(null);
    this.#closing.signal.addEventListener('abort', onClose);
    try {
      consumer.topics.track(this.#topic.name);
      consumer.joinGroup({}).catch(end);
      return await ended.promise;
    } finally {
      isOver = true;
      clearInterval(silence);
      this.#closing.signal.removeEventListener('abort', onClose);
      this.#assigned = new Set();
      await this.#leave(consumer);
    }
  }

  /**
   * Leaves, then closes. Closed alone, the library finishes a join that is under way and from then on sends heartbeats for ever,
   * which fail, and keep the process: so it did whenever a worker was closed between the two answers of a join.
   */
  async #leave(consumer: Consumer): Promise<void> {
    const left = new Promise<void>((resolve, reject) => {
      consumer.leaveGroup(true, (error) => (error == null ? resolve() : reject(error)));
    });
    const late = () => unavailable('Kafka does not answer');
    await within(this.#settings.clock, leaveMs, left, late).catch(() => undefined);
    await closeClient(consumer, this.#settings, closeMs);
  }

  #take(assignments: readonly GroupAssignment[]): void {
    const mine = assignments.filter(({ topic }) => topic === this.#topic.name);
    this.#assigned = new Set(mine.flatMap(({ partitions }) => partitions));
    this.#heardAt = performance.now();
  }

  #makeConsumer(turn: number): Consumer {
    const { group, sessionTimeoutMs } = this.#settings;
    return new this.#library.Consumer({
      ...clientOptions(this.#settings, turn),
      groupId: group,
      groupProtocol: 'classic',
      sessionTimeout: sessionTimeoutMs,
      rebalanceTimeout: sessionTimeoutMs,
      heartbeatInterval: Math.ceil(sessionTimeoutMs / heartbeatsInSession),
      // The answer to joining comes when all others have joined as well.
      requestTimeout: sessionTimeoutMs + joinGraceMs,
      retries: 3,
    });
  }
}
