/** Who is there: workers by name, each until a time of its own. For a store that one process holds. */
export class Roll {
  readonly #until = new Map<string, { readonly until: number; readonly forMs: number }>();

  /** Says that `worker` is there for `forMs` more from `now` on, and gives the names of all that are, in byte order. */
  attend(worker: string, now: number, forMs: number): string[] {
    this.#until.set(worker, { until: now + forMs, forMs });
    for (const [name, { until, forMs }] of this.#until) {
      // Further away than it can be: the clock was set back, and nobody is to be there for as long as that.
      if (until <= now || until > now + forMs) this.#until.delete(name);
    }
    return [...this.#until.keys()].sort();
  }

  leave(worker: string): void {
    this.#until.delete(worker);
  }
}
