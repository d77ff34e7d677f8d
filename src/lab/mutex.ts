/** A lock in the memory of one process; whoever waits gets it in the order of coming. */
export class Mutex {
  readonly #waiting: (() => void)[] = [];
  #isTaken = false;

  /** Resolves once the lock is the caller's; gives whether it had to wait. */
  async lock(): Promise<boolean> {
    if (this.tryLock()) return false;
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return true;
  }

  /** Takes the lock, or gives false where it is taken. */
  tryLock(): boolean {
    if (this.#isTaken) return false;
    this.#isTaken = true;
    return true;
  }

  unlock(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#isTaken = false;
    else next();
  }
}
