import { DibsError } from '../../core/errors.ts';
import { countIn, layoutHeader } from './message.ts';
import type { Servers } from './servers.ts';
import type { Topic } from './topic.ts';

/**
 * How many partitions are used: what is wanted, or all there are. It must be what the records were spread over: with
 * another number an event goes on in another partition than it began in, and its order is lost. Kafka lets anybody raise the
 * number and does not tell what it was, so each record carries it; the last one of each partition is looked at, and the
 * first one where the last was written by something else. Throws `store_unfit`.
 */
export async function judgeWritten(servers: Servers, topic: Topic, wanted: number | null): Promise<number> {
  const { name, partitions } = topic;
  const count = wanted ?? partitions;
  const counts = await writtenCounts(servers, topic);
  const [other] = counts.difference(new Set([count]));
  if (other !== undefined) {
    const remedy =
      counts.size === 1 && other <= partitions
        ? `Say partitions=${other}, which leaves the others unused; or let all be issued and take a new topic`
        : 'Let all be issued with the number it was written with, and take a new topic';
    throw new DibsError(
      'store_unfit',
      `The records of the topic ${name} were spread over ${other} partitions, not ${count}: events would go on in another partition than they began in, and lose their order. ${remedy}.`,
    );
  }
  if (count <= partitions) return count;
  throw new DibsError(
    'store_unfit',
    `The topic ${name} has ${partitions} partitions, not ${count}. Say partitions=${partitions}, or take another topic.`,
  );
}

async function writtenCounts(servers: Servers, topic: Topic): Promise<Set<number>> {
  const indices = Array.from({ length: topic.partitions }, (_, index) => index);
  const [firsts, lasts] = [await servers.offsets(indices, 'first'), await servers.offsets(indices, 'last')];
  const counts = await Promise.all(
    indices.map(async (index) => {
      const [first = 0, last = 0] = [firsts.get(index), lasts.get(index)];
      if (first >= last) return null;
      return (await countAt(servers, index, last - 1)) ?? (await countAt(servers, index, first));
    }),
  );
  return new Set(counts.filter((count) => count !== null));
}

/** How many partitions the writer of the record at an offset saw, or of one near it; null where none of them says. */
async function countAt(servers: Servers, index: number, offset: number): Promise<number | null> {
  const piece = await servers.fetch(index, offset);
  for (const { records } of piece?.records ?? []) {
    for (const { headers } of records) {
      const text = headers.find(([name]) => name?.toString() === layoutHeader)?.[1]?.toString();
      const count = text === undefined ? null : countIn(text);
      if (count !== null) return count;
    }
  }
  return null;
}
