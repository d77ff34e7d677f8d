import { Gone, type MemberProcess } from './member-process.ts';
import type { Reply } from './messages.ts';

/** Starts the server of an index; `life` counts how often it was started. */
type Start = (index: number, life: number) => Promise<MemberProcess>;

/** Servers; one that dies is started again, and what it had not answered is asked once more. */
export class Fleet {
  readonly #start: Start;
  readonly #members: Promise<MemberProcess>[] = [];
  #isClosing = false;
  #restarts = 0;

  private constructor(start: Start) {
    this.#start = start;
  }

  /** Starts so many; the first alone, since it may have to make what the others find. */
  static async start(servers: number, start: Start): Promise<Fleet> {
    const fleet = new Fleet(start);
    try {
      for (let index = 0; index < servers; index += 1) {
        fleet.#members[index] = fleet.#live(index, 1);
        if (index === 0) await fleet.#members[0];
      }
      await Promise.all(fleet.#members);
      return fleet;
    } catch (error) {
      await fleet.close();
      throw error;
    }
  }

  /** Asks one of the servers until it answers, as whoever presses a button again does. */
  async claim(n: number, userId: string, server: number): Promise<Reply> {
    for (;;) {
      const member = await this.member(server % this.#members.length);
      try {
        return await member.claim(n, userId);
      } catch (error) {
        if (!(error instanceof Gone) || this.#isClosing) throw error;
        // Whoever has taken its place is known once its end has been told to all.
        await member.ended;
      }
    }
  }

  /** How many servers have died and were started again. */
  get restarts(): number {
    return this.#restarts;
  }

  async member(index: number): Promise<MemberProcess> {
    const member = this.#members[index];
    if (member === undefined) throw new Error(`there is no server ${index}`);
    return await member;
  }

  /** All servers as they live now. */
  async all(): Promise<MemberProcess[]> {
    return await Promise.all(this.#members);
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    const all = await Promise.allSettled(this.#members);
    await Promise.all(all.flatMap((one) => (one.status === 'fulfilled' ? [one.value.close()] : [])));
  }

  #live(index: number, life: number): Promise<MemberProcess> {
    const starting = this.#start(index, life);
    void starting.then(
      (member) =>
        member.ended.then(() => {
          if (this.#isClosing) return;
          this.#restarts += 1;
          this.#members[index] = this.#live(index, life + 1);
        }),
      // Whoever waits for it is told.
      () => undefined,
    );
    return starting;
  }
}
