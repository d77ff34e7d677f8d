import type { Alarm } from '../../core/alarm.ts';
import type { Clock } from '../../core/clock.ts';
import type { Decision } from '../../core/decision.ts';
import { type ActOutcome, type EventCommand, judgeCommand } from '../../core/event-act.ts';
import { checkSpec, type EventSnapshot, type EventSpec } from '../../core/event-spec.ts';
import { DibsError } from '../../core/errors.ts';
import type { AdmitRequest, Cover, Gate, OutboxExtent, Restoration, WinScan } from '../../core/gate.ts';
import { type LogRecord, outboxEnd, type OutboxId, parseOutboxId } from '../../core/record.ts';
import type { Win } from '../../core/win.ts';
import { parseRedisAddress } from './address.ts';
import { decisionsFrom, fenced, lineText, snapshotFrom, specText, statusOf, timeText, winsFrom } from './codec.ts';
import { RedisConnection } from './connection.ts';
import { EventIndex } from './event-index.ts';
import { ExtentWatch } from './extents.ts';
import { KeyNames, listOf } from './keys.ts';
import type { Reply } from './link.ts';
import { type OutboxSource, readOutbox, readWins } from './outbox.ts';
import { restoreEvent } from './restoration.ts';
import { type Script, scripts, statuses } from './scripts.ts';
import { SettingsWatch } from './watch.ts';

/** Where the gate lives, and what it tells. */
export interface RedisGateOptions {
  /** `redis://[user:password@]host:port[/database]`, `rediss://…` for TLS, `redis+cluster://host:port,host:port`. */
  readonly url: string;
  /** Times the looks at the settings of Redis; events open and close by the clock of Redis itself. */
  readonly clock: Pick<Clock, 'sleep'>;
  /** From 0 up to 1; spreads attempts to connect again. */
  readonly random: () => number;
  /** Told of trouble that no call meets by itself, and of its end. */
  readonly alarm: Alarm;
  /** What all keys begin with; `dibs` where absent. */
  readonly prefix?: string;
  /** How long a call may take; 5 s where absent. */
  readonly callTimeoutMs?: number;
  /** How often the settings are looked at; 5 s where absent. */
  readonly checkIntervalMs?: number;
}

const callTimeoutMs = 5_000;
const checkIntervalMs = 5_000;
/** A command is judged anew where the event has changed meanwhile; more often in a row than this is no chance. */
const attemptsMax = 100;

/**
 * Opens a gate in Redis, which any number of processes share: one Redis, or a cluster of masters. Each act is one script, and
 * durable before it is answered, by settings that are checked now and while it runs.
 * Throws `invalid_configuration`, `store_unfit`, `unavailable`.
 */
export async function openRedisGate(options: RedisGateOptions): Promise<Gate> {
  const { url, clock, random, alarm, prefix = 'dibs' } = options;
  const address = parseRedisAddress(url);
  if (!/^[A-Za-z0-9_.-]{1,64}$/.test(prefix))
    throw new DibsError(
      'invalid_configuration',
      `The prefix ${JSON.stringify(prefix)} must be 1 to 64 of A-Z a-z 0-9 _ - .`,
    );
  let watch: SettingsWatch | null = null;
  const connection = await RedisConnection.open(address, {
    callTimeoutMs: options.callTimeoutMs ?? callTimeoutMs,
    random,
    alarm,
    connected: (node) => watch?.again(node),
  });
  const names = new KeyNames(prefix);
  const intervalMs = options.checkIntervalMs ?? checkIntervalMs;
  const index = new EventIndex(connection, names.index);
  const tend = () => index.tend();
  watch = new SettingsWatch({ connection, names, cluster: address.cluster, clock, intervalMs, alarm, tend });
  try {
    await watch.start();
    return new RedisGate(connection, watch, names, index);
  } catch (error) {
    await connection.close();
    throw error;
  }
}

class RedisGate implements Gate {
  readonly kind = 'redis';
  readonly #connection: RedisConnection;
  readonly #watch: SettingsWatch;
  readonly #names: KeyNames;
  readonly #index: EventIndex;
  readonly #extents: ExtentWatch;

