// What a text begins with that is kept as JSON: the words before it tell whoever reads the table.
const mark = 'json:"';

/**
 * A text as a database can keep it: as it is, or as JSON where it holds what databases refuse (PostgreSQL a NUL, all of them
 * half a surrogate pair).
 */
export const keepable = (text: string): string =>
  text.includes('\0') || !text.isWellFormed() || text.startsWith(mark) ? `json:${JSON.stringify(text)}` : text;

/** The text that `keepable` was given. */
export function kept(text: string): string {
  if (!text.startsWith(mark)) return text;
  try {
    return String(JSON.parse(text.slice(mark.length - 1)));
  } catch {
    // Somebody has changed the row by hand.
    return text;
  }
}
