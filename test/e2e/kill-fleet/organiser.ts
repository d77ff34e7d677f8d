/** An organiser who acts on events while the fleet is struck, and remembers what was confirmed. */
import { setTimeout as pause } from 'node:timers/promises';
import type { House } from './house.ts';
import type { PlannedEvent } from './plan.ts';

interface View {
  readonly state: string;
  readonly capacity: number;
  readonly revision: number;
}

interface Act {
  readonly method: 'POST' | 'PATCH';
  readonly path: string;
  readonly body?: unknown;
}

/** What the organiser was told of an event last. */
export interface Confirmed {
  capacity: number;
  revision: number;
  raised: boolean;
}

const giveUpAfterMs = 60_000;
const roundsMax = 12;

export class Organiser {
  readonly #house: House;
  readonly confirmed = new Map<string, Confirmed>();
  /** Acts that had no answer at first, and one in the end. */
  resolved = 0;
  #gaveUp = false;
  #isHeld = false;
  #acting: Promise<unknown> = Promise.resolve();
  #next = 0;

  constructor(house: House) {
    this.#house = house;
  }

  /** Creates an event. Gives what is wrong with the answer, null where nothing is. */
  async create(spec: PlannedEvent): Promise<string | null> {
    const answer = await this.#act({ method: 'POST', path: '/v1/events', body: { name: 'Struck', ...spec } });
    this.confirmed.set(spec.id, { capacity: spec.capacity, revision: 1, raised: false });
    if (answer !== null && answer.status < 300) return null;
    return `${spec.id}: its creation was answered ${answer?.status ?? 'never'}`;
  }

  /** Raises, pauses and resumes by turns until told otherwise; in the end everything is open. */
  async actUntil(over: AbortSignal, specs: readonly PlannedEvent[]): Promise<void> {
    for (let round = 0; !over.aborted && !this.#gaveUp && round < roundsMax; round += 1) {
      for (const spec of specs) {
        while (this.#isHeld && !this.#gaveUp) await pause(20);
        this.#acting = this.#round(spec.id, 1 + (round % 7));
        await this.#acting;
      }
      await pause(60);
    }
  }

  /** Does nothing new, and resolves once what was begun is confirmed. */
  async hold(): Promise<void> {
    this.#isHeld = true;
    await this.#acting;
  }

  release(): void {
    this.#isHeld = false;
  }

  giveUp(): void {
    this.#gaveUp = true;
  }

  async #round(id: string, more: number): Promise<void> {
    const path = `/v1/events/${id}`;
    const standing = this.confirmed.get(id);
    if (standing === undefined) return;
    const raise = await this.#act({ method: 'PATCH', path, body: { capacity: standing.capacity + more } });
    if (raise === null) return;
    Object.assign(standing, { capacity: raise.view.capacity, revision: raise.view.revision, raised: true });
    await this.#act({ method: 'POST', path: `${path}/pause` });
    const resumed = await this.#act({ method: 'POST', path: `${path}/resume` });
    if (resumed !== null) standing.revision = resumed.view.revision;
  }

  /** Says it to one API after the other until an answer comes that promises something; null where none comes. */
  async #act(act: Act): Promise<{ readonly status: number; readonly view: View } | null> {
    const until = performance.now() + giveUpAfterMs;
    for (let attempts = 1; performance.now() < until && !this.#gaveUp; attempts += 1) {
      const answer = await this.#ask(act);
      if (answer !== null && answer.status !== 503) {
        if (attempts > 1) this.resolved += 1;
        return answer;
      }
      await pause(20);
    }
    return null;
  }

  async #ask({ method, path, body }: Act): Promise<{ readonly status: number; readonly view: View } | null> {
    const { apis } = this.#house;
    this.#next = (this.#next + 1) % apis.length;
    try {
      const api = apis[this.#next];
      if (api?.runs !== true) return null;
      const { status, body: view } = await api.server.call(method, path, body === undefined ? {} : { body });
      return { status, view: view as unknown as View };
    } catch {
      // It is down, or was taken down before it had answered.
      return null;
    }
  }
}
