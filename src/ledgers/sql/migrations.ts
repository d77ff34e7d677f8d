import { DibsError } from '../../core/errors.ts';

/** The names of `known` that are not applied yet. Throws `store_not_migrated` on a schema of a later or another version. */
export function missingMigrations(applied: readonly string[], known: readonly string[]): string[] {
  const foreign = applied.find((name, index) => known[index] !== name);
  if (foreign === undefined) return known.slice(applied.length);
  const text = `The schema has ${foreign}, which this version does not know; a later version made it.`;
  throw new DibsError('store_not_migrated', text);
}
