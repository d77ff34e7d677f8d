/** The folder of a service, which is there for as long as the service is. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Leash, leashed } from './leash.ts';

/** Where a server works, and what ends it with this process. */
export interface Place {
  readonly path: string;
  readonly leash: Leash;
}

/** A folder that goes with the process that made it, if it is not removed before. */
export interface Folder extends Place {
  remove(): Promise<void>;
}

/** Makes a folder for what `start` starts; it goes again where that fails, and otherwise with the service. */
export async function inNewFolder<T>(name: string, start: (folder: Folder) => Promise<T>): Promise<T> {
  const path = await mkdtemp(join(tmpdir(), `dibs-${name}-`));
  const leash = leashed(path);
  const remove = async (): Promise<void> => {
    // Children of a killed server may be at work in it for another moment.
    await rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
    leash.release();
  };
  try {
    return await start({ path, leash, remove });
  } catch (error) {
    await remove();
    throw error;
  }
}
