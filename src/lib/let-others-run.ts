/**
 * Lets the event loop take its turn. Embedded stores answer without leaving the thread, so that a loop which awaits nothing
 * else would keep timers, sockets and the issuer waiting for ever.
 */
export const letOthersRun = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
