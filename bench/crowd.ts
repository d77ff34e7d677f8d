import { performance } from 'node:perf_hooks';
import { build, type Histogram } from 'hdr-histogram-js';
import { Pool } from 'undici';
import type { Sample } from './server.ts';
import type { Server } from './child.ts';

// A prime step through a prime range: every user once, in no order that an index could profit from.
const userStep = 7_919;
const userRange = 10_000_019;
const neighbourIntervalMs = 5;

/** Sends claims of different users, `connections` of them at a time, each on a connection of its own. */
export class Crowd {
  readonly #pool: Pool;
  readonly #connections: number;
  readonly #serviceKey: string;
  #sent = 0;

  constructor(server: Server, connections: number) {
    this.#pool = new Pool(server.url, { connections, pipelining: 1 });
    this.#connections = connections;
    this.#serviceKey = server.serviceKey;
  }

  /** Sends so many claims and gives how many were answered with each status. */
  async send(claims: number): Promise<Map<number, number>> {
    const statuses = new Map<number, number>();
    let left = claims;
    const one = async (): Promise<void> => {
      while (left > 0) {
        left -= 1;
        const { statusCode, body } = await this.#request();
        await body.dump();
        statuses.set(statusCode, (statuses.get(statusCode) ?? 0) + 1);
      }
    };
    await Promise.all(Array.from({ length: this.#connections }, one));
    return statuses;
  }

  /** Sends one claim and gives the whole answer, without what belongs to the connection. */
  async sample(): Promise<Sample> {
    const { statusCode, headers, body } = await this.#request();
    const kept = ['content-type', 'cache-control', 'location'].flatMap((name) => {
      const value = headers[name];
      return typeof value === 'string' ? [[name, value] as const] : [];
    });
    return { status: statusCode, headers: Object.fromEntries(kept), body: await body.text() };
  }

  /**
   * Latency of a neighbouring route for as long as `work` takes, in microseconds. An open loop: a question is due every 5 ms
   * and counts from then on, whether the one before has been answered or not.
   */
  async neighbour(work: Promise<unknown>): Promise<Histogram> {
    const histogram = build({ numberOfSignificantValueDigits: 3 });
    const over = new AbortController();
    void work.finally(() => over.abort());
    const startedAt = performance.now();
    const waiting: Promise<void>[] = [];
    for (let n = 0; !over.signal.aborted; n += 1) {
      const dueAt = startedAt + n * neighbourIntervalMs;
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, dueAt - performance.now())));
      waiting.push(
        this.#livez().then(() => histogram.recordValue(Math.max(1, Math.round((performance.now() - dueAt) * 1000)))),
      );
    }
    await Promise.all([work, ...waiting]);
    return histogram;
  }

  close = (): Promise<void> => this.#pool.destroy();

  async #livez(): Promise<void> {
    const { body } = await this.#pool.request({ path: '/livez', method: 'GET' });
    await body.dump();
  }

  #request(): ReturnType<Pool['request']> {
    this.#sent += 1;
    const headers = {
      authorization: `Bearer ${this.#serviceKey}`,
      'content-type': 'application/json',
      'idempotency-key': `click-${this.#sent}`,
    };
    const body = `{"userId":"user-${(this.#sent * userStep) % userRange}"}`;
    return this.#pool.request({ path: '/v1/events/bench/claims', method: 'POST', headers, body });
  }
}
