import type { OutboxId } from '../../core/record.ts';
import { type LogRecord, parseOutboxId } from '../../core/record.ts';
import type { Win } from '../../core/win.ts';
import { fenced, recordFrom } from './codec.ts';
import type { RedisConnection } from './connection.ts';
import type { Reply } from './link.ts';

/** Reads entries of the outbox stream of one event. */
export interface OutboxSource {
  readonly connection: RedisConnection;
  readonly eventId: string;
  readonly key: string;
}

// Event records are rare: a read that meets more than this many entries just ends early, and the next goes on.
const entriesMax = '1000';

/**
 * Records behind `after`. An entry's id says up to which slot it goes, so that one read takes as many wins as are wanted, in
 * whatever pieces they were won; a piece that is larger than that comes whole.
 */
export async function readOutbox(source: OutboxSource, after: OutboxId, winsMax: number): Promise<LogRecord[]> {
  const { slot } = parseOutboxId(after);
  const within = await range(source, `(${after}`, String(slot + winsMax), entriesMax);
  return within.length > 0 ? within : await range(source, `(${after}`, '+', '1');
}

/** Wins behind a slot, in slot order; those of entries that were trimmed are missing from the front. */
export async function readWins(source: OutboxSource, after: number, limit: number): Promise<Win[]> {
  const wins: Win[] = [];
  // The entry that holds the next slot is named after its own last one.
  for (let from: OutboxId = `${after + 1}-0`, start = from as string; wins.length < limit; start = `(${from}`) {
    const until = String(Math.max(after + limit, parseOutboxId(from).slot));
    const within = await range(source, start, until, entriesMax);
    const records = within.length > 0 ? within : await range(source, start, '+', '1');
    for (const record of records)
      if (record.type === 'wins') wins.push(...record.wins.filter((win) => win.slot > after));
    const last = records.at(-1);
    if (last === undefined) break;
    from = idOf(last);
  }
  return wins.slice(0, limit);
}

const idOf = (record: LogRecord): OutboxId =>
  record.type === 'event' ? `${record.won}-${record.n}` : `${record.wins.at(-1)?.slot ?? 0}-0`;

/** Throws `recovering` where something else than an outbox stands there. */
async function range(
  { connection, eventId, key }: OutboxSource,
  from: string,
  to: string,
  count: string,
): Promise<LogRecord[]> {
  const entries = await connection.send(key, 'XRANGE', key, from, to, 'COUNT', count).catch((error: unknown) => {
    const isNoStream = connection.classifier.replyOf(error)?.startsWith('WRONGTYPE') === true;
    throw isNoStream ? fenced(eventId, 'what stands in the place of its outbox is none') : error;
  });
  return (entries as readonly Reply[]).map((entry) => recordFrom(eventId, entry));
}