  constructor(connection: RedisConnection, watch: SettingsWatch, names: KeyNames, index: EventIndex) {
    this.#connection = connection;
    this.#watch = watch;
    this.#names = names;
    this.#index = index;
    this.#extents = new ExtentWatch(
      async (eventId) => {
        const standing = await this.#look(eventId);
        if (standing === null) return null;
        const { event, now } = standing;
        const { opensAt } = event.spec;
        const extent = { eventId, end: outboxEnd(event), fenced: event.fenced ?? false };
        return { extent, opensInMs: opensAt === null ? null : opensAt - now };
      },
      () => performance.now(),
    );
  }

  async now(): Promise<number> {
    const masters = this.#connection.masters();
    const node = masters.find((one) => one.isReady) ?? masters[0];
    if (node === undefined) throw new DibsError('unavailable', 'The gate is closed.');
    const [seconds, microseconds] = (await this.#connection.sendTo(node, 'TIME')) as readonly Reply[];
    return Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000);
  }

  async create(spec: EventSpec): Promise<{ event: EventSnapshot; created: boolean }> {
    checkSpec(spec);
    const { id, capacity, limitPerUser, opensAt, closesAt } = spec;
    await this.#demandFit(id);
    // Before the event: an id too many in the index is harmless, one too few would hide an event.
    await this.#index.add(id);
    const values = [specText(spec), String(capacity), String(limitPerUser), timeText(opensAt), timeText(closesAt)];
    const reply = statusOf(await this.#run(scripts.create, id, values));
    if (reply.status !== statuses.done) throw fenced(id, 'parts of it are left in Redis, but not the event itself');
    return { event: snapshotFrom(reply.values).event, created: reply.values.at(-1) === 1 };
  }

  async command(eventId: string, command: EventCommand, ifRevision: number | null): Promise<EventSnapshot> {
    await this.#demandFit(eventId);
    for (let attempt = 1; attempt <= attemptsMax; attempt += 1) {
      const { event, now } = await this.#standing(eventId);
      const outcome = judgeCommand(event, command, ifRevision, now);
      if (outcome === null) return event;
      const next = await this.#act(event, outcome);
      if (next !== null) return next;
    }
    throw new DibsError('unavailable', `Event ${eventId} changes faster than a command can be judged.`);
  }

  async events(eventIds: readonly string[]): Promise<(EventSnapshot | null)[]> {
    return await Promise.all(eventIds.map(async (eventId) => (await this.#look(eventId))?.event ?? null));
  }

  async list(after: string | null, limit: number): Promise<EventSnapshot[]> {
    return await paged(after, limit, async (behind, count) => {
      const ids = await this.#index.page(behind, count);
      return { ids, found: (await this.events(ids)).filter((event) => event !== null) };
    });
  }

  async extents(after: string | null, limit: number): Promise<OutboxExtent[]> {
    return await paged(after, limit, async (behind, count) => {
      const ids = await this.#index.pageAtHand(behind, count);
      return { ids, found: await this.#extents.of(ids) };
    });
  }

  async admit(eventId: string, requests: readonly AdmitRequest[]): Promise<Decision[]> {
    const wait = this.#watch.demand(this.#connection.nodeOf(this.#names.of(eventId).event));
    if (wait !== null) await wait;
    let lines = '';
    let someWithoutKey = '';
    const args = ['', ''];
    for (const request of requests) {
      lines += lineText(request);
      if (request.key === null) someWithoutKey = '1';
      args.push(request.userId);
    }
    args[0] = lines;
    args[1] = someWithoutKey;
    const { status, values } = statusOf(await this.#run(scripts.admit, eventId, args));
    assertServed(eventId, status);
    this.#index.note(eventId);
    this.#extents.stir(eventId);
    return decisionsFrom(eventId, requests, values);
  }

  async winsOfUser(eventId: string, userId: string): Promise<Win[]> {
    const { status, values } = statusOf(await this.#run(scripts.winsOfUser, eventId, [userId]));
    if (status === statuses.absent) return [];
    assertServed(eventId, status);
    return winsFrom(eventId, Number(values[0]), userId, String(values[1]));
  }

  async wins(eventId: string, after: number, limit: number): Promise<Win[]> {
    return await readWins(this.#source(eventId), after, limit);
  }

  async outbox(eventId: string, after: OutboxId, winsMax: number): Promise<LogRecord[]> {
    return await readOutbox(this.#source(eventId), after, winsMax);
  }

  async trim(eventId: string, upTo: OutboxId): Promise<void> {
    const { slot, n } = parseOutboxId(upTo);
    await this.#run(scripts.trim, eventId, [String(slot), String(n)]);
  }

  async restore(restoration: Restoration): Promise<EventSnapshot | null> {
    const { id } = restoration.event.spec;
    await this.#demandFit(id);
    await this.#index.add(id);
    return await restoreEvent(this.#connection, this.#names, restoration);
  }

  async check(): Promise<readonly string[]> {
    return await this.#watch.check();
  }

  async unfence(eventId: string, { won, revision }: Cover): Promise<boolean> {
    await this.#demandFit(eventId);
    const { status, values } = statusOf(await this.#run(scripts.unfence, eventId, [String(won), String(revision)]));
    if (status === statuses.absent) assertServed(eventId, status);
    return values[0] === 1;
  }

  async scan(eventId: string, cursor: string | null, limit: number): Promise<WinScan> {
    const { status, values } = statusOf(await this.#run(scripts.scan, eventId, [cursor ?? '0', String(limit)]));
    if (status === statuses.absent) return { wins: [], cursor: null };
    assertServed(eventId, status);
    const [epoch, next, ...found] = values;
    const wins: Win[] = [];
    for (let at = 0; at + 1 < found.length; at += 2)
      wins.push(...winsFrom(eventId, Number(epoch), String(found[at]), String(found[at + 1])));
    return { wins, cursor: next === '0' ? null : String(next) };
  }

  async attend(worker: string, forMs: number): Promise<string[]> {
    const names = await this.#connection.run(scripts.attend, [this.#names.workers], [worker, String(forMs)]);
    return (names as readonly Reply[]).map(String).sort((a, b) => (a < b ? -1 : 1));
  }

  async leave(worker: string): Promise<void> {
    await this.#connection.send(this.#names.workers, 'ZREM', this.#names.workers, worker);
  }

  async close(): Promise<void> {
    this.#watch.stop();
    await this.#connection.close();
  }

  #run(script: Script, eventId: string, args: readonly string[]): Promise<Reply> {
    return this.#connection.run(script, listOf(this.#names.of(eventId)), args);
  }

  #source(eventId: string): OutboxSource {
    return { connection: this.#connection, eventId, key: this.#names.of(eventId).outbox };
  }

  async #demandFit(eventId: string): Promise<void> {
    await this.#watch.demand(this.#connection.nodeOf(this.#names.of(eventId).event));
  }

  /** Null where there is none, or where what stands there cannot be told. */
  async #look(eventId: string): Promise<{ event: EventSnapshot; now: number } | null> {
    const { status, values } = statusOf(await this.#run(scripts.look, eventId, []));
    if (status !== statuses.absent) this.#index.note(eventId);
    return status === statuses.done ? snapshotFrom(values) : null;
  }

  async #standing(eventId: string): Promise<{ event: EventSnapshot; now: number }> {
    const { status, values } = statusOf(await this.#run(scripts.look, eventId, []));
    assertServed(eventId, status);
    const standing = snapshotFrom(values);
    if (standing.event.fenced === true) assertServed(eventId, statuses.fenced);
    return standing;
  }

  /** Writes what `event` comes to by an act; null where it has changed since. */
  async #act(event: EventSnapshot, { act, phase, spec }: ActOutcome): Promise<EventSnapshot | null> {
    const { id, capacity, opensAt, closesAt } = spec;
    // An opening that is moved was judged to be still to come.
    const before = opensAt === event.spec.opensAt ? null : event.spec.opensAt;
    const args = [String(event.revision), act, phase, specText(spec), String(capacity), timeText(opensAt)];
    const reply = await this.#run(scripts.act, id, [...args, timeText(closesAt), timeText(before)]);
    const { status, values } = statusOf(reply);
    if (status === statuses.again) return null;
    assertServed(id, status);
    return snapshotFrom(values).event;
  }
}

/** What is found of the ids of a list, until there are so many or the list is at its end. */
async function paged<T>(
  after: string | null,
  limit: number,
  read: (
    behind: string | null,
    count: number,
  ) => Promise<{ readonly ids: readonly string[]; readonly found: readonly T[] }>,
): Promise<T[]> {
  const all: T[] = [];
  for (let behind = after; all.length < limit; ) {
    const count = limit - all.length;
    const { ids, found } = await read(behind, count);
    all.push(...found);
    if (ids.length < count) break;
    behind = ids.at(-1) ?? null;
  }
  return all;
}

/** Throws `event_not_found` or `recovering` for the status of a script. */
function assertServed(eventId: string, status: number): void {
  if (status === statuses.absent)
    throw new DibsError('event_not_found', `There is no event ${JSON.stringify(eventId)}.`);
  if (status === statuses.fenced)
    throw fenced(eventId, 'its Redis is another process than the one that wrote it last, or has lost a part of it');
}
