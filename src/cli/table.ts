import { clip, displayWidth, padEnd, padStart } from './text.ts';

/** One column of a table. */
export interface Column {
  readonly head: string;
  /** Numbers stand at the right. */
  readonly right?: boolean;
  /** May be cut where the table would be too wide; ids may not, or they could not be copied. */
  readonly mayClip?: boolean;
}

/** Between columns; the narrow one where the table would be too wide otherwise. */
const gaps = { usual: 2, narrow: 1 } as const;
const clippedMin = 8;

/** The lines of a table, its head first, as narrow as its content and at most `width` columns where it can be. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[], width: number): string[] {
  const widths = columns.map(({ head }, i) =>
    rows.reduce((most, row) => Math.max(most, displayWidth(row[i] ?? '')), head.length),
  );
  const widthWith = (gap: number): number => widths.reduce((sum, each) => sum + each + gap, -gap);
  let over = widthWith(gaps.usual) - width;
  for (const [i, column] of columns.entries()) {
    if (column.mayClip !== true || over <= 0) continue;
    const narrowed = Math.max(Math.min(clippedMin, widths[i] as number), (widths[i] as number) - over);
    over -= (widths[i] as number) - narrowed;
    widths[i] = narrowed;
  }
  const gap = widthWith(gaps.usual) > width ? gaps.narrow : gaps.usual;
  const line = (cells: readonly string[]): string =>
    columns
      .map(({ right, mayClip }, i) => {
        const cell = cells[i] ?? '';
        const fitting = mayClip === true ? clip(cell, widths[i] as number) : cell;
        return right === true ? padStart(fitting, widths[i] as number) : padEnd(fitting, widths[i] as number);
      })
      .join(' '.repeat(gap))
      .trimEnd();
  return [line(columns.map(({ head }) => head)), ...rows.map(line)];
}

/** Names and values, the values under each other. */
export function fields(entries: readonly (readonly [name: string, value: string])[], indent = 2): string[] {
  const width = entries.reduce((most, [name]) => Math.max(most, displayWidth(name)), 0);
  return entries.map(([name, value]) => `${' '.repeat(indent)}${padEnd(name, width)}  ${value}`.trimEnd());
}
