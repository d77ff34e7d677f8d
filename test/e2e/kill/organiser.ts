/** An organiser who acts on events while the server is being killed, and remembers what was confirmed. */
import { setTimeout as pause } from 'node:timers/promises';
import type { House } from './house.ts';

interface View {
  readonly state: string;
  readonly capacity: number;
  readonly revision: number;
  readonly won: number;
}

export interface Act {
  readonly method: 'GET' | 'POST' | 'PATCH';
  readonly path: string;
  readonly body?: unknown;
}

// At ten milliseconds and more each: longer than any restart takes.
const attemptsMax = 1_000;

export class Organiser {
  readonly #house: House;
  readonly #signal: AbortSignal;
  #gaveUp = false;
  /** Acts whose first answer did not arrive. */
  resolved = 0;

  constructor(house: House, signal: AbortSignal) {
    this.#house = house;
    this.#signal = signal;
  }

  /** Says it until an answer comes that promises something. Null where none comes, or the run is given up. */
  async act(act: Act): Promise<{ readonly status: number; readonly view: View } | null> {
    for (let attempts = 1; attempts <= attemptsMax && !this.#gaveUp && !this.#signal.aborted; attempts += 1) {
      const answer = await this.#ask(act);
      if (answer !== null && answer.status !== 503) {
        if (attempts > 1) this.resolved += 1;
        return answer;
      }
      await pause(10);
    }
    return null;
  }

  /** Asks nothing more: there is nothing to hope for. */
  giveUp(): void {
    this.#gaveUp = true;
  }

  async #ask({ method, path, body }: Act): Promise<{ readonly status: number; readonly view: View } | null> {
    try {
      const { status, body: view } = await this.#house.server.call(method, path, body === undefined ? {} : { body });
      return { status, view: view as unknown as View };
    } catch {
      // It is down, or was taken down before it had answered.
      return null;
    }
  }
}
