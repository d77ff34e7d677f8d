import type { Admin, Connection, ConnectionPool } from '@platformatic/kafka';
import { DibsError } from '../../core/errors.ts';
import { within } from '../../lib/within.ts';
import { calmPool, clientOptions, cut, type Library } from './library.ts';
import type { Settings } from './options.ts';
import { describeTopic, type Topic } from './topic.ts';
import { unavailable } from './trouble.ts';

type FetchAnswer = Awaited<ReturnType<Library['fetchV13']['api']['async']>>;
/** A piece of a partition, as a server gives it. */
export type Fetched = FetchAnswer['responses'][number]['partitions'][number];

/** The server that leads a partition; undefined while none does. */
type Leader = { readonly host: string; readonly port: number } | undefined;

/** Which end of a partition. */
export type End = 'first' | 'last';

const timestampOf: Readonly<Record<End, bigint>> = { first: -2n, last: -1n };
// A larger batch comes whole nevertheless, where it is the first.
const fetchBytesMax = 1_000_000;

// A new topic's leaders do not know of it for some ten milliseconds; an election takes longer.
const refusedMs = 20;

const outOfRange = 1;
/** The topic of that id is not there any more. */
const topicGone = new Set([3, 100, 103]);

/**
 * Asks the servers that lead the partitions, on connections of its own: on those of the group, an answer would wait for
 * others, and heartbeats for it (2.7 s where a fetch may wait for records, against 1 ms so).
 *
 * It asks for one partition at a time and never has a server wait for records, so that each answer takes a millisecond and
 * none depends on another. The library's own `fetch` keeps a session a server, which two of them at once break.
 */
export class Servers {
  readonly #library: Library;
  readonly #admin: Admin;
  readonly #pool: ConnectionPool;
  readonly #settings: Settings;
  readonly #topic: Topic;
  /** Which server leads each partition, as far as known. */
  #leaders: Promise<readonly Leader[]> | null = null;
  /** The last that was heard of where each partition ends. */
  readonly #ends = new Map<number, number>();
  #replaced = false;

