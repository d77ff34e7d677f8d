import type { Clock } from '../core/clock.ts';
import type { Decision } from '../core/decision.ts';
import type { EventAct, EventCommand } from '../core/event-act.ts';
import { changedSpec, checkSpec, type EventPhase, type EventSnapshot, type EventSpec } from '../core/event-spec.ts';
import { DibsError } from '../core/errors.ts';
import type { AdmitRequest, Cover, Gate, OutboxExtent, Restoration, WinScan } from '../core/gate.ts';
import { compareOutboxIds, type LogRecord, outboxEnd, type OutboxId, outboxIdOf, outboxStart } from '../core/record.ts';
import type { Win } from '../core/win.ts';
import { claimIdOf } from '../lib/claim-id.ts';
import { Roll } from '../lib/roll.ts';

/** One event of the model: how it stands, all its wins, and what is left of its outbox. */
export interface ModelEvent {
  event: EventSnapshot;
  wins: Win[];
  outbox: LogRecord[];
  trimmed: OutboxId;
}

/** What the model keeps; it outlives the gates that are opened on it, as a file would. Plain data: `structuredClone` copies it. */
export type ModelStore = Map<string, ModelEvent>;

/**
 * A gate in memory that says what a gate has to do, in the plainest way there is. It does not use the judging functions of
 * core, so that two independent readings of the protocol are compared where a driver is compared with it.
 */
export function openModelGate(clock: Pick<Clock, 'now'>, store: ModelStore = new Map()): Gate {
  return new ModelGate(clock, store);
}

class ModelGate implements Gate {
  readonly kind = 'model';
  readonly #clock: Pick<Clock, 'now'>;
  readonly #store: ModelStore;
  readonly #roll = new Roll();
  #open = true;

  constructor(clock: Pick<Clock, 'now'>, store: ModelStore) {
    this.#clock = clock;
    this.#store = store;
  }

  async now(): Promise<number> {
    return this.#clock.now();
  }

