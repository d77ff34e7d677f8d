import { refuseFaults } from '../core/errors.ts';
import type { Page, PageQuery } from './views.ts';

const limitDefault = 100;
/** The most items of one page. */
export const pageLimitMax = 1000;

/** Checks a query and gives its limit. Throws `invalid_request`. */
export function limitOf(query: PageQuery): number {
  const limit = query.limit ?? limitDefault;
  const fits = Number.isSafeInteger(limit) && limit >= 1 && limit <= pageLimitMax;
  refuseFaults(fits ? [] : [{ path: '/limit', message: `must be a whole number from 1 to ${pageLimitMax}` }]);
  return limit;
}

/** A cursor that is a number, 0 where there is none. Throws `invalid_request`. */
export function numberCursor(query: PageQuery): number {
  if (query.cursor === undefined) return 0;
  const fits = /^[0-9]{1,15}$/.test(query.cursor);
  refuseFaults(fits ? [] : [{ path: '/cursor', message: 'must be the nextCursor of the page before' }]);
  return Number(query.cursor);
}

/** A page out of at most `limit + 1` rows: the one too many only tells that there are more. */
export function pageOf<Row, Item>(
  rows: readonly Row[],
  limit: number,
  present: (row: Row) => Item,
  cursorOf: (row: Row) => string,
): Page<Item> {
  const kept = rows.slice(0, limit);
  const last = kept.at(-1);
  return { items: kept.map(present), nextCursor: rows.length > limit && last !== undefined ? cursorOf(last) : null };
}
