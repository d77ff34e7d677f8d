import { randomBytes } from 'node:crypto';
import { isEventId } from '../core/claim.ts';
import type { EventCommand } from '../core/event-act.ts';
import { checkSpec, type EventSnapshot, type EventSpec, type SpecChange, sameSpec } from '../core/event-spec.ts';
import { DibsError, type FieldFault, refuseFaults } from '../core/errors.ts';
import type { Gate } from '../core/gate.ts';
import type { Ledger, LedgerEvent } from '../core/ledger.ts';
import { parseRfc3339 } from '../lib/rfc3339.ts';
import type { RevisionGuard } from './dibs.ts';
import type { EventRegistry } from './event-registry.ts';
import { limitOf, pageOf } from './paging.ts';
import { presentEvent, presentRecovering } from './present.ts';
import type { EventChange, EventView, NewEvent, Page, PageQuery, TimeInput } from './views.ts';

/** What the acts on events need. */
export interface EventsContext {
  readonly gate: Gate;
  readonly ledger: Ledger;
  readonly registry: EventRegistry;
  /** An event has a new record in its outbox. */
  recorded(eventId: string): void;
}

/** An event as the ledger keeps it. */
export const ledgerEventOf = ({ spec, phase, revision, epoch, createdAt, lastTime }: EventSnapshot): LedgerEvent => ({
  spec,
  phase,
  revision,
  epoch,
  createdAt,
  updatedAt: lastTime,
});

/** Creating, reading and changing events. */
export class Events {
  readonly #context: EventsContext;

  constructor(context: EventsContext) {
    this.#context = context;
  }

  async create(input: NewEvent): Promise<{ event: EventView; created: boolean }> {
    const { gate, ledger, registry } = this.#context;
    refuseUnknown(input, ['id', 'name', 'capacity', 'limitPerUser', 'opensAt', 'closesAt']);
    const spec = specOf(input);
    checkSpec(spec);
    registry.assertServed(spec.id);
    const standing = await registry.snapshotOf(spec.id);
    registry.assertServed(spec.id);
    if (standing === null && (await ledger.event(spec.id)) !== null) throw await registry.explainMissing(spec.id);
    // One that stood a moment ago is not made: were it lost just now, it would begin at slot 1 again.
    const { event, created } = standing === null ? await gate.create(spec) : { event: standing, created: false };
    if (!created && !sameSpec(spec, event.spec)) {
      throw new DibsError('event_exists', `Event ${spec.id} stands with another content.`);
    }
    // Its record is on its way as well; written here too, so that an id that was answered for is never created anew.
    await ledger.putEvent(ledgerEventOf(event));
    if (created) this.#context.recorded(spec.id);
    return { event: presentEvent(event, await gate.now()), created };
  }

  async get(eventId: string): Promise<EventView> {
    const { gate, registry } = this.#context;
    if (!isEventId(eventId)) throw new DibsError('event_not_found', `There is no event ${JSON.stringify(eventId)}.`);
    const event = await registry.snapshotOf(eventId);
    if (event !== null && !registry.isRecovering(eventId)) return presentEvent(event, await gate.now());
    const recovering = await this.#recovering(eventId);
    if (recovering === null) throw await registry.explainMissing(eventId);
    return recovering;
  }

  async list(query: PageQuery): Promise<Page<EventView>> {
    const { gate, registry } = this.#context;
    const limit = limitOf(query);
    const after = query.cursor ?? null;
    if (after !== null && !isEventId(after))
      refuseFaults([{ path: '/cursor', message: 'must be the nextCursor of the page before' }]);
    const now = await gate.now();
    // A gate that was wiped a moment ago lists nothing. Without the ledger its own list is all there is.
    await registry.look(after, limit + 1).catch(unlessUnavailable);
    const views = new Map<string, EventView>();
    for (const event of await gate.list(after, limit + 1)) {
      if (event.fenced === true) await registry.heal(event.spec.id);
      views.set(event.spec.id, presentEvent(event, now));
    }
    for (const view of await this.#recoveringBehind(after, limit + 1)) views.set(view.id, view);
    const inOrder = [...views.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
    return pageOf(
      inOrder.slice(0, limit + 1),
      limit,
      (view) => view,
      (view) => view.id,
    );
  }

  async change(eventId: string, change: EventChange, guard: RevisionGuard): Promise<EventView> {
    refuseUnknown(change, ['name', 'capacity', 'opensAt', 'closesAt']);
    const times = { ...timeChange('opensAt', change.opensAt), ...timeChange('closesAt', change.closesAt) };
    const { name, capacity } = change;
    const wanted: SpecChange = {
      ...(name === undefined ? {} : { name }),
      ...(capacity === undefined ? {} : { capacity }),
      ...times,
    };
    refuseFaults(Object.keys(wanted).length > 0 ? [] : [{ path: '', message: 'must name something to change' }]);
    return this.command(eventId, { act: 'change', change: wanted }, guard);
  }

  async command(eventId: string, command: EventCommand, guard: RevisionGuard): Promise<EventView> {
    const { gate, registry } = this.#context;
    registry.assertServed(eventId);
    const event = await registry.served(eventId, () => gate.command(eventId, command, guard.ifRevision ?? null));
    this.#context.recorded(eventId);
    return presentEvent(event, await gate.now());
  }

  async #recoveringBehind(after: string | null, limit: number): Promise<EventView[]> {
    const views: EventView[] = [];
    for (const eventId of this.#context.registry.recovering) {
      if (views.length === limit) break;
      const view = after === null || eventId > after ? await this.#recovering(eventId) : null;
      if (view !== null) views.push(view);
    }
    return views;
  }

  async #recovering(eventId: string): Promise<EventView | null> {
    const { gate, ledger, registry } = this.#context;
    if (!registry.isRecovering(eventId)) return null;
    const event = await ledger.event(eventId);
    if (event === null) return null;
    return presentRecovering(event, await ledger.lastSlot(eventId), await gate.now());
  }
}

function unlessUnavailable(error: unknown): void {
  if (!(error instanceof DibsError) || error.code !== 'unavailable') throw error;
}

/** A misspelt field must not be taken for one that is absent. */
function refuseUnknown(input: object, known: readonly string[]): void {
  if (typeof input !== 'object' || input === null) refuseFaults([{ path: '', message: 'must be an object' }]);
  const unknown = Object.keys(input).filter((name) => !known.includes(name));
  refuseFaults(unknown.map((name) => ({ path: `/${name}`, message: `is not a field; there are ${known.join(', ')}` })));
}

function specOf(input: NewEvent): EventSpec {
  return {
    id: input.id ?? `event-${randomBytes(6).toString('hex')}`,
    name: input.name,
    capacity: input.capacity,
    limitPerUser: input.limitPerUser ?? 1,
    opensAt: timeOf('opensAt', input.opensAt ?? null),
    closesAt: timeOf('closesAt', input.closesAt ?? null),
  };
}

const timeChange = (name: 'opensAt' | 'closesAt', input: TimeInput | null | undefined): SpecChange =>
  input === undefined ? {} : { [name]: timeOf(name, input) };

function timeOf(name: string, input: TimeInput | null): number | null {
  if (input === null) return null;
  const time = input instanceof Date ? input.getTime() : typeof input === 'string' ? parseRfc3339(input) : null;
  const faults: FieldFault[] = [
    { path: `/${name}`, message: 'must be RFC 3339 with a zone, such as 2026-12-01T12:00:00+09:00' },
  ];
  if (time === null || Number.isNaN(time)) refuseFaults(faults);
  return time;
}