  constructor(library: Library, admin: Admin, settings: Settings, topic: Topic) {
    this.#library = library;
    this.#admin = admin;
    this.#settings = settings;
    this.#topic = topic;
    this.#pool = new library.ConnectionPool('dibs', clientOptions(settings));
    calmPool(this.#pool);
  }

  /** Throws `store_unfit` once the topic was seen not to be what was opened. */
  assertSame(): void {
    if (this.#replaced) throw this.#replacedTrouble();
  }

  /** The topic has another id now, or gives places anew that were taken: what was sent to it may be gone. */
  noteReplaced(): DibsError {
    const trouble = this.#replacedTrouble();
    if (!this.#replaced) this.#settings.alarm(trouble.message, trouble);
    this.#replaced = true;
    return trouble;
  }

  #replacedTrouble(): DibsError {
    // Not `unavailable`: no wait ends it.
    return new DibsError(
      'store_unfit',
      `The topic ${this.#topic.name} was made again while it was in use, or has lost what it had acknowledged; restart this process, so that everything that is not issued is sent anew.`,
    );
  }

  /** What stands from `offset` on, up to a bound of bytes; null where the partition does not have that offset. */
  async fetch(index: number, offset: number): Promise<Fetched | null> {
    return await this.#ask(async (leaders) => {
      const partition = {
        partition: index,
        currentLeaderEpoch: -1,
        lastFetchedEpoch: -1,
        fetchOffset: BigInt(offset),
        partitionMaxBytes: fetchBytesMax,
      };
      const topics = [{ topicId: this.#topic.id, partitions: [partition] }];
      const connection = await this.#connectionTo(leaders[index], index);
      // Read uncommitted: nothing of ours is in a transaction, and one that somebody leaves open must hold up nobody.
      // Session epoch -1: no session. Version 13 is the first to name a topic by its id.
      const api = this.#library.fetchV13.api;
      const answer = await answerOf(api.async(connection, 0, 1, fetchBytesMax, 0, 0, -1, topics, [], ''));
      const found = answer.responses[0]?.partitions[0];
      if (found === undefined) throw this.#refusal(answer.errorCode);
      if (found.errorCode === outOfRange) return null;
      if (found.errorCode !== 0) throw this.#refusal(found.errorCode);
      return found;
    });
  }

  /** The first retained offset of each of these partitions, or the one behind the last. */
  async offsets(indices: readonly number[], end: End): Promise<Map<number, number>> {
    return await this.#ask(async (leaders) => {
      const groups = Map.groupBy(indices, (index) => leaders[index]);
      const parts = await Promise.all([...groups].map(([leader, group]) => this.#offsetsAt(leader, group, end)));
      return new Map(parts.flat());
    });
  }

  /** The offset behind the last of each of these partitions; the last that was heard where its server does not answer, but another does. */
  async ends(indices: readonly number[]): Promise<Map<number, number>> {
    const leaders = await this.#ask(async (known) => known);
    const groups = [...Map.groupBy(indices, (index) => leaders[index]).values()];
    const answers = await Promise.allSettled(groups.map((group) => this.offsets(group, 'last')));
    const isAnswered = answers.some(({ status }) => status === 'fulfilled');
    for (const [nth, answer] of answers.entries()) {
      if (answer.status === 'fulfilled') for (const [index, end] of answer.value) this.#ends.set(index, end);
      else if (!isAnswered || groups[nth]?.some((index) => !this.#ends.has(index)) !== false) throw answer.reason;
    }
    return new Map(this.#ends);
  }

  async #offsetsAt(leader: Leader, indices: readonly number[], end: End): Promise<[number, number][]> {
    const connection = await this.#connectionTo(leader, indices[0] ?? 0);
    const partitions = indices.map((partitionIndex) => ({
      partitionIndex,
      currentLeaderEpoch: -1,
      timestamp: timestampOf[end],
    }));
    const api = this.#library.listOffsetsV7.api;
    const answer = await answerOf(api.async(connection, -1, 0, [{ name: this.#topic.name, partitions }]));
    const found = answer.topics[0]?.partitions ?? [];
    const fault = found.find(({ errorCode }) => errorCode !== 0);
    if (fault !== undefined) throw this.#refusal(fault.errorCode);
    return found.map(({ partitionIndex, offset }) => [partitionIndex, Number(offset)]);
  }

  async #connectionTo(leader: Leader, index: number): Promise<Connection> {
    if (leader === undefined) throw new Refusal(`partition ${index} of ${this.#topic.name} has no leader`);
    return await this.#pool.get(leader);
  }

  /** Throws `unavailable` unless the topic is there, the same, and every partition is led by a server. */
  async check(): Promise<void> {
    this.#leaders = null;
    await this.#ask(async (leaders) => {
      const index = leaders.indexOf(undefined);
      if (index >= 0) throw new Refusal(`partition ${index} of ${this.#topic.name} has no leader`);
    });
  }

  close(): void {
    cut(this.#pool);
    void this.#pool.close().catch(() => undefined);
  }

  /** Asks who leads the partitions; again where another has come to lead one of them, or none does yet. */
  async #ask<T>(question: (leaders: readonly Leader[]) => Promise<T>): Promise<T> {
    this.assertSame();
    const { clock, answerTimeoutMs } = this.#settings;
    const until = performance.now() + answerTimeoutMs;
    const repeated = async (): Promise<T> => {
      for (;;) {
        try {
          this.#leaders ??= this.#whoLeads();
          return await question(await this.#leaders);
        } catch (error) {
          this.#leaders = null;
          if (!(error instanceof Refusal) || performance.now() > until - refusedMs) throw error;
          await clock.sleep(refusedMs);
        }
      }
    };
    const late = () => unavailable(`Kafka does not answer within ${answerTimeoutMs} ms`);
    return await within(clock, answerTimeoutMs, repeated(), late).catch((error: unknown) => {
      throw unavailable('Kafka cannot be read', error);
    });
  }

  #refusal(code: number): Error {
    // Whether it is gone, or there again as another, the next look at the cluster tells.
    const id = this.#library.protocolErrorsCodesById[code] ?? `error ${code}`;
    return new Refusal(topicGone.has(code) ? `the topic ${this.#topic.name} is gone (${id})` : id);
  }

  async #whoLeads(): Promise<readonly Leader[]> {
    const metadata = await describeTopic(this.#admin, this.#topic.name);
    const topic = metadata?.topics.get(this.#topic.name);
    if (metadata === null || topic === undefined) throw unavailable(`The topic ${this.#topic.name} is gone`);
    if (topic.id !== this.#topic.id) throw this.noteReplaced();
    return topic.partitions.map(({ leader }) => metadata.brokers.get(leader));
  }
}

/** A server's answer that it cannot say; another may. */
class Refusal extends Error {}

/** The answer, also where the library throws it for an error of one partition. */
async function answerOf<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Error && 'response' in error && error.response !== undefined) return error.response as T;
    throw error;
  }
}
