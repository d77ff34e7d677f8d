import { type Buffer, isUtf8 } from 'node:buffer';
import type { TSchema } from 'typebox';
import { isEventId } from '../core/claim.ts';
import { DibsError } from '../core/errors.ts';
import type { RevisionGuard } from '../engine/dibs.ts';
import { parseJson } from './json.ts';
import type { Operation } from './operation.ts';
import { validator } from './validate.ts';

/** Reads the body of one operation's requests; undefined where it has none. Throws `malformed_json`, `invalid_request`. */
export function bodyReader(operation: Operation): (bytes: Buffer | undefined) => unknown {
  if (operation.body === undefined) return () => undefined;
  const check = validator(operation.body);
  const optional = operation.bodyOptional === true;
  return (bytes) => {
    if (bytes === undefined || bytes.length === 0) {
      if (optional) return undefined;
      throw new DibsError('malformed_json', 'The body is empty.');
    }
    // Decoding would put U+FFFD in place of what is no UTF-8, and a name would be kept that nobody sent.
    if (!isUtf8(bytes)) throw new DibsError('malformed_json', 'The body is not UTF-8.');
    return check(parseJson(bytes.toString('utf8')));
  };
}

/** Reads the query of one operation's requests. Throws `invalid_request`. */
export function queryReader(schema: TSchema | undefined): (query: unknown) => unknown {
  if (schema === undefined) return () => undefined;
  const check = validator(schema);
  return (query) => {
    const fields: Record<string, unknown> = { ...(query as Record<string, unknown>) };
    const { limit } = fields;
    // The one number there is: digits alone, where a cast would also take `0x10`, `1e2` and a space.
    if (typeof limit === 'string' && /^\d{1,9}$/.test(limit)) fields['limit'] = Number(limit);
    return check(fields);
  };
}

/** What an If-Match header guards against. Throws `malformed_request` unless it is `"<revision>"` or `*`. */
export function revisionGuard(ifMatch: string | undefined): RevisionGuard {
  if (ifMatch === undefined || ifMatch === '*') return {};
  const revision = /^"([1-9]\d{0,14})"$/.exec(ifMatch)?.[1];
  if (revision === undefined) {
    throw new DibsError('malformed_request', 'If-Match must be one revision in quotes, like "3", or *.');
  }
  return { ifRevision: Number(revision) };
}

type Params = Readonly<Record<string, string>>;

/** The event that a path names. Throws `event_not_found` for what can be no event's id, so that no store sees it. */
export function eventIdOf(params: Params): string {
  const { eventId } = params;
  if (!isEventId(eventId)) throw new DibsError('event_not_found');
  return eventId;
}

/** The failed issuance that a path names. Throws `failed_issuance_not_found` for what can be no number of one. */
export function failedIssuanceIdOf(params: Params): number {
  const { id = '' } = params;
  if (!/^[1-9]\d{0,14}$/.test(id)) throw new DibsError('failed_issuance_not_found');
  return Number(id);
}
