import { readdirSync, readFileSync } from 'node:fs';

/** Reads one statement or script that stands beside its caller: `readSql(import.meta.url, 'admit.sql')`. */
export const readSql = (callerUrl: string, name: string): string => readFileSync(new URL(name, callerUrl), 'utf8');

/** One numbered step of a schema. */
export interface Migration {
  readonly number: number;
  readonly name: string;
  readonly sql: string;
}

/** The migrations in a folder beside the caller, `0001-name.sql` and on; throws on a gap, so that none is lost in a merge. */
export function readMigrations(callerUrl: string, folder: string): Migration[] {
  const base = new URL(`${folder}/`, callerUrl);
  const names = readdirSync(base)
    .filter((name) => name.endsWith('.sql'))
    .toSorted();
  return names.map((name, index) => {
    const number = Number(name.slice(0, 4));
    if (number !== index + 1) throw new Error(`migration ${name} is not number ${index + 1}`);
    return { number, name: name.slice(0, -'.sql'.length), sql: readFileSync(new URL(name, base), 'utf8') };
  });
}
