import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { FromMember, MemberPlan, MemberReport, Reply, ToMember } from './messages.ts';

/** A process that is gone has answered nothing: what was under way may have been done or not. */
export class Gone extends Error {
  override readonly name = 'Gone';
}

/** A process that could not do what it was asked. */
export class Refused extends Error {
  override readonly name = 'Refused';
}

type Kind = FromMember['type'];
type Of<K extends Kind> = Extract<FromMember, { readonly type: K }>;

/** Told of the steps of claims that are stepped. */
export type OnStep = (message: Of<'step'> | Of<'stepped'>) => void;

/** One process of a run. */
export class MemberProcess {
  readonly #child: ChildProcess;
  readonly #claims = new Map<number, PromiseWithResolvers<Reply>>();
  readonly #asked = new Map<Kind, PromiseWithResolvers<FromMember>>();
  readonly ended: Promise<unknown>;
  #isGone = false;

  private constructor(child: ChildProcess, onStep: OnStep) {
    this.#child = child;
    this.ended = once(child, 'exit');
    child.on('message', (message) => this.#receive(message as FromMember, onStep));
    child.on('error', () => this.#gone());
    child.once('exit', () => this.#gone());
  }

  /** Starts `module` as a process and opens it; throws `Refused` with the reason where it cannot be opened. */
  static async start(module: string, plan: MemberPlan, onStep: OnStep = () => undefined): Promise<MemberProcess> {
    const child = fork(module, [], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], serialization: 'json' });
    const member = new MemberProcess(child, onStep);
    try {
      await member.#ask({ type: 'open', plan }, 'opened');
      return member;
    } catch (error) {
      member.kill();
      throw error;
    }
  }

  /** One claim; throws `Gone` where the process ends before it has answered. */
  async claim(n: number, userId: string): Promise<Reply> {
    const waiting = Promise.withResolvers<Reply>();
    if (this.#isGone) throw new Gone();
    this.#claims.set(n, waiting);
    this.#send({ type: 'claim', n, userId });
    return await waiting.promise;
  }

  go(n: number): void {
    this.#send({ type: 'go', n });
  }

  async drain(): Promise<void> {
    await this.#ask({ type: 'drain' }, 'drained');
  }

  async coupons(): Promise<Of<'coupons'>> {
    return await this.#ask({ type: 'coupons' }, 'coupons');
  }

  async report(): Promise<MemberReport> {
    return await this.#ask({ type: 'report' }, 'report');
  }

  async close(): Promise<void> {
    if (!this.#isGone) await this.#ask({ type: 'close' }, 'closed').catch(() => undefined);
    this.kill();
    await this.ended;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  async #ask<K extends Kind>(message: ToMember, kind: K): Promise<Of<K>> {
    if (this.#isGone) throw new Gone();
    const waiting = Promise.withResolvers<FromMember>();
    this.#asked.set(kind, waiting);
    this.#send(message);
    return (await waiting.promise) as Of<K>;
  }

  #send(message: ToMember): void {
    // A process that has just died is told of by its exit.
    if (this.#child.connected) this.#child.send(message, () => undefined);
  }

  #receive(message: FromMember, onStep: OnStep): void {
    switch (message.type) {
      case 'answer':
        this.#claims.get(message.n)?.resolve(message);
        this.#claims.delete(message.n);
        return;
      case 'step':
      case 'stepped':
        return onStep(message);
      case 'refused':
        return this.#fail(new Refused(message.reason));
      default:
        this.#asked.get(message.type)?.resolve(message);
        this.#asked.delete(message.type);
    }
  }

  #gone(): void {
    this.#isGone = true;
    this.#fail(new Gone());
  }

  #fail(error: Error): void {
    for (const waiting of [...this.#claims.values(), ...this.#asked.values()]) waiting.reject(error);
    this.#claims.clear();
    this.#asked.clear();
  }
}

/** Servers, of which each client has its own; one that dies is started again, and what it had not answered is asked once more. */
export class Fleet {
  readonly #start: (index: number, life: number) => Promise<MemberProcess>;
  readonly #members: Promise<MemberProcess>[] = [];
  #isClosing = false;
  #restarts = 0;

  private constructor(start: (index: number, life: number) => Promise<MemberProcess>) {
    this.#start = start;
  }

  /** Starts so many; the first alone, since it may have to make what the others find. */
  static async start(servers: number, start: (index: number, life: number) => Promise<MemberProcess>): Promise<Fleet> {
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
  async claim(n: number, userId: string, client: number): Promise<Reply> {
    for (;;) {
      const member = await this.member(client % this.#members.length);
      try {
        return await member.claim(n, userId);
      } catch (error) {
        if (!(error instanceof Gone) || this.#isClosing) throw error;
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
