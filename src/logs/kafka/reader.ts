import type { LogRecord, PoisonRecord } from '../../core/record.ts';
import type { LogBatch } from '../../core/win-log.ts';
import { type Found, type Layout, recordIn } from './message.ts';
import type { Settings } from './options.ts';
import { partitionName, placeOf, positionOf } from './place.ts';
import type { Fetched, Servers } from './servers.ts';
import type { Topic } from './topic.ts';
import { unavailable } from './trouble.ts';

/** Messages that were fetched and not yet read: `found` are those from `offset` on. */
interface Ahead {
  readonly offset: number;
  readonly found: readonly Found[];
  /** Where to fetch on. */
  readonly next: number;
}

const isControl = 1 << 5;

/** Reads partitions from the positions that it is told, and nowhere else: the group's own offsets are not used. */
export class Reader {
  readonly #servers: Servers;
  readonly #settings: Settings;
  readonly #topic: Topic;
  readonly #layout: Layout;
  /**
   * A send comes back in one piece of up to 900 kB, and is read in several: what is left of it is kept, or each of these
   * reads would fetch it anew.
   */
  readonly #ahead = new Map<number, Ahead>();
  /** Of each partition, what was last told, so that it is told once. */
  readonly #told = new Map<number, string>();

  constructor(servers: Servers, settings: Settings, topic: Topic, layout: Layout) {
    this.#servers = servers;
    this.#settings = settings;
    this.#topic = topic;
    this.#layout = layout;
  }

  /** As `WinLog.read`. */
  async read(index: number, position: string, winsMax: number): Promise<LogBatch> {
    const { found, next } = await this.#fetch(index, this.#offsetOf(index, position));
    const records: (LogRecord | PoisonRecord)[] = [];
    let weight = 0;
    for (const one of found) {
      if (weight >= winsMax) break;
      const record = recordIn(one, index, this.#layout);
      records.push(record);
      // Any record counts for one at least, so that a piece of poison has an end as well.
      weight += record.type === 'wins' ? record.wins.length : 1;
    }
    if (records.length === 0) return { records, position };
    const rest = found.slice(records.length);
    const offset = rest[0]?.offset ?? next;
    this.#ahead.set(index, { offset, found: rest, next });
    return { records, position: positionOf(this.#topic.id, offset) };
  }

  clear(): void {
    this.#ahead.clear();
  }

  #offsetOf(index: number, position: string): number {
    const { topicId, offset } = placeOf(position);
    if (topicId === null || topicId === this.#topic.id) return offset;
    this.#tell(
      index,
      position,
      `was issued up to offset ${offset} of a topic that is gone; this one was made anew and is read from its first record`,
    );
    return 0;
  }

  /** What stands from `offset` on, or from the first record there is; none at the end. */
  async #fetch(index: number, offset: number): Promise<Ahead> {
    const kept = this.#ahead.get(index);
    if (kept?.offset === offset && kept.found.length > 0) return kept;
    for (let from = offset; ; ) {
      const piece = await this.#servers.fetch(index, from);
      if (piece === null) {
        from = await this.#firstBehind(index, from);
        continue;
      }
      const { found, next } = messagesOf(piece, from);
      // A piece may hold nothing but the marks of somebody's transactions.
      if (found.length === 0 && next > from) {
        from = next;
        continue;
      }
      return { offset: from, found, next };
    }
  }

  /** Where to read on where there is no such offset. */
  async #firstBehind(index: number, offset: number): Promise<number> {
    const first = (await this.#servers.offsets([index], 'first')).get(index) ?? 0;
    const last = (await this.#servers.offsets([index], 'last')).get(index) ?? 0;
    if (offset >= first && offset <= last) throw unavailable('Kafka has the offset by now that it had not');
    const why =
      offset < first
        ? `has lost what was before offset ${first} and was not issued, by its retention or by hand`
        : `has ended before offset ${offset}, to which it was issued, since a server came back with an older copy`;
    this.#tell(index, String(offset), `${why}; it is read from offset ${first}, and an event that lacks records stops`);
    return first;
  }

  #tell(index: number, where: string, what: string): void {
    if (this.#told.get(index) === where) return;
    this.#told.set(index, where);
    this.#settings.alarm(`Partition ${partitionName(this.#topic.name, index)} ${what}`, null);
  }
}

/** The messages from `offset` on: Kafka gives whole batches, so that some may stand before it. */
function messagesOf(piece: Fetched, offset: number): { found: Found[]; next: number } {
  const found: Found[] = [];
  let next = offset;
  for (const batch of piece.records ?? []) {
    const first = Number(batch.firstOffset);
    next = Math.max(next, first + batch.lastOffsetDelta + 1);
    if ((batch.attributes & isControl) !== 0) continue;
    for (const { offsetDelta, key, value } of batch.records) {
      if (first + offsetDelta >= offset) found.push({ offset: first + offsetDelta, key, value });
    }
  }
  return { found, next };
}
