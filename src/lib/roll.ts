/** Who is there: workers by name, each until a time of its own. For a store that one process holds. */
export class Roll {
  readonly #until = new Map<string, number>();

  /** Says that `worker` is there for `forMs` more from `now` on, and gives the names of all that are, in byte order. */
  attend(worker: string, now: number, forMs: number): string[] {
    this.#until.set(worker, now + forMs);
    for (const [name, until] of this.#until) if (until <= now) this.#until.delete(name);
    return [...this.#until.keys()].sort();
  }

  leave(worker: string): void {
    this.#until.delete(worker);
  }
}
