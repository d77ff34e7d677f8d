import type { Clock } from '../core/clock.ts';

/** Sets the clock that a store under test obeys. */
export interface ClockControl {
  /** Milliseconds since 1970. */
  now(): number;
  /** Moves it by `ms`; back where that is negative, as when a machine's clock is set. */
  step(ms: number): void;
}

/** A clock that stands still until it is stepped. Who sleeps on it wakes when it has been stepped far enough. */
export class ManualClock implements Clock, ClockControl {
  #now: number;
  readonly #sleepers = new Set<{ readonly until: number; readonly wake: () => void }>();

  /** Begins at `start`, milliseconds since 1970; some day in 2026 where that is absent. */
  constructor(start = 1_790_000_000_000) {
    this.#now = start;
  }

  now(): number {
    return this.#now;
  }

  step(ms: number): void {
    this.#now += ms;
    for (const sleeper of this.#sleepers) if (sleeper.until <= this.#now) sleeper.wake();
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (ms <= 0 || signal?.aborted === true) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        this.#sleepers.delete(sleeper);
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      const sleeper = { until: this.#now + ms, wake };
      this.#sleepers.add(sleeper);
      signal?.addEventListener('abort', wake);
    });
  }
}
