import type { Admin } from '@platformatic/kafka';
import { DibsError } from '../../core/errors.ts';
import type { LogRecord } from '../../core/record.ts';
import type { WinLog } from '../../core/win-log.ts';
import { within } from '../../lib/within.ts';
import { calm, clientOptions, closeClient, type Library, loadLibrary } from './library.ts';
import { Member } from './member.ts';
import { type Layout, type Message, messageOf } from './message.ts';
import { type KafkaLogOptions, type Settings, settingsOf } from './options.ts';
import { distanceBetween, partitionIndexOf, partitionName, positionOf, startPosition } from './place.ts';
import { Reader } from './reader.ts';
import { Sender } from './sender.ts';
import { Servers } from './servers.ts';
import { openTopic, refuseOldServers, type Topic } from './topic.ts';
import { isLoginRefused, reasonOf, unavailable } from './trouble.ts';
import { judgeWritten } from './written.ts';

const closeMs = 1_000;
const triesInAnswer = 3;
// Opening takes several answers, one after the other.
const answersToOpen = 4;

/**
 * Opens the log in a Kafka topic, which is made where there is none. Throws `invalid_configuration`, `store_unfit` where the
 * topic could lose what is won, and `unavailable`.
 */
export async function openKafkaLog(options: KafkaLogOptions): Promise<WinLog> {
  const settings = settingsOf(options);
  const { clock, answerTimeoutMs, brokers, sasl } = settings;
  const library = await loadLibrary();
  // Three tries are to fit into the time that an answer may take: the first server may hang.
  const requestTimeout = Math.ceil(answerTimeoutMs / triesInAnswer);
  const admin = calm(new library.Admin({ ...clientOptions(settings), requestTimeout }));
  const opened: Servers[] = [];
  const open = async (): Promise<WinLog> => {
    await refuseOldServers(admin);
    const topic = await openTopic(library, admin, settings);
    const servers = new Servers(library, admin, settings, topic);
    opened.push(servers);
    const count = await judgeWritten(servers, topic, settings.partitions);
    return new KafkaLog({ library, admin, servers, settings, topic }, count);
  };
  try {
    return await within(clock, answersToOpen * answerTimeoutMs, open(), () => unavailable('it does not answer'));
  } catch (error) {
    for (const servers of opened) servers.close();
    await closeClient(admin, settings, closeMs);
    if (isLoginRefused(error)) {
      const login = sasl === undefined ? 'none is given' : `${sasl.mechanism ?? 'SCRAM-SHA-512'}, user ${sasl.user}`;
      throw new DibsError('invalid_configuration', `Kafka at ${brokers.join(', ')} refuses the login: ${login}.`);
    }
    if (error instanceof DibsError && error.code !== 'unavailable') throw error;
    throw new DibsError('unavailable', `Kafka at ${brokers.join(', ')} cannot be used: ${reasonOf(error)}`);
  }
}

interface Parts {
  readonly library: Library;
  readonly admin: Admin;
  readonly servers: Servers;
  readonly settings: Settings;
  readonly topic: Topic;
}

class KafkaLog implements WinLog {
  readonly kind = 'kafka';
  readonly start = startPosition;
  readonly #parts: Parts;
  readonly #layout: Layout;
  readonly #reader: Reader;
  readonly #member: Member;
  readonly #senders = new Map<number, Sender>();
  /** Index by name, in byte order of the names: `t/10` stands before `t/2`. */
  readonly #indices: ReadonlyMap<string, number>;
  #closing: Promise<void> | null = null;

  constructor(parts: Parts, count: number) {
    const { servers, settings, topic, library } = parts;
    this.#parts = parts;
    this.#layout = { name: topic.name, count };
    this.#reader = new Reader(servers, settings, topic, this.#layout);
    this.#member = new Member(library, settings, topic);
    const names = Array.from({ length: count }, (_, index) => partitionName(topic.name, index)).sort();
    this.#indices = new Map(names.map((name) => [name, Number(name.slice(topic.name.length + 1))]));
  }

  readonly append = async (records: readonly LogRecord[]): Promise<void> => {
    this.#refuseClosed();
    const messages = new Map<number, Message[]>();
    for (const record of records) {
      const index = partitionIndexOf(record.eventId, this.#layout.count);
      const some = messages.get(index) ?? [];
      messages.set(index, some);
      some.push(messageOf(record));
    }
    const sends = [...messages].map(([index, some]) => this.#sender(index).send(some));
    // Once this has an answer, nothing of it waits to be sent any more.
    const failed = (await Promise.allSettled(sends)).find((one) => one.status === 'rejected');
    if (failed !== undefined) throw unavailable('Kafka does not take records', failed.reason);
  };

  partitionOf(eventId: string): string {
    return partitionName(this.#layout.name, partitionIndexOf(eventId, this.#layout.count));
  }

  async join(): Promise<void> {
    this.#refuseClosed();
    this.#member.join();
  }

  holds(partition: string): boolean {
    const index = this.#indices.get(partition);
    return index !== undefined && this.#member.holds(index);
  }

  async ends(after: string | null, limit: number): Promise<{ partition: string; end: string }[]> {
    this.#refuseClosed();
    const names = [...this.#indices.keys()].filter((name) => after === null || name > after).slice(0, limit);
    if (names.length === 0) return [];
    const { servers, topic } = this.#parts;
    const offsets = await servers.ends(names.map((name) => this.#indexOf(name)));
    return names.map((partition) => ({
      partition,
      end: positionOf(topic.id, offsets.get(this.#indexOf(partition)) ?? 0),
    }));
  }

  async read(partition: string, position: string, winsMax: number) {
    this.#refuseClosed();
    return await this.#reader.read(this.#indexOf(partition), position, winsMax);
  }

  distance(from: string, to: string): number {
    return distanceBetween(from, to, this.#parts.topic.id);
  }

  slotAt(): number {
    return 0;
  }

  async check(): Promise<void> {
    this.#refuseClosed();
    await this.#parts.servers.check();
  }

  async close(): Promise<void> {
    this.#closing ??= this.#close();
    await this.#closing;
  }

  async #close(): Promise<void> {
    const { servers, admin, settings } = this.#parts;
    // Bounded each by itself, so that a server that hangs holds up none of it for more than three seconds.
    await Promise.all([this.#member.close(), ...[...this.#senders.values()].map((sender) => sender.close())]);
    servers.close();
    this.#reader.clear();
    await closeClient(admin, settings, closeMs);
  }

  #refuseClosed(): void {
    if (this.#closing !== null) throw unavailable('The log is closed');
  }

  #sender(index: number): Sender {
    const { library, settings, servers, topic } = this.#parts;
    const sender = this.#senders.get(index) ?? new Sender(library, settings, servers, topic, this.#layout, index);
    this.#senders.set(index, sender);
    return sender;
  }

  #indexOf(partition: string): number {
    const index = this.#indices.get(partition);
    if (index === undefined) throw new RangeError(`${partition} is no partition of this log`);
    return index;
  }
}
