/** Stores and processes that are struck and stand up again, cycle after cycle, and what is known of them. */
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '../../../services/ports.ts';
import {
  type Service,
  type StartOptions,
  startKafka,
  startMariadb,
  startPostgres,
  startRedis,
} from '../../../services/services.ts';
import type { IssuedWin } from '../../../src/core/history.ts';
import { createClaimClient } from '../../../src/load/claim-client.ts';
import { Fleet } from '../fleet.ts';
import type { DatabaseName, LogName } from '../stores.ts';
import { Member } from './member.ts';
import type { Target } from './plan.ts';

/** What a house is built of. */
export interface HouseOptions {
  readonly ledger: DatabaseName;
  readonly log: LogName;
  readonly issueRate: string | null;
  readonly apis: number;
  readonly workers: number;
  /** What is loaded before each process. */
  readonly preloads: readonly URL[];
  readonly redis: StartOptions;
}

/** An event of an earlier cycle: what has been issued of it stays so for ever. */
export interface PastEvent {
  readonly id: string;
  readonly coupons: readonly IssuedWin[];
}

/** One place that one user won at the very beginning: asked for again and again, it tells whether claims are decided. */
export const pulse = { eventId: 'pulse', userId: 'the-first-one' } as const;

const servedWithinMs = 60_000;
const databases = { mariadb: startMariadb, postgres: startPostgres } as const;

interface Parts {
  readonly redis: Service;
  readonly kafka: Service | null;
  readonly database: Service;
  readonly fleet: Fleet;
}

export class House {
  readonly options: HouseOptions;
  readonly redis: Service;
  readonly kafka: Service | null;
  readonly database: Service;
  readonly fleet: Fleet;
  readonly apis: readonly Member[];
  readonly workers: readonly Member[];
  readonly past: PastEvent[] = [];
  /** What is being done, for whom it takes too long. */
  doing = 'building';
  /** Ends of processes that nobody asked for. */
  readonly accidents: string[];
  #pulseId: string | null = null;

  private constructor(options: HouseOptions, parts: Parts, ports: readonly number[]) {
    const { redis, kafka, database, fleet } = parts;
    const accidents: string[] = [];
    const member = (name: string, role: 'api' | 'worker', port: number): Member =>
      new Member(name, role, port, fleet, { preloads: options.preloads }, accidents);
    this.options = options;
    this.redis = redis;
    this.kafka = kafka;
    this.database = database;
    this.fleet = fleet;
    this.accidents = accidents;
    this.apis = ports.slice(0, options.apis).map((port, at) => member(`api ${at + 1}`, 'api', port));
    this.workers = ports.slice(options.apis).map((port, at) => member(`worker ${at + 1}`, 'worker', port));
  }

  /** Starts all of it, with one event of which everything has been won. */
  static async build(options: HouseOptions): Promise<House> {
    const { ledger, log, issueRate } = options;
    const starts = [startRedis(options.redis), databases[ledger](), ...(log === 'kafka' ? [startKafka()] : [])];
    const outcomes = await Promise.allSettled(starts);
    const started = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
    let fleet: Fleet | null = null;
    try {
      for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
      const [redis, database, kafka = null] = started as [Service, Service, Service?];
      fleet = await Fleet.build({
        gate: redis.engineUrl,
        log: kafka === null ? 'embedded' : `${kafka.engineUrl}/wins?partitions=4`,
        ledger: database.engineUrl,
        ...(issueRate === null ? {} : { issueRate }),
      });
      const ports: number[] = [];
      while (ports.length < options.apis + options.workers) ports.push(await freePort());
      const house = new House(options, { redis, kafka, database, fleet }, ports);
      await house.startAll();
      await house.#open();
      return house;
    } catch (error) {
      await fleet?.tearDown();
      await Promise.all(started.map((service) => service.stop()));
      throw error;
    }
  }

  get members(): readonly Member[] {
    return [...this.apis, ...this.workers];
  }

  /** The stores' names, as a line shows them. */
  get name(): string {
    return `${this.options.ledger}/${this.options.log}`;
  }

  /** What of it can be struck. */
  get targets(): Target[] {
    return ['api', 'worker', 'redis', ...(this.kafka === null ? [] : (['kafka'] as const)), 'database'];
  }

  get serviceKey(): string {
    return this.fleet.env['DIBS_SERVICE_KEY'] ?? '';
  }

  service(target: 'redis' | 'kafka' | 'database'): Service {
    const service = this[target];
    if (service === null) throw new Error('this house has no Kafka');
    return service;
  }

  member(role: 'api' | 'worker', which: number): Member {
    const members = role === 'api' ? this.apis : this.workers;
    return members[which % members.length] as Member;
  }

  /** Starts what does not run. */
  async startAll(): Promise<void> {
    await Promise.all(this.members.filter(({ runs }) => !runs).map((member) => member.start()));
  }

  /** Resolves once every API decides claims; gives how long that took, or what is told instead of the place of the pulse. */
  async servedAgain(): Promise<number | string> {
    const askedAt = performance.now();
    const answers = await Promise.all(this.apis.map((api) => this.#pulseAt(api)));
    return answers.find((answer) => answer !== null) ?? performance.now() - askedAt;
  }

  /** The same place as ever is told; else what is told. */
  async #pulseAt({ name, url }: Member): Promise<string | null> {
    const client = createClaimClient({ url, serviceKey: this.serviceKey, giveUpAfterMs: 0, attemptTimeoutMs: 1_000 });
    try {
      for (const until = performance.now() + servedWithinMs; ; ) {
        const { status, body, trouble } = await client.claim(pulse.eventId, pulse.userId);
        const { claim } = (body ?? {}) as { readonly claim?: { readonly id?: string } };
        if (status === 200 && claim?.id === this.#pulseId) return null;
        const said = `${name} told the first one ${status}, ${trouble ?? JSON.stringify(body)}`;
        if (status !== 0 && status !== 503) return said;
        if (performance.now() > until) return `${said}, ${servedWithinMs / 1000} s long`;
        await pause(10);
      }
    } finally {
      await client.close();
    }
  }

  /** Copies what the stores have on their disks, and what the processes wrote, to a folder that stays. */
  async keep(): Promise<string> {
    const kept = await mkdtemp(join(tmpdir(), 'dibs-kept-'));
    for (const member of this.members) await member.kill();
    for (const service of [this.redis, this.kafka, this.database]) {
      if (service === null) continue;
      service.signal('SIGKILL');
      await pause(200);
      await cp(service.folder, join(kept, service.name), {
        recursive: true,
        filter: (path) => !path.endsWith('socket'),
      });
    }
    await mkdir(join(kept, 'processes'));
    for (const { name, outputs } of this.members)
      await writeFile(join(kept, 'processes', name.replace(' ', '-')), outputs.join('\n--- started again ---\n'));
    return kept;
  }

  /** Ends everything, and leaves nothing. */
  async tearDown(): Promise<void> {
    await Promise.all(this.members.map((member) => member.kill()));
    await this.fleet.tearDown();
    const services = [this.redis, this.kafka, this.database].filter((service) => service !== null);
    await Promise.all(services.map((service) => service.stop()));
    await rm(this.fleet.folder, { recursive: true, force: true });
  }

  async #open(): Promise<void> {
    const { server } = this.apis[0] as Member;
    await server.create({ id: pulse.eventId, capacity: 1 });
    const { body } = await server.claim(pulse.eventId, pulse.userId);
    this.#pulseId = body.claim?.id ?? null;
    await server.settled(pulse.eventId);
    this.past.push({ id: pulse.eventId, coupons: await server.coupons(pulse.eventId) });
  }
}
