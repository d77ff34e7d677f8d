/** A statement as the client library takes it: a question mark for each value. */
export interface Bound<Value> {
  readonly sql: string;
  readonly values: Value[];
}

interface Compiled {
  readonly sql: string;
  readonly places: readonly number[];
}

const compiled = new Map<string, Compiled>();

/** Puts values where a text has `?1`, `?2` and on, each as often as it is named. */
export function bind<Value>(text: string, values: readonly Value[]): Bound<Value> {
  const known = compiled.get(text) ?? compile(text);
  compiled.set(text, known);
  return { sql: known.sql, values: known.places.map((place) => values[place] as Value) };
}

function compile(text: string): Compiled {
  const places: number[] = [];
  const sql = text.replaceAll(/\?(\d)/g, (_, number: string) => {
    places.push(Number(number) - 1);
    return '?';
  });
  return { sql, places };
}
