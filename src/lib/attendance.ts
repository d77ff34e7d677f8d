import { hash } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import type { Gate } from '../core/gate.ts';

/** What an attendance works with. */
export interface AttendanceContext {
  readonly gate: Pick<Gate, 'attend' | 'leave'>;
  readonly clock: Clock;
  /** The name of this worker; no two have the same. */
  readonly worker: string;
  /** Whether others may be there: then nothing is this worker's before they have had the time to know of one another. */
  readonly isShared?: boolean;
}

const beatMs = 1_000;
// Five beats: a worker that is killed is missed after so long, and one that is only slow is not.
const aliveMs = 5_000;

/**
 * Which of the workers does what, without anybody who hands it out: each worker says once a second that it lives, and what
 * is to be done falls to that one of the living whose name and its give the greatest hash. Two may think the same of one
 * thing for a moment; whatever is shared by this has to bear that.
 */
export class Attendance {
  readonly #context: AttendanceContext;
  readonly #stop = new AbortController();
  #workers: readonly string[];
  #isSettled: boolean;
  #started: Promise<void> | null = null;
  #done: Promise<void> | null = null;

  constructor(context: AttendanceContext) {
    this.#context = context;
    this.#workers = [context.worker];
    this.#isSettled = context.isShared !== true;
  }

  /** Resolves after the first beat; a gate that does not answer is no obstacle, and is asked again. */
  start(): Promise<void> {
    this.#started ??= this.#beat().then(() => {
      this.#done = this.#run();
    });
    return this.#started;
  }

  /** Whether it falls to this worker. */
  isMine(name: string): boolean {
    if (!this.#isSettled) return false;
    const workers = this.#workers;
    if (workers.length === 1) return workers[0] === this.#context.worker;
    let first = '';
    let greatest = '';
    for (const worker of workers) {
      const weight = hash('sha1', `${worker}\n${name}`, 'hex');
      if (weight <= greatest) continue;
      greatest = weight;
      first = worker;
    }
    return first === this.#context.worker;
  }

  /** Says good-bye, so that the others take over at once. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#started;
    await this.#done;
    this.#workers = [];
    if (this.#started !== null) await this.#context.gate.leave(this.#context.worker).catch(() => undefined);
  }

  async #run(): Promise<void> {
    const { clock } = this.#context;
    for (;;) {
      await clock.sleep(beatMs, this.#stop.signal);
      if (this.#stop.signal.aborted) return;
      await this.#beat();
      // Workers that are started together all have said that they are there by now. Else each would begin with everything.
      this.#isSettled = true;
    }
  }

  async #beat(): Promise<void> {
    try {
      this.#workers = await this.#context.gate.attend(this.#context.worker, aliveMs);
    } catch {
      // Who was there last is the best that is known; whoever does too much does no harm.
    }
  }
}
