/** A folder of this user's for what is fetched once and used by every run. */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

function cacheFolder(): string {
  const given = process.env['XDG_CACHE_HOME'];
  return join(given === undefined || given === '' ? join(homedir(), '.cache') : given, 'dibs');
}

/** Where something is kept, whether it is there or not. */
export const cached = (name: string): string => join(cacheFolder(), name);

/**
 * Keeps what `make` puts into a folder. It appears whole or not at all, so that a run that is broken off leaves nothing to
 * trip over, and of two at once the second throws its own away.
 */
export async function cache(name: string, make: (folder: string) => Promise<void>): Promise<string> {
  const kept = cached(name);
  if (existsSync(kept)) return kept;
  await mkdir(cacheFolder(), { recursive: true });
  const fresh = await mkdtemp(join(cacheFolder(), `.${name}-`));
  try {
    await make(fresh);
    await rename(fresh, kept);
  } catch (error) {
    if (!existsSync(kept)) throw error;
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
  return kept;
}
