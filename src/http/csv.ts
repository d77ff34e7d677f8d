import type { Page } from '../engine/views.ts';

/** One cell: text, a number or a moment (written in UTC with milliseconds). */
export type Cell = string | number | Date;

// A spreadsheet runs what begins with these as a formula; the apostrophe is guarded too, so that taking one away
// from the front of a cell always gives back what stood there.
const formulaStart = /^[=+\-@\t\r']/;

/** One line of RFC 4180, CRLF included. Text that a spreadsheet could take for a formula gets an apostrophe in front. */
export function csvLine(cells: readonly Cell[]): string {
  return `${cells.map(cellText).join(',')}\r\n`;
}

function cellText(cell: Cell): string {
  if (typeof cell === 'number') return String(cell);
  if (cell instanceof Date) return cell.toISOString();
  const guarded = formulaStart.test(cell) ? `'${cell}` : cell;
  return /[",\r\n;]/.test(guarded) ? `"${guarded.replaceAll('"', '""')}"` : guarded;
}

/**
 * A table of all pages, a page at a time: no more is read than its reader takes. `first` is read before the first line
 * goes out, so that what is wrong with the call is still an answer of its own.
 */
export async function* csvOfPages<T>(
  header: readonly string[],
  first: Page<T>,
  next: (cursor: string) => Promise<Page<T>>,
  cellsOf: (item: T) => readonly Cell[],
): AsyncGenerator<string> {
  yield csvLine(header);
  for (let page = first; ; page = await next(page.nextCursor)) {
    if (page.items.length > 0) yield page.items.map((item) => csvLine(cellsOf(item))).join('');
    if (page.nextCursor === null) return;
  }
}
