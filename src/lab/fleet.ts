import { Gone, type MemberProcess } from './member-process.ts';
import type { Asked, Reply } from './messages.ts';

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

  /** One claim of one of the servers. */
  async claim(n: number, userId: string, server: number): Promise<Reply> {
    return await this.#untilAnswered(server % this.#members.length, (member) => member.claim(n, userId));
  }

  /** Asks the first server. */
  async ask<What extends Exclude<keyof Asked, 'open'>>(what: What): Promise<Asked[What]> {
    return await this.#untilAnswered(0, (member) => member.ask(what));
  }

  /** Asks a server until it answers, as whoever presses a button again does. */
  async #untilAnswered<T>(index: number, act: (member: MemberProcess) => Promise<T>): Promise<T> {
    for (;;) {
      const member = await this.member(index);
      try {
        return await act(member);
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
