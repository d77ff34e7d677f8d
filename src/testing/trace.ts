import type { EventSpec, SpecChange } from '../core/event-spec.ts';
import { DibsError } from '../core/errors.ts';
import { emptyFold, type FoldState, fold } from '../core/fold.ts';
import type { Gate } from '../core/gate.ts';
import { type OutboxId, outboxIdOf, outboxStart } from '../core/record.ts';
import type { Win } from '../core/win.ts';
import type { GateBench } from './gate/bench.ts';

/**
 * One step of a trace. Events, users and keys are numbers, so that small ones meet often; times are relative to the clock's
 * now, as a trace runs at any time.
 */
export type TraceStep =
  | {
      readonly do: 'create';
      readonly event: number;
      readonly capacity: number;
      readonly limitPerUser: number;
      readonly opensInMs: number | null;
      readonly closesInMs: number | null;
    }
  | {
      readonly do: 'change';
      readonly event: number;
      readonly capacity?: number;
      readonly name?: string;
      readonly opensInMs?: number | null;
      readonly closesInMs?: number | null;
    }
  | { readonly do: 'pause' | 'resume' | 'close'; readonly event: number; readonly ifRevision: number | null }
  | {
      readonly do: 'admit';
      readonly event: number;
      readonly claims: readonly (readonly [user: number, key: number | null])[];
    }
  /** Reads the outbox to its end, so many wins at a time, and folds it. */
  | { readonly do: 'read'; readonly event: number; readonly winsMax: number }
  /** Trims what has been read. */
  | { readonly do: 'trim'; readonly event: number }
  /** Restores the event from what has been read; what has not is lost. */
  | { readonly do: 'restore'; readonly event: number }
  | { readonly do: 'look' }
  | { readonly do: 'step'; readonly ms: number }
  | { readonly do: 'reopen' };

/** What a trace runs on. */
export type TraceBench = Pick<GateBench, 'gate' | 'clock' | 'reopen'>;

/** What a step came to: plain values, the same for every gate that does what it has to. */
export type Observation = { readonly step: TraceStep | 'end'; readonly saw: unknown };

/** What has been read of one event. */
interface Reader {
  at: OutboxId;
  state: FoldState;
  wins: Win[];
  createdAt: number;
  conflict: string | null;
}

const eventIdOf = (event: number) => `event-${event}`;

/** Runs a trace on a fresh gate and gives what was seen. Trouble with a code is an observation as well; any other is thrown. */
export async function runTrace(bench: TraceBench, trace: readonly TraceStep[]): Promise<Observation[]> {
  const run = new TraceRun(bench);
  const observations: Observation[] = [];
  for (const step of trace) observations.push({ step, saw: await troubleOrValue(() => run.take(step)) });
  observations.push({ step: 'end', saw: await run.end() });
  return observations;
}

async function troubleOrValue(act: () => Promise<unknown>): Promise<unknown> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof DibsError) return { trouble: error.code };
    throw error;
  }
}

class TraceRun {
  readonly #bench: TraceBench;
  readonly #readers = new Map<string, Reader>();
  readonly #users = new Set<string>();
  #gate: Gate;

  constructor(bench: TraceBench) {
    this.#bench = bench;
    this.#gate = bench.gate;
  }

  async take(step: TraceStep): Promise<unknown> {
    switch (step.do) {
      case 'create':
        return this.#create(step);
      case 'change':
        return this.#change(step);
      case 'pause':
      case 'resume':
      case 'close':
        return this.#gate.command(eventIdOf(step.event), { act: step.do }, step.ifRevision);
      case 'admit':
        return this.#admit(step);
      case 'read':
        return this.#read(eventIdOf(step.event), step.winsMax);
      case 'trim':
        return this.#gate.trim(eventIdOf(step.event), this.#reader(eventIdOf(step.event)).at);
      case 'restore':
        return this.#restore(eventIdOf(step.event));
      case 'look':
        return this.#gate.list(null, 100);
      case 'step':
        return this.#bench.clock.step(step.ms);
      case 'reopen':
        this.#gate = await this.#bench.reopen();
        return null;
    }
  }

