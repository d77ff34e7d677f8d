import type { Clock } from '../../core/clock.ts';
import { DibsError, type TroubleCode } from '../../core/errors.ts';
import type { Gate } from '../../core/gate.ts';
import { type ModelEvent, type ModelStore, openModelGate } from '../model-gate.ts';
import type { GateCanary } from './judging-gates.ts';
import { wrapGate } from './wrap.ts';

type Break = (gate: Gate, store: ModelStore, clock: Pick<Clock, 'now'>) => Partial<Gate>;

const breaking = (replace: Break) => (clock: Pick<Clock, 'now'>, store: ModelStore) => {
  const gate = openModelGate(clock, store);
  return wrapGate(gate, replace(gate, store, clock));
};

/** Where a command throws `code`, does to the event what `instead` does, and answers as if all were well. */
const allowing = (code: TroubleCode, instead: (entry: ModelEvent) => void) =>
  breaking((gate, store) => ({
    command: (eventId, command, ifRevision) =>
      gate.command(eventId, command, ifRevision).catch((error: unknown) => {
        const entry = store.get(eventId);
        if (!(error instanceof DibsError) || error.code !== code || entry === undefined) throw error;
        instead(entry);
        return entry.event;
      }),
  }));

/** Opens the model on a clock that goes wrong by so many milliseconds. */
const openLateBy = (ms: number) => (clock: Pick<Clock, 'now'>, store: ModelStore) =>
  openModelGate({ now: () => clock.now() - ms }, store);

/** Gates that keep events badly, whatever they do with claims. */
export const managingCanaries: readonly GateCanary[] = [
  {
    name: 'makes an event anew where one stands',
    failsAt: ['creating an event > again with the same content gives the one that stands'],
    open: breaking((gate, store) => ({
      create(spec) {
        store.delete(spec.id);
        return gate.create(spec);
      },
    })),
  },
  {
    name: 'changes the event that stands when another is created',
    failsAt: ['creating an event > again with another content changes nothing and gives the one that stands'],
    open: breaking((gate, store) => ({
      async create(spec) {
        const made = await gate.create(spec);
        const entry = store.get(spec.id);
        if (entry !== undefined) entry.event = { ...entry.event, spec };
        return made;
      },
    })),
  },
  {
    name: 'counts a revision for a command that changes nothing',
    failsAt: [
      'commands > that change nothing are no revision',
      'commands > guarded by the revision that stands are done',
    ],
    open: breaking((gate, store) => ({
      async command(eventId, command, ifRevision) {
        const before = store.get(eventId)?.event;
        const event = await gate.command(eventId, command, ifRevision);
        const entry = store.get(eventId);
        if (event !== before || entry === undefined) return event;
        entry.event = { ...event, revision: event.revision + 1 };
        return entry.event;
      },
    })),
  },
  {
    name: 'takes commands of a closed event',
    failsAt: [
      'refused commands leave everything unchanged > closed, for whatever is asked of it, closing again included',
      'refused commands leave everything unchanged > closed, once time has closed it',
    ],
    open: allowing('closed', () => undefined),
  },
  {
    name: 'moves the opening of an event that is open',
    failsAt: ['refused commands leave everything unchanged > already_open'],
    open: allowing('already_open', () => undefined),
  },
  {
    name: 'does half of a change that it refuses',
    failsAt: ['refused commands leave everything unchanged > a change is done whole or not at all'],
    open: breaking((gate, store) => ({
      command: (eventId, command, ifRevision) =>
        gate.command(eventId, command, ifRevision).catch((error: unknown) => {
          const entry = store.get(eventId);
          if (entry !== undefined && command.act === 'change' && command.change.name !== undefined)
            entry.event = { ...entry.event, spec: { ...entry.event.spec, name: command.change.name } };
          throw error;
        }),
    })),
  },
  {
    name: 'is a millisecond late',
    failsAt: [
      'opening and closing by time > opens at its opening time, to the millisecond',
      'opening and closing by time > closes at its closing time, to the millisecond',
      'checking and closing > its clock is that which judges',
    ],
    open: openLateBy(1),
  },
  {
    name: 'does not say when it opens',
    failsAt: ['what a rejection carries > not_open says when it opens'],
    open: breaking((gate) => ({
      async admit(eventId, requests) {
        const decisions = await gate.admit(eventId, requests);
        return decisions.map((one) => (one.outcome === 'rejected' ? { ...one, opensAt: null } : one));
      },
    })),
  },
  {
    name: 'takes user and key for one text',
    failsAt: ['ids, byte for byte > a user and a key never run into one another'],
    open: breaking((gate) => {
      const owners = new Map<string, string>();
      return {
        admit(eventId, requests) {
          const joined = requests.map(({ userId, key }) => {
            const text = `${eventId} ${userId}${key ?? ''}`;
            const owner = owners.get(text) ?? JSON.stringify({ userId, key });
            owners.set(text, owner);
            return JSON.parse(owner) as { userId: string; key: string | null };
          });
          return gate.admit(eventId, joined);
        },
      };
    }),
  },
  {
    name: 'gives events in an order of its own',
    failsAt: [
      'listing and paging > events are given in the order asked for, null where there is none, twice where asked twice',
    ],
    open: breaking((gate) => ({
      events: async (eventIds) => gate.events([...new Set(eventIds)].toSorted()),
    })),
  },
  {
    name: 'takes an event that is not there for an empty one',
    failsAt: ['refused commands leave everything unchanged > event_not_found'],
    open: breaking((gate, store) => ({
      admit: async (eventId, requests) => (store.has(eventId) ? gate.admit(eventId, requests) : []),
    })),
  },
  {
    name: 'goes on once it is closed',
    failsAt: ['checking and closing > a gate that is closed is unavailable, and closing it twice is harmless'],
    open: breaking(() => ({ close: async () => undefined })),
  },
  {
    name: 'forgets the last command',
    failsAt: ['reopening the store > finds the last command'],
    open(clock, store) {
      const before = undone.get(store);
      if (before !== undefined) store.set(before.event.spec.id, before);
      undone.delete(store);
      const gate = openModelGate(clock, store);
      return wrapGate(gate, {
        command(eventId, command, ifRevision) {
          const entry = store.get(eventId);
          if (entry !== undefined) undone.set(store, structuredClone(entry));
          return gate.command(eventId, command, ifRevision);
        },
        admit(eventId, requests) {
          undone.delete(store);
          return gate.admit(eventId, requests);
        },
      });
    },
  },
  {
    name: 'restores every event open',
    failsAt: ['restoring an event > of a closed event leaves it closed'],
    open: breaking((gate) => ({
      restore: (one) => gate.restore({ ...one, event: { ...one.event, phase: 'active' } }),
    })),
  },
];

const undone = new WeakMap<ModelStore, ModelEvent>();
