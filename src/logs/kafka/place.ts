import { Buffer } from 'node:buffer';

/** Kafka's own hash of a key, so that whatever else writes to the topic or looks for an event agrees where it belongs. */
export function murmur2(bytes: Uint8Array): number {
  const m = 0x5bd1e995;
  const { length } = bytes;
  const at = (index: number): number => bytes[index] ?? 0;
  let h = 0x9747b28c ^ length;
  const whole = length - (length % 4);
  for (let i = 0; i < whole; i += 4) {
    let k = at(i) | (at(i + 1) << 8) | (at(i + 2) << 16) | (at(i + 3) << 24);
    k = Math.imul(k, m);
    k ^= k >>> 24;
    h = Math.imul(h, m) ^ Math.imul(k, m);
  }
  if (whole < length) {
    // The last one to three bytes; what lies behind the end counts as 0.
    h ^= at(whole) | (at(whole + 1) << 8) | (at(whole + 2) << 16);
    h = Math.imul(h, m);
  }
  h ^= h >>> 13;
  h = Math.imul(h, m);
  return h ^ (h >>> 15);
}

/** Which of `count` partitions carries an event, as Kafka's default partitioner has it. */
export const partitionIndexOf = (eventId: string, count: number): number =>
  (murmur2(Buffer.from(eventId)) & 0x7fffffff) % count;

/** The port's name of a partition. An event id has no slash, so that it can be no partition of the embedded log. */
export const partitionName = (topic: string, index: number): string => `${topic}/${index}`;

/** Where to read on in a partition. */
export interface Place {
  /** Kafka's id of the topic; null before the first record, of whatever topic. A topic that was made again has another. */
  readonly topicId: string | null;
  readonly offset: number;
}

/** The position before the first record. */
export const startPosition = ':0';

/** A place as the ledger keeps it. */
export const positionOf = (topicId: string, offset: number): string => `${topicId}:${offset}`;

/** Takes a position apart; throws on what is none, which only a damaged ledger can hold. */
export function placeOf(position: string): Place {
  const match = /^([0-9a-f-]*):(0|[1-9][0-9]{0,15})$/.exec(position);
  if (match === null) throw new RangeError(`not a position in a Kafka log: ${JSON.stringify(position)}`);
  return { topicId: match[1] === '' ? null : (match[1] ?? null), offset: Number(match[2]) };
}

/**
 * How many records lie between two positions. A place in a topic that is gone stands before every place of the one that is
 * there: what it holds has all yet to be read.
 */
export function distanceBetween(from: string, to: string, topicId: string): number {
  const [a, b] = [placeOf(from), placeOf(to)];
  const steps = (place: Place): number => (place.topicId === topicId ? place.offset : 0);
  return a.topicId === b.topicId ? b.offset - a.offset : steps(b) - steps(a);
}
