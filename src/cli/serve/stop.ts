import closeWithGrace from 'close-with-grace';
import type { ServerLog } from './server-log.ts';

// Longer than the server itself waits for its answers, shorter than the 30 s after which service managers kill.
export const stopWithinMs = 20_000;

/** The first signal answers what has been taken and ends with 0; a second one ends at once. */
export function stopOnSignal(served: { close(): Promise<void> }, log: ServerLog, say: (line: string) => void): void {
  const options: closeWithGrace.Options = {
    delay: stopWithinMs,
    logger: false,
    onSecondSignal: () => say('Ended at once.'),
    onSecondError: (error) => log.error({ err: error }, 'a second error while stopping'),
    onTimeout: () => log.error({}, `not stopped within ${stopWithinMs / 1000} s; ended at once`),
  };
  closeWithGrace(options, async ({ err, signal }) => {
    if (err !== undefined) log.error({ err, stack: err.stack }, 'an error that nobody caught; stopping');
    else say(`Stopping (${signal ?? 'asked to'}): answering what has been taken.`);
    await served.close().catch((error: unknown) => {
      log.error({ err: error }, 'the stores did not close cleanly');
      throw error;
    });
    say('Stopped.');
  });
}
