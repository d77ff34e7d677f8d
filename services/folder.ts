/** Folders that are there for as long as what is in them is used. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Removes a folder in which servers may have been at work until now. */
export async function removeFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
}

/** Makes a folder for what `start` starts; it goes again where that fails, and otherwise with the service. */
export async function inNewFolder<T>(name: string, start: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), `dibs-${name}-`));
  try {
    return await start(folder);
  } catch (error) {
    await removeFolder(folder);
    throw error;
  }
}
