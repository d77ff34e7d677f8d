import type { Clock } from '../../core/clock.ts';
import { DibsError } from '../../core/errors.ts';
import type { Gate } from '../../core/gate.ts';
import { type ModelStore, openModelGate } from '../model-gate.ts';
import type { GateCanary } from './judging-gates.ts';
import { wrapGate } from './wrap.ts';

type Break = (gate: Gate, store: ModelStore, clock: Pick<Clock, 'now'>) => Partial<Gate>;

const breaking = (replace: Break) => (clock: Pick<Clock, 'now'>, store: ModelStore) => {
  const gate = openModelGate(clock, store);
  return wrapGate(gate, replace(gate, store, clock));
};

/** Runs `act` while the event is served, and puts the fence up again behind it. */
async function unfencedFor<T>(store: ModelStore, eventId: string, act: () => Promise<T>): Promise<T> {
  const entry = store.get(eventId);
  if (entry?.event.fenced !== true) return await act();
  const { fenced: _, ...event } = entry.event;
  entry.event = event;
  try {
    return await act();
  } finally {
    entry.event = { ...entry.event, fenced: true };
  }
}

/** Gates that are wrong about what they share: with other processes, with log and ledger, with workers. */
export const sharingCanaries: readonly GateCanary[] = [
  {
    name: 'loses a piece of a scan',
    failsAt: ['scanning all wins > gives every win, in pieces of any size'],
    open: breaking((gate) => ({
      async scan(eventId, cursor, limit) {
        const piece = await gate.scan(eventId, cursor, limit);
        return cursor === null ? piece : { ...piece, wins: piece.wins.slice(1) };
      },
    })),
  },
  {
    name: 'scans what is left of the outbox',
    failsAt: ['scanning all wins > forgets none that the outbox has been trimmed of'],
    open: breaking((gate) => ({
      scan: async (eventId, _cursor, _limit) => ({ wins: await gate.wins(eventId, 0, 10_000), cursor: null }),
    })),
  },
  {
    name: 'scans all events as one',
    failsAt: ['scanning all wins > of one event has none of another'],
    open: breaking((_gate, store) => ({
      scan: async () => ({ wins: [...store.values()].flatMap((entry) => entry.wins), cursor: null }),
    })),
  },
  {
    name: 'covers whatever is asked',
    failsAt: [
      'covering what others know > an event that is served says whether it covers that, and stays as it is',
      'an event whose store is another process now > stays fenced where it has less than is known, of wins or of revisions',
    ],
    open: breaking((gate, store) => ({
      async unfence(eventId, _cover) {
        await gate.unfence(eventId, { won: 0, revision: 0 });
        return store.has(eventId);
      },
    })),
  },
  {
    name: 'looks only at the wins that it has to cover',
    failsAt: [
      'an event whose store is another process now > stays fenced where it has less than is known, of wins or of revisions',
    ],
    open: breaking((gate) => ({ unfence: (eventId, { won }) => gate.unfence(eventId, { won, revision: 0 }) })),
  },
  {
    name: 'takes an event that is not there for one that is covered',
    failsAt: ['covering what others know > of an event that is not there is event_not_found'],
    open: breaking((gate, store) => ({
      unfence: async (eventId, cover) => (store.has(eventId) ? gate.unfence(eventId, cover) : true),
    })),
  },
  {
    name: 'decides claims behind a fence',
    failsAt: [
      'an event whose store is another process now > decides nothing: neither claims, nor repeats, nor commands',
    ],
    open: breaking((gate, store) => ({
      admit: (eventId, requests) => unfencedFor(store, eventId, () => gate.admit(eventId, requests)),
    })),
  },
  {
    name: 'takes commands behind a fence',
    failsAt: [
      'an event whose store is another process now > decides nothing: neither claims, nor repeats, nor commands',
    ],
    open: breaking((gate, store) => ({
      command: (eventId, command, ifRevision) =>
        unfencedFor(store, eventId, () => gate.command(eventId, command, ifRevision)),
    })),
  },
  {
    name: 'closes events behind a fence',
    failsAt: ['an event whose store is another process now > is not closed by time while it is fenced'],
    open: breaking((gate, store) => ({
      events: async (eventIds) => {
        const events = [];
        for (const eventId of eventIds) {
          const [event = null] = await unfencedFor(store, eventId, () => gate.events([eventId]));
          events.push(event === null ? null : (store.get(eventId)?.event ?? event));
        }
        return events;
      },
    })),
  },
  {
    name: 'does not show a fence',
    failsAt: ['an event whose store is another process now > is shown as fenced, and as it stands otherwise'],
    open: breaking((gate) => ({
      async events(eventIds) {
        const events = await gate.events(eventIds);
        return events.map((event) => {
          if (event === null) return null;
          const { fenced: _, ...rest } = event;
          return rest;
        });
      },
    })),
  },
  {
    name: 'does not say that a fence is why it recovers',
    failsAt: [
      'an event whose store is another process now > decides nothing: neither claims, nor repeats, nor commands',
    ],
    open: breaking((gate) => ({
      admit: (eventId, requests) =>
        gate.admit(eventId, requests).catch((error: unknown) => {
          throw error instanceof DibsError ? new DibsError(error.code) : error;
        }),
    })),
  },
  {
    name: 'hides wins behind a fence',
    failsAt: ['an event whose store is another process now > still tells its wins and its outbox'],
    open: breaking((gate, store) => ({
      winsOfUser: async (eventId, userId) =>
        store.get(eventId)?.event.fenced === true ? [] : gate.winsOfUser(eventId, userId),
    })),
  },
  {
    name: 'counts serving on as a revision',
    failsAt: ['an event whose store is another process now > is served on where it covers what is known, as it stood'],
    open: breaking((gate, store) => ({
      async unfence(eventId, cover) {
        const wasFenced = store.get(eventId)?.event.fenced === true;
        const isServed = await gate.unfence(eventId, cover);
        const entry = store.get(eventId);
        if (isServed && wasFenced && entry !== undefined)
          entry.event = { ...entry.event, revision: entry.event.revision + 1 };
        return isServed;
      },
    })),
  },
  {
    name: 'takes down every fence at once',
    failsAt: ['an event whose store is another process now > is shown as fenced, and as it stands otherwise'],
    open: breaking((gate, store) => ({
      async list(after, limit) {
        for (const [eventId, { event }] of store)
          if (event.fenced === true) await gate.unfence(eventId, { won: 0, revision: 0 });
        return gate.list(after, limit);
      },
    })),
  },
  {
    name: 'does not count itself among those that are there',
    failsAt: ['attendance of workers > gives all that are there, in byte order, the one that asks among them'],
    open: breaking((gate) => ({
      attend: async (worker, forMs) => (await gate.attend(worker, forMs)).filter((name) => name !== worker),
    })),
  },
  {
    name: 'names workers in the order of words',
    failsAt: ['attendance of workers > gives all that are there, in byte order, the one that asks among them'],
    open: breaking((gate) => ({
      attend: async (worker, forMs) => (await gate.attend(worker, forMs)).sort((a, b) => a.localeCompare(b, 'en')),
    })),
  },
  {
    name: 'keeps workers that have left',
    failsAt: ['attendance of workers > is over at once for who leaves'],
    open: breaking(() => ({ leave: async () => undefined })),
  },
  {
    name: 'keeps workers for ever',
    failsAt: ['attendance of workers > is over when its time has run out, and lasts for who goes on saying so'],
    open: breaking((gate) => ({ attend: (worker) => gate.attend(worker, 1e12) })),
  },
];