  async create(spec: EventSpec): Promise<{ event: EventSnapshot; created: boolean }> {
    this.#demandOpen();
    checkSpec(spec);
    if (this.#store.has(spec.id)) return { event: this.#settle(spec.id).event, created: false };
    const now = this.#clock.now();
    const event: EventSnapshot = {
      spec: { ...spec },
      phase: 'active',
      revision: 0,
      epoch: 1,
      won: 0,
      acts: 0,
      createdAt: now,
      lastTime: now,
    };
    const entry: ModelEvent = { event, wins: [], outbox: [], trimmed: outboxStart };
    record(entry, 'create', now, event.spec, 'active');
    this.#store.set(spec.id, entry);
    return { event: entry.event, created: true };
  }

  async command(eventId: string, command: EventCommand, ifRevision: number | null): Promise<EventSnapshot> {
    const entry = this.#served(eventId);
    const { spec, phase, revision, won } = entry.event;
    const now = this.#timeOf(entry);
    if (ifRevision !== null && ifRevision !== revision) throw new DibsError('revision_mismatch');
    if (phase === 'closed') throw new DibsError('closed');
    if (command.act === 'close') record(entry, 'close', now, spec, 'closed');
    if (command.act === 'pause' && phase === 'active') record(entry, 'pause', now, spec, 'paused');
    if (command.act === 'resume' && phase === 'paused') record(entry, 'resume', now, spec, 'active');
    if (command.act === 'change') {
      const next = changedSpec(spec, command.change);
      if (next.capacity < won) throw new DibsError('capacity_below_won');
      const hasOpened = spec.opensAt === null || now >= spec.opensAt;
      if (hasOpened && next.opensAt !== spec.opensAt) throw new DibsError('already_open');
      if (JSON.stringify(next) !== JSON.stringify(spec)) record(entry, 'change', now, next, phase);
    }
    return entry.event;
  }

  async events(eventIds: readonly string[]): Promise<(EventSnapshot | null)[]> {
    this.#demandOpen();
    return eventIds.map((id) => (this.#store.has(id) ? this.#settle(id).event : null));
  }

  async list(after: string | null, limit: number): Promise<EventSnapshot[]> {
    this.#demandOpen();
    // Event ids are ASCII, where the order of UTF-16 is the order of bytes.
    const ids = [...this.#store.keys()].filter((id) => after === null || id > after).toSorted(byBytes);
    return ids.slice(0, limit).map((id) => this.#settle(id).event);
  }

  async admit(eventId: string, requests: readonly AdmitRequest[]): Promise<Decision[]> {
    const entry = this.#served(eventId);
    const now = this.#timeOf(entry);
    const { event } = entry;
    const before = entry.wins.length;
    const decisions = requests.map((request) => decide(entry, request, now));
    const wins = entry.wins.slice(before);
    if (wins.length > 0) {
      entry.event = { ...event, won: entry.wins.length, acts: 0, lastTime: now };
      entry.outbox.push({ v: 1, type: 'wins', eventId, epoch: event.epoch, revision: event.revision, wins });
    }
    return decisions;
  }

  async winsOfUser(eventId: string, userId: string): Promise<Win[]> {
    this.#demandOpen();
    return (this.#store.get(eventId)?.wins ?? []).filter((win) => win.userId === userId);
  }

  async wins(eventId: string, after: number, limit: number): Promise<Win[]> {
    this.#demandOpen();
    const entry = this.#store.get(eventId);
    if (entry === undefined) return [];
    const from = Math.max(after, Number(entry.trimmed.split('-')[0]));
    return entry.wins.slice(from, from + limit);
  }

  async outbox(eventId: string, after: OutboxId, winsMax: number): Promise<LogRecord[]> {
    this.#demandOpen();
    const records: LogRecord[] = [];
    let wins = 0;
    for (const one of this.#store.get(eventId)?.outbox ?? []) {
      if (compareOutboxIds(outboxIdOf(one), after) <= 0) continue;
      if (wins >= winsMax) break;
      records.push(one);
      wins += one.type === 'wins' ? one.wins.length : 0;
    }
    return records;
  }

  async extents(after: string | null, limit: number): Promise<OutboxExtent[]> {
    const events = await this.list(after, limit);
    return events.map((event) => ({
      eventId: event.spec.id,
      end: outboxEnd(event),
      fenced: event.fenced ?? false,
    }));
  }

  async trim(eventId: string, upTo: OutboxId): Promise<void> {
    this.#demandOpen();
    const entry = this.#store.get(eventId);
    if (entry === undefined || compareOutboxIds(upTo, entry.trimmed) <= 0) return;
    entry.trimmed = upTo;
    entry.outbox = entry.outbox.filter((one) => compareOutboxIds(outboxIdOf(one), upTo) > 0);
  }

  async restore({ event, wins, ifStanding }: Restoration): Promise<EventSnapshot | null> {
    this.#demandOpen();
    const standing = this.#store.get(event.spec.id)?.event ?? null;
    // In other words than the drivers': by the text of what counts.
    const told = (one: typeof ifStanding) => (one == null ? 'none' : `${one.won}, ${one.acts}, ${one.revision}`);
    if (ifStanding !== undefined && told(standing) !== told(ifStanding)) return null;
    const { spec, phase, epoch, won, acts, createdAt, lastTime } = event;
    const revision = event.revision - 1;
    const blank = { ...event, revision: revision - 1, won: 0, acts: 0, lastTime: createdAt };
    const entry: ModelEvent = { event: blank, wins: [...wins], outbox: [], trimmed: outboxStart };
    if (won > 0) {
      record(entry, 'recover', createdAt, spec, phase);
      entry.outbox.push({ v: 1, type: 'wins', eventId: spec.id, epoch, revision, wins });
    }
    entry.event = { ...entry.event, revision, won, acts: acts - 1 };
    record(entry, 'recover', lastTime, spec, phase);
    this.#store.set(spec.id, entry);
    return entry.event;
  }

  async check(): Promise<readonly string[]> {
    this.#demandOpen();
    return [];
  }

  async unfence(eventId: string, cover: Cover): Promise<boolean> {
    const entry = this.#settle(eventId);
    const { fenced: _, ...event } = entry.event;
    const covers = event.won >= cover.won && event.revision >= cover.revision;
    if (covers) entry.event = event;
    return covers;
  }

  async scan(eventId: string, cursor: string | null, limit: number): Promise<WinScan> {
    this.#demandOpen();
    const from = Number(cursor ?? 0);
    const all = this.#store.get(eventId)?.wins ?? [];
    return { wins: all.slice(from, from + limit), cursor: from + limit < all.length ? String(from + limit) : null };
  }

  async attend(worker: string, forMs: number): Promise<string[]> {
    this.#demandOpen();
    return this.#roll.attend(worker, this.#clock.now(), forMs);
  }

  async leave(worker: string): Promise<void> {
    this.#roll.leave(worker);
  }

  async close(): Promise<void> {
    this.#open = false;
  }

  #demandOpen(): void {
    if (!this.#open) throw new DibsError('unavailable', 'The gate is closed.');
  }

  #timeOf(entry: ModelEvent): number {
    return Math.max(this.#clock.now(), entry.event.lastTime);
  }

  /** Whoever looks at an event after its closing time closes it for good, so that no later step of the clock reopens it. */
  #settle(eventId: string): ModelEvent {
    this.#demandOpen();
    const entry = this.#store.get(eventId);
    if (entry === undefined) throw new DibsError('event_not_found');
    const { spec, phase, fenced } = entry.event;
    const now = this.#timeOf(entry);
    if (fenced !== true && phase !== 'closed' && spec.closesAt !== null && now >= spec.closesAt)
      record(entry, 'close', now, spec, 'closed');
    return entry;
  }

  #served(eventId: string): ModelEvent {
    const entry = this.#settle(eventId);
    if (entry.event.fenced === true) throw new DibsError('recovering', undefined, { details: { fenced: true } });
    return entry;
  }
}

/** Fences an event of the model, as if another process of its store had written it last. */
export function fenceModelEvent(store: ModelStore, eventId: string): void {
  const entry = store.get(eventId);
  if (entry !== undefined) entry.event = { ...entry.event, fenced: true };
}

const byBytes = (a: string, b: string): number => (a < b ? -1 : 1);

function decide(entry: ModelEvent, { userId, key }: AdmitRequest, now: number): Decision {
  const { spec, phase, epoch } = entry.event;
  const own = entry.wins.filter((win) => win.userId === userId);
  if (spec.limitPerUser > 1 && key === null) return { outcome: 'key_required' };
  const replay = spec.limitPerUser === 1 ? own[0] : own.find((win) => win.key === key);
  if (replay !== undefined) return { outcome: 'won', replayed: true, win: replay };
  if (phase === 'closed') return { outcome: 'rejected', reason: 'closed', wins: [], opensAt: null };
  if (spec.opensAt !== null && now < spec.opensAt) {
    return { outcome: 'rejected', reason: 'not_open', wins: [], opensAt: spec.opensAt };
  }
  if (phase === 'paused') return { outcome: 'rejected', reason: 'paused', wins: [], opensAt: null };
  if (own.length >= spec.limitPerUser)
    return { outcome: 'rejected', reason: 'limit_reached', wins: own, opensAt: null };
  if (entry.wins.length >= spec.capacity) return { outcome: 'rejected', reason: 'sold_out', wins: [], opensAt: null };
  const place = { slot: entry.wins.length + 1, userId, nth: own.length + 1, key, wonAt: now };
  const win: Win = { ...place, claimId: claimIdOf(spec.id, epoch, place) };
  entry.wins.push(win);
  return { outcome: 'won', replayed: false, win };
}

/** The next numbered revision and its record, at the end of the outbox. */
function record(entry: ModelEvent, act: EventAct, time: number, spec: EventSpec, phase: EventPhase): void {
  const { event } = entry;
  const next = { ...event, spec, phase, revision: event.revision + 1, acts: event.acts + 1, lastTime: time };
  const { epoch, revision, won, acts: n } = next;
  entry.event = next;
  entry.outbox.push({ v: 1, type: 'event', eventId: spec.id, epoch, revision, act, spec, phase, won, n, time });
}
