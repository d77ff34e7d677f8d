import { Buffer } from 'node:buffer';
import type { Producer } from '@platformatic/kafka';
import type { DibsError } from '../../core/errors.ts';
import { within } from '../../lib/within.ts';
import { calm, clientOptions, closeClient, type Library } from './library.ts';
import { layoutHeader, layoutText, type Layout, type Message } from './message.ts';
import type { Settings } from './options.ts';
import type { Servers } from './servers.ts';
import type { Topic } from './topic.ts';
import { unavailable } from './trouble.ts';

// Kafka's limit, 1 MB where nothing else is set, holds for all messages of a send to one partition together.
const sendBytesMax = 900_000;
const sendMessagesMax = 500;
/** What a message takes besides its key and value, at most: lengths, times, the header. */
const overheadBytes = 70;
const closeMs = 1_000;

/** Messages of one append, for one partition. */
interface Parcel {
  readonly messages: readonly Message[];
  sent: number;
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * Sends to one partition, one send at a time, the next only when the last was answered: with several on the way, a cut
 * connection put 250 to 300 of 4,170 records out of order.
 *
 * Where a send fails, or is not answered in time, it may have been done, and may even be done later: its bytes can lie in a
 * server that hangs. First occurrences stay in order nevertheless, by two rules. Whoever was told of the trouble sends again
 * from the first record on that he has no answer for; so whatever lands late repeats what he sends, or stands before it.
 * And what waited behind the send that failed is not sent but fails with it, or it would come before what it follows.
 *
 * The producer is the partition's own, and made anew after trouble. The library's counts anew what it sends to any partition
 * when a send to one of them fails; a send that is then about to go out under the old name has a count that the server has
 * seen, which takes it for a repeat: of two records that were acknowledged, one was there.
 */
export class Sender {
  readonly #library: Library;
  readonly #settings: Settings;
  readonly #servers: Servers;
  readonly #topic: Topic;
  readonly #index: number;
  readonly #headers: Map<Buffer, Buffer>;
  #producer: Producer | null = null;
  /** How many producers there were. */
  #turn = 0;
  #parcels: Parcel[] = [];
  #running: Promise<void> | null = null;
  /** The offset behind the last message that was answered. */
  #next = 0n;
  #closed = false;

  constructor(library: Library, settings: Settings, servers: Servers, topic: Topic, layout: Layout, index: number) {
    this.#library = library;
    this.#settings = settings;
    this.#servers = servers;
    this.#topic = topic;
    this.#index = index;
    this.#headers = new Map([[Buffer.from(layoutHeader), Buffer.from(layoutText(index, layout.count))]]);
  }

  /** Resolves once all of them are kept by as many servers as the topic demands. Throws `unavailable`: then any of them may be. */
  send(messages: readonly Message[]): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#parcels.push({ messages, sent: 0, resolve, reject });
    this.#running ??= this.#run();
    return promise;
  }

  /** What is on its way may still be answered, for a moment. */
  async close(): Promise<void> {
    this.#closed = true;
    const { clock } = this.#settings;
    if (this.#running !== null)
      await within(clock, closeMs, this.#running, this.#closedTrouble).catch(() => this.#fail(this.#closedTrouble()));
    await this.#drop();
  }

  async #run(): Promise<void> {
    // Appends that come in the same moment go out together.
    await Promise.resolve();
    while (this.#parcels.length > 0) {
      const messages = this.#nextMessages();
      try {
        if (this.#closed) throw this.#closedTrouble();
        await this.#sendOnce(messages);
        this.#settle(messages.length);
      } catch (error) {
        void this.#drop();
        this.#fail(error);
      }
    }
    this.#running = null;
  }

  readonly #closedTrouble = (): DibsError => unavailable('The log is closed');

  /** What goes out next: of all that waits, from the front, as much as one send may hold. */
  #nextMessages(): Message[] {
    const messages: Message[] = [];
    let bytes = 0;
    for (const parcel of this.#parcels) {
      for (const message of parcel.messages.slice(parcel.sent)) {
        bytes += message.key.length + message.value.length + overheadBytes;
        if (messages.length === sendMessagesMax || (messages.length > 0 && bytes > sendBytesMax)) return messages;
        messages.push(message);
      }
    }
    return messages;
  }

  async #sendOnce(messages: readonly Message[]): Promise<void> {
    this.#servers.assertSame();
    const { clock, answerTimeoutMs } = this.#settings;
    const { name: topic } = this.#topic;
    const [partition, headers] = [this.#index, this.#headers];
    this.#producer ??= this.#makeProducer();
    const producer = this.#producer;
    const sent = producer.send({
      messages: messages.map(({ key, value }) => ({ topic, partition, key, value, headers })),
    });
    const late = () =>
      unavailable(`Kafka does not answer within ${answerTimeoutMs} ms; the records may be kept or not`);
    const { offsets = [] } = await within(clock, answerTimeoutMs, sent, late);
    const [place] = offsets;
    // By name, the library sends on to a topic that was deleted and made again, and to partition 0 where one is missing.
    const id = producer.currentMetadata?.topics.get(topic)?.id;
    const isOther = id !== undefined && id !== this.#topic.id;
    if (isOther || place?.partition !== partition || place.offset < this.#next) throw this.#servers.noteReplaced();
    this.#next = place.offset + BigInt(messages.length);
  }

  #settle(count: number): void {
    let left = count;
    for (let parcel = this.#parcels[0]; parcel !== undefined; parcel = this.#parcels[0]) {
      const settled = Math.min(left, parcel.messages.length - parcel.sent);
      parcel.sent += settled;
      left -= settled;
      if (parcel.sent < parcel.messages.length) return;
      this.#parcels.shift();
      parcel.resolve();
    }
  }

  #fail(error: unknown): void {
    const trouble = unavailable('Kafka does not take records', error);
    for (const parcel of this.#parcels.splice(0)) parcel.reject(trouble);
  }

  #makeProducer(): Producer {
    const options = clientOptions(this.#settings, this.#turn);
    this.#turn += 1;
    return calm(
      new this.#library.Producer({
        ...options,
        idempotent: true,
        // Bounded by our own time alone: an idempotent producer of this library does not take a number below 2.
        retries: Number.MAX_SAFE_INTEGER,
      }),
    );
  }

  /** Ends the producer, and with it the repeats of a send that nobody waits for any more. */
  async #drop(): Promise<void> {
    const producer = this.#producer;
    this.#producer = null;
    if (producer !== null) await closeClient(producer, this.#settings, closeMs);
  }
}
