import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { Asked, FromMember, MemberPlan, Reply, ToMember } from './messages.ts';

/** A process that is gone has answered nothing: what was under way may have been done or not. */
export class Gone extends Error {
  override readonly name = 'Gone';

  constructor() {
    super('a process of the run has ended before it answered');
  }
}

/** A process that could not do what it was asked. */
export class Refused extends Error {
  override readonly name = 'Refused';
  /** True: nothing has failed; a store is only not what is needed. */
  readonly isUnfit: boolean;

  constructor(reason: string, isUnfit: boolean) {
    super(reason);
    this.isUnfit = isUnfit;
  }
}

/** What is heard of a process besides answers. */
export interface MemberEars {
  /** Told of the steps of claims that are stepped. */
  readonly onStep: (message: Extract<FromMember, { readonly type: 'step' | 'stepped' }>) => void;
  /** Told that a store has failed in a way that no fault of the run explains. */
  readonly onBroken: (reason: string) => void;
}

/** How long a process may take to end in good order; one whose store hangs would never. */
const closeMsMax = 5_000;

/** One process of a run. */
export class MemberProcess {
  readonly #child: ChildProcess;
  readonly #ears: MemberEars;
  readonly #claims = new Map<number, PromiseWithResolvers<Reply>>();
  readonly #asked = new Map<number, PromiseWithResolvers<unknown>>();
  /** Resolves when it has ended, however. */
  readonly ended: Promise<unknown>;
  #lastId = 0;
  #isGone = false;

  /** Starts `module` as a process. */
  constructor(module: string, ears: MemberEars) {
    this.#ears = ears;
    this.#child = fork(module, [], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], serialization: 'json' });
    this.#child.on('message', (message) => this.#receive(message as FromMember));
    this.ended = once(this.#child, 'exit').catch(() => undefined);
    this.#child.on('error', () => this.#gone());
    this.#child.once('exit', () => this.#gone());
  }

  /** Makes it what `plan` says; throws `Refused` with the reason where it cannot be that. */
  async open(plan: MemberPlan): Promise<void> {
    await this.#send((id) => ({ type: 'ask', id, what: 'open', plan }));
  }

  /** Asks it for something; throws `Gone` where the process ends before it has answered. */
  async ask<What extends Exclude<keyof Asked, 'open'>>(what: What): Promise<Asked[What]> {
    return (await this.#send((id) => ({ type: 'ask', id, what }))) as Asked[What];
  }

  /** One claim; throws `Gone` where the process ends before it has answered. */
  async claim(n: number, userId: string): Promise<Reply> {
    const waiting = Promise.withResolvers<Reply>();
    if (this.#isGone) throw new Gone();
    this.#claims.set(n, waiting);
    this.#post({ type: 'claim', n, userId });
    return await waiting.promise;
  }

  /** The step that claim `n` wants to take may be taken. */
  go(n: number): void {
    this.#post({ type: 'go', n });
  }

  async close(): Promise<void> {
    const timer = setTimeout(() => this.kill(), closeMsMax);
    if (!this.#isGone) await this.ask('close').catch(() => undefined);
    clearTimeout(timer);
    this.kill();
    await this.ended;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  async #send(messageOf: (id: number) => ToMember): Promise<unknown> {
    if (this.#isGone) throw new Gone();
    const waiting = Promise.withResolvers<unknown>();
    this.#lastId += 1;
    this.#asked.set(this.#lastId, waiting);
    this.#post(messageOf(this.#lastId));
    return await waiting.promise;
  }

  #post(message: ToMember): void {
    // A process that has just died is told of by its exit.
    if (this.#child.connected) this.#child.send(message, () => undefined);
  }

  #receive(message: FromMember): void {
    switch (message.type) {
      case 'answer':
        this.#claims.get(message.n)?.resolve(message);
        this.#claims.delete(message.n);
        return;
      case 'said':
        this.#asked.get(message.id)?.resolve(message.value);
        this.#asked.delete(message.id);
        return;
      case 'refused':
        this.#asked.get(message.id)?.reject(new Refused(message.reason, message.isUnfit));
        this.#asked.delete(message.id);
        return;
      case 'broken':
        return this.#ears.onBroken(message.reason);
      case 'step':
      case 'stepped':
        return this.#ears.onStep(message);
    }
  }

  #gone(): void {
    this.#isGone = true;
    for (const waiting of [...this.#claims.values(), ...this.#asked.values()]) waiting.reject(new Gone());
    this.#claims.clear();
    this.#asked.clear();
  }
}
