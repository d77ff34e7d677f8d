/** Text for terminals: how wide it is, and nothing in it that a terminal would obey. */

const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' });

// East Asian wide and fullwidth letters, Hangul among them, and emoji: two columns each.
const wide =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f000}-\u{1faff}\u{20000}-\u{3fffd}]|^\p{Emoji_Presentation}|\ufe0f/u;
const widthless = /^[\p{Mark}\p{Format}\p{Control}]+$/u;

/** How many columns of a terminal `text` takes. */
export function displayWidth(text: string): number {
  // Nearly all that is printed is plain ASCII.
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let width = 0;
  for (const { segment } of segmenter.segment(text)) {
    if (!widthless.test(segment)) width += wide.test(segment) ? 2 : 1;
  }
  return width;
}

/** `text` with spaces behind it up to `width` columns. */
export const padEnd = (text: string, width: number): string =>
  text + ' '.repeat(Math.max(0, width - displayWidth(text)));

/** `text` with spaces before it up to `width` columns. */
export const padStart = (text: string, width: number): string =>
  ' '.repeat(Math.max(0, width - displayWidth(text))) + text;

/** `text`, or as much of it as fits into `width` columns with an ellipsis at the end. */
export function clip(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  let kept = '';
  let left = width - 1;
  for (const { segment } of segmenter.segment(text)) {
    left -= displayWidth(segment);
    if (left < 0) break;
    kept += segment;
  }
  return `${kept}…`;
}

/**
 * `text` as it can be shown: what would move the cursor, change colours or turn the direction of writing is spelt out
 * instead. Whatever comes from a server goes through this.
 */
export function visible(text: string): string {
  return text.replace(
    // Controls of both kinds, line and paragraph separators, bidirectional controls, and the invisible ones of \p{Cf}
    // but for the joiners that emoji and several scripts need.
    /[\p{Cc}\p{Cs}\u2028\u2029]|(?![\u200c\u200d])\p{Cf}/gu,
    (letter) => `\\u{${(letter.codePointAt(0) ?? 0).toString(16)}}`,
  );
}

/** `text` in lines of at most `width` columns, broken at spaces; a longer word keeps its line. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const paragraph of text.split('\n')) {
    let line = '';
    for (const word of paragraph.split(' ')) {
      if (line !== '' && displayWidth(line) + 1 + displayWidth(word) > width) {
        lines.push(line);
        line = word;
      } else line = line === '' ? word : `${line} ${word}`;
    }
    lines.push(line);
  }
  return lines;
}

/** `line` in pieces of at most `width` columns, cut wherever that is: for a word that is longer than its column. */
export function fold(line: string, width: number): string[] {
  const pieces = [''];
  let left = width;
  for (const { segment } of segmenter.segment(line)) {
    const wide = displayWidth(segment);
    if (wide > left) {
      pieces.push('');
      left = width;
    }
    pieces[pieces.length - 1] += segment;
    left -= wide;
  }
  return pieces;
}

/** 12345 as `12,345`. */
export const count = (value: number): string => value.toLocaleString('en-US');

/** `1 coupon`, `2 coupons`. */
export const plural = (value: number, noun: string): string => `${count(value)} ${noun}${value === 1 ? '' : 's'}`;

/** A time of the API without its milliseconds, which no reader needs: `2026-11-21T06:13:55Z`. */
export const moment = (time: string | null, otherwise = '-'): string =>
  time === null ? otherwise : visible(time).replace(/\.\d+Z$/, 'Z');
