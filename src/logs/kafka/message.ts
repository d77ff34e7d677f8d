import { Buffer, isUtf8 } from 'node:buffer';
import { type LogRecord, type PoisonRecord, parseRecord, recordVersion } from '../../core/record.ts';
import { partitionIndexOf, partitionName } from './place.ts';

/** A record as Kafka carries it: the event's id is the key, the value is JSON that a person can read. */
export interface Message {
  readonly key: Buffer;
  readonly value: Buffer;
}

/** What stands at an offset, by whomever it was written. */
export interface Found {
  readonly offset: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
}

/** The partitions that carry records: which topic, and how many. */
export interface Layout {
  readonly name: string;
  readonly count: number;
}

export const messageOf = (record: LogRecord): Message => ({
  key: Buffer.from(record.eventId),
  value: Buffer.from(JSON.stringify(record)),
});

/** The header that says what the writer took the layout to be, `3/8` for the third partition of 0 to 7. */
export const layoutHeader = 'partition';
export const layoutText = (index: number, count: number): string => `${index}/${count}`;

/** How many partitions the writer of a record saw; null where it does not say. */
export function countIn(text: string): number | null {
  const match = /^[0-9]+\/([1-9][0-9]{0,4})$/.exec(text);
  return match === null ? null : Number(match[1]);
}

/** The record in a message; a poison record where there is none that belongs where it stands. */
export function recordIn(found: Found, index: number, layout: Layout): LogRecord | PoisonRecord {
  const text = found.value !== null && isUtf8(found.value) ? found.value.toString() : null;
  const record = text === null ? null : parseRecord(text);
  const fault = record === null ? faultIn(found.value, text) : misplacing(found, record, index, layout);
  if (record !== null && fault === null) return record;
  const where = `offset ${found.offset} of ${partitionName(layout.name, index)}, key ${keyText(found.key)}`;
  return { type: 'poison', raw: rawOf(found.value, text), error: `${fault ?? 'not a record'} (${where})` };
}

/** Text that every database can keep, which PostgreSQL does not do with NUL. */
function rawOf(value: Buffer | null, text: string | null): string {
  if (value === null) return '';
  return text === null || text.includes('\0') ? `base64:${value.toString('base64')}` : text;
}

const keyText = (key: Buffer | null): string => (key === null ? 'none' : JSON.stringify(key.toString().slice(0, 100)));

function faultIn(value: Buffer | null, text: string | null): string {
  if (value === null) return 'it has no value';
  if (text === null) return 'it is no text';
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return 'it is not JSON';
  }
  const version = typeof json === 'object' && json !== null && 'v' in json ? json.v : undefined;
  if (version === undefined || version === recordVersion) return 'it is not a whole record';
  return `its schema version is ${JSON.stringify(version).slice(0, 20)}, and ${recordVersion} is known here`;
}

/** Order holds within a partition alone, so that a record elsewhere than its event's others could come before them. */
function misplacing({ key }: Found, { eventId }: LogRecord, index: number, { count }: Layout): string | null {
  if (key?.toString() !== eventId) return `its key is not its event ${eventId}`;
  const right = partitionIndexOf(eventId, count);
  return right === index ? null : `its event ${eventId} belongs to partition ${right} of ${count}`;
}
