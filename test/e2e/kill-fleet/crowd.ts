/** The clients of a fleet: as behind a load balancer that sends an attempt which failed to another server. */
import { setTimeout as pause } from 'node:timers/promises';
import { type ClaimAnswer, type ClaimClient, createClaimClient } from '../../../src/load/claim-client.ts';

/** How a crowd claims. */
export interface CrowdOptions {
  readonly urls: readonly string[];
  readonly serviceKey: string;
  readonly inFlight: number;
  readonly thinkMs: number;
}

/** How long one attempt is waited for; then the same is sent again, while the first may still be decided. */
const attemptTimeoutMs = 3_000;
/** Longer than everything that is down at once takes to come back. */
const giveUpAfterMs = 60_000;
/** An event that says nothing else for so long waits for a person, who in most cycles will not come. */
const patienceMs = 4_000;
const backoffMs = { first: 20, most: 400 } as const;

/** Sends each claim, with one key, to one server after the other until it is decided. */
export class Crowd implements ClaimClient {
  readonly #clients: readonly ClaimClient[];
  readonly #thinkMs: number;
  #next = 0;
  #busy = 0;
  #quiet: (() => void) | null = null;
  #open: PromiseWithResolvers<void> | null = null;
  /** Since when an event has answered nothing but that it waits for recovery. */
  readonly #waitingSince = new Map<string, number>();
  /** Whether a person is putting the stores in order. */
  #isExcused = false;
  #gaveUp: string | null = null;

  constructor({ urls, serviceKey, inFlight, thinkMs }: CrowdOptions) {
    this.#thinkMs = thinkMs;
    this.#clients = urls.map((url) =>
      createClaimClient({ url, serviceKey, connections: inFlight, giveUpAfterMs: 0, attemptTimeoutMs }),
    );
  }

  /** Why nothing more is asked; null as long as there is hope. */
  get gaveUp(): string | null {
    return this.#gaveUp;
  }

  async claim(eventId: string, userId: string, key: string | null = null): Promise<ClaimAnswer> {
    if (this.#thinkMs > 0) await pause(this.#thinkMs * (0.5 + Math.random()));
    while (this.#open !== null) await this.#open.promise;
    this.#busy += 1;
    try {
      return await this.#insist(eventId, userId, key);
    } finally {
      this.#busy -= 1;
      if (this.#busy === 0) this.#quiet?.();
    }
  }

  /** Lets nobody ask any more, and resolves once everybody who has asked is answered. */
  async hold(): Promise<void> {
    this.#open ??= Promise.withResolvers();
    if (this.#busy === 0) return;
    await new Promise<void>((resolve) => {
      this.#quiet = resolve;
    });
  }

  release(): void {
    this.#open?.resolve();
    this.#open = null;
  }

  /** Whether it is known that events wait for a person, and the person is there. */
  excuse(isExcused: boolean): void {
    this.#isExcused = isExcused;
    this.#waitingSince.clear();
  }

  giveUp(reason: string): void {
    this.#gaveUp ??= reason;
    this.release();
  }

  async close(): Promise<void> {
    this.giveUp('the run is over');
    await Promise.all(this.#clients.map((client) => client.close()));
  }

  async #insist(eventId: string, userId: string, key: string | null): Promise<ClaimAnswer> {
    const startedAt = performance.now();
    for (let attempts = 1; ; attempts += 1) {
      this.#next = (this.#next + 1) % this.#clients.length;
      const answer = await (this.#clients[this.#next] as ClaimClient).claim(eventId, userId, key);
      const tookMs = performance.now() - startedAt;
      this.#note(eventId, answer);
      const isDecided = answer.status !== 0 && answer.status !== 503;
      if (isDecided || tookMs > giveUpAfterMs || this.#gaveUp !== null)
        return { ...answer, attempts, micros: Math.round(tookMs * 1000) };
      const most = Math.min(backoffMs.most, backoffMs.first * 2 ** (attempts - 1));
      await pause(most * (0.5 + Math.random() / 2));
    }
  }

  #note(eventId: string, { status, body }: ClaimAnswer): void {
    const code = typeof body === 'object' && body !== null && 'code' in body ? body.code : null;
    if (status !== 503 || code !== 'recovering') {
      if (status !== 0) this.#waitingSince.delete(eventId);
      return;
    }
    if (this.#isExcused) return;
    const since = this.#waitingSince.get(eventId) ?? performance.now();
    this.#waitingSince.set(eventId, since);
    if (performance.now() - since > patienceMs)
      this.giveUp(`${eventId} has been recovering for ${patienceMs / 1000} s, and nothing was lost`);
  }
}