  /** Everything there is to see, event by event; each outbox is read to its end. */
  async end(): Promise<unknown> {
    const events = await this.#gate.list(null, 100);
    return Promise.all(
      events.map(async (event) => {
        const { id } = event.spec;
        const users = await Promise.all([...this.#users].map((userId) => this.#gate.winsOfUser(id, userId)));
        return { event, users, read: await this.#read(id, 100) };
      }),
    );
  }

  #reader(eventId: string): Reader {
    const known = this.#readers.get(eventId);
    if (known !== undefined) return known;
    const reader = { at: outboxStart, state: emptyFold(), wins: [], createdAt: 0, conflict: null };
    this.#readers.set(eventId, reader);
    return reader;
  }

  async #timeIn(ms: number | null): Promise<number | null> {
    return ms === null ? null : (await this.#gate.now()) + ms;
  }

  async #create(step: TraceStep & { readonly do: 'create' }): Promise<unknown> {
    const { event, capacity, limitPerUser, opensInMs, closesInMs } = step;
    const opensAt = await this.#timeIn(opensInMs);
    const closesAt = await this.#timeIn(closesInMs);
    const spec: EventSpec = { id: eventIdOf(event), name: 'Trace', capacity, limitPerUser, opensAt, closesAt };
    return this.#gate.create(spec);
  }

  async #change(step: TraceStep & { readonly do: 'change' }): Promise<unknown> {
    const { event, capacity, name, opensInMs, closesInMs } = step;
    const change: SpecChange = {
      ...(capacity === undefined ? {} : { capacity }),
      ...(name === undefined ? {} : { name }),
      ...(opensInMs === undefined ? {} : { opensAt: await this.#timeIn(opensInMs) }),
      ...(closesInMs === undefined ? {} : { closesAt: await this.#timeIn(closesInMs) }),
    };
    return this.#gate.command(eventIdOf(event), { act: 'change', change }, null);
  }

  #admit({ event, claims }: TraceStep & { readonly do: 'admit' }): Promise<unknown> {
    const requests = claims.map(([user, key]) => ({ userId: `user-${user}`, key: key === null ? null : `key-${key}` }));
    for (const { userId } of requests) this.#users.add(userId);
    return this.#gate.admit(eventIdOf(event), requests);
  }

  /** Where one record ends and the next begins is the gate's own affair, so that only what they come to is compared. */
  async #read(eventId: string, winsMax: number): Promise<unknown> {
    const reader = this.#reader(eventId);
    for (;;) {
      const page = await this.#gate.outbox(eventId, reader.at, winsMax);
      if (page.length === 0) break;
      for (const record of page) {
        const next = fold(reader.state, record);
        if (!next.ok) return { conflict: (reader.conflict ??= next.conflict.message) };
        reader.state = next.state;
        reader.at = outboxIdOf(record);
        if (record.type === 'wins') reader.wins.push(...record.wins);
        else if (record.act === 'create') reader.createdAt = record.time;
      }
    }
    const { users, ...state } = reader.state;
    return { at: reader.at, ...state, users: Object.fromEntries(users), claimIds: [...state.claimIds] };
  }

  async #restore(eventId: string): Promise<unknown> {
    const { state, wins, createdAt, conflict } = this.#reader(eventId);
    const { spec, phase, epoch, won } = state;
    if (spec === null || conflict !== null) return 'nothing to restore from';
    const lastTime = Math.max(await this.#gate.now(), state.lastTime);
    const next = { revision: state.revision + 1, acts: state.acts + 1, createdAt, lastTime };
    return this.#gate.restore({ event: { spec, phase, epoch, won, ...next }, wins: [...wins] });
  }
}
