import { usage } from './trouble.ts';

/** A whole number of at least `min` from the text behind a flag. */
export function wholeNumber(text: string, flag: string, min = 0): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min) return value;
  throw usage(`${flag} ${JSON.stringify(text)}: must be a whole number${min === 0 ? '' : ` of at least ${min}`}.`);
}

const unitsMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds from `90s`, `15m`, `2h` or `7d`. */
export function duration(text: string, flag: string): number {
  const match = /^([1-9]\d{0,5})([smhd])$/.exec(text);
  const unit = unitsMs[match?.[2] ?? ''];
  if (unit !== undefined) return Number(match?.[1]) * unit;
  throw usage(`${flag} ${JSON.stringify(text)}: must be a time like 90s, 15m, 2h or 7d.`);
}

/** A time for the API; `none` takes one away. What form it must have is for the API to say. */
export const timeOrNone = (text: string | undefined): string | null | undefined => (text === 'none' ? null : text);
