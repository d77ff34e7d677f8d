import { setTimeout as pause } from 'node:timers/promises';
import type { FromMember } from './messages.ts';

/** One thing that one of two claims did, in the order in which it really happened. */
export interface TraceLine {
  readonly claim: 0 | 1;
  /** Done by a consumer, with the message of that claim. */
  readonly byConsumer: boolean;
  readonly text: string;
  /** What its store says that it did meanwhile; empty where nobody asks the store. */
  readonly seen: readonly string[];
  /** Null: it does not come back before the other claim has done something. */
  readonly outcome: string | null;
  readonly isTrouble: boolean;
  /** True: the end of a step that had to wait. */
  readonly isEnd: boolean;
  /** How often it was done in a row, each time with this outcome. */
  readonly times: number;
}

/** A step that is not back by then waits: for the other claim, or for a store that is slow. */
const blockedMs = 150;
/** A lock that is asked for every 5 ms, for as long as it is held, takes some 50. */
const stepsMax = 400;

type StepMessage = Extract<FromMember, { readonly type: 'step' | 'stepped' }>;
type Changing<T> = { -readonly [Field in keyof T]: T[Field] };

/** Where one of the two claims stands. */
interface Standing {
  /** What it wants to do next; null while it does something. */
  wanted: string | null;
  /** What it does now. */
  doing: Changing<TraceLine> | null;
  /** It was seen to wait with what it does now. */
  waits: boolean;
  isDone: boolean;
  /** The message that it has sent, as the text of that step. */
  sent: string | null;
}

/** Lets two claims take their steps by turns, and writes down what comes of them. */
export class Turns {
  readonly #lines: Changing<TraceLine>[] = [];
  readonly #standing: readonly [Standing, Standing] = [newcomer(), newcomer()];
  readonly #consuming = new Map<number, Changing<TraceLine>>();
  readonly #seenBy: (step: string) => Promise<readonly string[]>;
  #go: (n: number) => void = () => undefined;
  #changed = Promise.withResolvers<void>();
  #isFree = false;

  /** `seenBy` tells what a store did with a step that has just been taken. */
  constructor(seenBy: (step: string) => Promise<readonly string[]>) {
    this.#seenBy = seenBy;
  }

  /** What was done; a step that was repeated with the same outcome, and nothing in between, stands there once. */
  get lines(): TraceLine[] {
    const lines: Changing<TraceLine>[] = [];
    for (const line of this.#lines) {
      const last = lines.at(-1);
      if (last !== undefined && isRepeat(last, line)) last.times += 1;
      else lines.push({ ...line });
    }
    return lines;
  }

  /** Whether there were more steps than are shown, and they were not taken by turns. */
  get isCut(): boolean {
    return this.#isFree;
  }

  receive(message: StepMessage): void {
    if (message.n < 0) return this.#consumed(message);
    if (this.#isFree) return message.type === 'step' ? this.#go(message.n) : undefined;
    const standing = this.#standing[message.n as 0 | 1];
    const { doing } = standing;
    if (message.type === 'step') standing.wanted = message.step.text;
    else if (doing !== null) {
      const { outcome, isTrouble } = message;
      // The end of what waited stands where it came, behind what the other has done meanwhile.
      if (standing.waits) this.#lines.push({ ...doing, outcome, isTrouble, isEnd: true });
      else Object.assign(doing, { outcome, isTrouble });
      standing.doing = null;
      standing.waits = false;
    }
    this.#change();
  }

  done(claim: 0 | 1): void {
    this.#standing[claim].isDone = true;
    this.#change();
  }

  /** Lets them go on, by `go`, until both are done; ends early with `signal`. */
  async run(go: (n: number) => void, signal: AbortSignal): Promise<void> {
    this.#go = go;
    const wake = (): void => this.#change();
    signal.addEventListener('abort', wake, { once: true });
    const isOver = (): boolean => signal.aborted || this.#standing.every(({ isDone }) => isDone);
    let turn: 0 | 1 = 0;
    for (let steps = 0; !isOver(); ) {
      const other: 0 | 1 = turn === 0 ? 1 : 0;
      await this.#settled(turn);
      const next: 0 | 1 | undefined = [turn, other].find((claim) => this.#standing[claim].wanted !== null);
      if (next === undefined) {
        // The last may have ended while it was waited for.
        if (!isOver()) await this.#changed.promise;
        continue;
      }
      if (steps === stepsMax) return this.#free();
      await this.#takeStep(next);
      turn = next === 0 ? 1 : 0;
      steps += 1;
    }
    signal.removeEventListener('abort', wake);
  }

  async #takeStep(claim: 0 | 1): Promise<void> {
    const standing = this.#standing[claim];
    const doing = { ...blank, claim, text: standing.wanted ?? '' };
    standing.doing = doing;
    standing.wanted = null;
    if (doing.text.startsWith('send ')) standing.sent = doing.text;
    this.#lines.push(doing);
    this.#go(claim);
    await this.#settled(claim);
    if (standing.doing !== null) standing.waits = true;
    doing.seen = await this.#seenBy(doing.text);
  }

  /** Whoever is left goes on without turns, and unseen. */
  #free(): void {
    this.#isFree = true;
    for (const claim of [0, 1] as const) if (this.#standing[claim].wanted !== null) this.#go(claim);
  }

  /** Waits until a claim wants its next step or is done, or is seen to wait. */
  async #settled(claim: 0 | 1): Promise<void> {
    const standing = this.#standing[claim];
    const until = performance.now() + blockedMs;
    while (standing.wanted === null && !standing.isDone && !standing.waits) {
      const leftMs = until - performance.now();
      if (leftMs <= 0) return;
      await Promise.race([this.#changed.promise, pause(leftMs)]);
    }
  }

  #consumed(message: StepMessage): void {
    if (message.type === 'step') {
      const sent = `send ${JSON.stringify(message.of)}`;
      const claim = this.#standing[1].sent?.startsWith(sent) === true ? 1 : 0;
      this.#consuming.set(message.n, { ...blank, claim, byConsumer: true, text: message.step.text });
      return this.#go(message.n);
    }
    const line = this.#consuming.get(message.n);
    if (line === undefined) return;
    const { outcome, isTrouble } = message;
    this.#lines.push({ ...line, outcome, isTrouble });
  }

  #change(): void {
    const { resolve } = this.#changed;
    this.#changed = Promise.withResolvers<void>();
    resolve();
  }
}

const blank: TraceLine = {
  claim: 0,
  byConsumer: false,
  text: '',
  seen: [],
  outcome: null,
  isTrouble: false,
  isEnd: false,
  times: 1,
};

const newcomer = (): Standing => ({ wanted: null, doing: null, waits: false, isDone: false, sent: null });

function isRepeat(one: TraceLine, other: TraceLine): boolean {
  return one.claim === other.claim && one.text === other.text && one.outcome === other.outcome && one.outcome !== null;
}
