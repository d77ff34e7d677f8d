/** Waiting for what another process does. */
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { DibsError } from '../../../src/core/errors.ts';

/** Asks until there is something, for at most 10 s. */
export async function eventually<T>(ask: () => T | Promise<T>): Promise<NonNullable<T>> {
  for (let attempt = 0; attempt < 500; attempt += 1) {
    const answer = await ask();
    if (answer !== false && answer != null) return answer;
    await pause(20);
  }
  return assert.fail('it did not come to pass');
}

/** What a call comes to that waits for nobody: it has to be settled in the very turn of the event loop in which it is made. */
export async function atOnce<T>(act: () => Promise<T>): Promise<T> {
  const turn = new Promise<never>((_, reject) => {
    setImmediate(() => reject(new Error('it was waited for')));
  });
  return await Promise.race([act(), turn]);
}

/** Asks until the gate answers again, for at most 10 s. */
export async function answering<T>(act: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof DibsError) || !['unavailable', 'unknown_outcome'].includes(error.code) || attempt === 500)
        throw error;
      await pause(20);
    }
  }
}
