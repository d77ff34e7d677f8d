/** The one source of time: stores, engine and tests are handed one. */
export interface Clock {
  /** Milliseconds since 1970-01-01 UTC; may step back when the machine's clock is set. */
  now(): number;
  /** Resolves after `ms` milliseconds, or at once when `signal` aborts; never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}
