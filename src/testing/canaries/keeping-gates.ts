import type { Clock } from '../../core/clock.ts';
import type { AdmitRequest, Gate } from '../../core/gate.ts';
import type { LogRecord } from '../../core/record.ts';
import { type ModelStore, openModelGate } from '../model-gate.ts';
import type { GateCanary } from './judging-gates.ts';
import { wrapGate } from './wrap.ts';

/** Gives the outbox as `change` makes it of the page that was to be given. */
const telling =
  (change: (page: LogRecord[]) => LogRecord[]) =>
  (clock: Pick<Clock, 'now'>, store: ModelStore): Gate => {
    const gate = openModelGate(clock, store);
    return wrapGate(gate, {
      outbox: async (eventId, after, winsMax) => change(await gate.outbox(eventId, after, winsMax)),
    });
  };

/** Knows users by what `nameOf` makes of their ids: the first spelling that comes is theirs for ever. */
const knowingBy =
  (nameOf: (userId: string) => string) =>
  (clock: Pick<Clock, 'now'>, store: ModelStore): Gate => {
    const gate = openModelGate(clock, store);
    const known = (eventId: string, userId: string) =>
      store.get(eventId)?.wins.find((win) => nameOf(win.userId) === nameOf(userId))?.userId ?? userId;
    return wrapGate(gate, {
      async admit(eventId, requests) {
        const decisions = [];
        for (const { userId, key } of requests) {
          decisions.push(...(await gate.admit(eventId, [{ userId: known(eventId, userId), key }])));
        }
        return decisions;
      },
      winsOfUser: (eventId, userId) => gate.winsOfUser(eventId, known(eventId, userId)),
    });
  };

/** A store that is written only when the next call comes: what was answered last is gone when it is opened again. */
function openLate(clock: Pick<Clock, 'now'>, store: ModelStore): Gate {
  const unwritten = written.get(store);
  if (unwritten !== undefined) {
    store.clear();
    for (const [id, entry] of structuredClone(unwritten)) store.set(id, entry);
  }
  const gate = openModelGate(clock, store);
  const remember = () => written.set(store, structuredClone(store));
  remember();
  return wrapGate(gate, {
    admit(eventId: string, requests: readonly AdmitRequest[]) {
      remember();
      return gate.admit(eventId, requests);
    },
    async create(spec) {
      const made = await gate.create(spec);
      remember();
      return made;
    },
    async command(eventId, command, ifRevision) {
      const event = await gate.command(eventId, command, ifRevision);
      remember();
      return event;
    },
  });
}
const written = new WeakMap<ModelStore, ModelStore>();

/** Takes back each end by time that the model has put on record, so that the clock alone says what is closed. */
function openForgetfulOfTime(clock: Pick<Clock, 'now'>, store: ModelStore): Gate {
  const gate = openModelGate(clock, store);
  const takeBack = async <T>(act: () => Promise<T>): Promise<T> => {
    const before = structuredClone(store);
    const value = await act();
    for (const [id, entry] of store) {
      const stood = before.get(id);
      const last = entry.outbox.at(-1);
      if (stood === undefined || last?.type !== 'event' || last.act !== 'close') continue;
      if (stood.event.phase !== 'closed') store.set(id, stood);
    }
    return value;
  };
  return wrapGate(gate, {
    admit: (eventId, requests) => takeBack(() => gate.admit(eventId, requests)),
    events: (eventIds) => takeBack(() => gate.events(eventIds)),
    list: (after, limit) => takeBack(() => gate.list(after, limit)),
  });
}

/** Gates that judge well and keep badly. */
export const keepingCanaries: readonly GateCanary[] = [
  {
    name: 'drops a batch from the outbox',
    failsAt: [
      'the outbox > has every win once, in slot order, without a gap',
      'the outbox > folds without conflict to what stands',
    ],
    open: telling((page) => page.filter((one) => one.type === 'event' || one.wins[0]?.slot !== 2)),
  },
  {
    name: 'tells the outbox out of order',
    failsAt: ['the outbox > its places grow and its end is where the event says'],
    open: telling((page) => page.toReversed()),
  },
  {
    name: 'leaves commands out of the outbox',
    failsAt: [
      'commands > are numbered, recorded and fold to what stands',
      'the outbox > has every revision once, each at the slot where it was made',
    ],
    open: telling((page) => page.filter((one) => one.type === 'wins' || one.act !== 'pause')),
  },
  {
    name: 'answers before it is durable',
    failsAt: ['reopening the store > finds what was answered last, whatever it was'],
    open: openLate,
  },
  {
    name: 'reopens a closed event when the clock steps back',
    failsAt: ['steps of the clock > ten minutes back: closed by time stays closed'],
    open: openForgetfulOfTime,
  },
  {
    name: 'lets its clock run back',
    failsAt: ['steps of the clock > ten minutes back: what is recorded never runs backwards'],
    open(clock, store) {
      const gate = openModelGate(clock, store);
      return wrapGate(gate, {
        admit(eventId, requests) {
          const entry = store.get(eventId);
          if (entry !== undefined) entry.event = { ...entry.event, lastTime: 0 };
          return gate.admit(eventId, requests);
        },
      });
    },
  },
  {
    name: 'knows users without regard to case',
    failsAt: ['ids, byte for byte > every user is a user of its own'],
    open: knowingBy((userId) => userId.toLowerCase()),
  },
  {
    name: 'cuts long user ids',
    failsAt: ['ids, byte for byte > every user is a user of its own'],
    open: knowingBy((userId) => userId.slice(0, 127)),
  },
  {
    name: 'gives a place away with a refusal',
    failsAt: ['capacity > no refusal and no replay takes a place'],
    open(clock, store) {
      const gate = openModelGate(clock, store);
      return wrapGate(gate, {
        async admit(eventId, requests) {
          const decisions = await gate.admit(eventId, requests);
          const refused = decisions.some((one) => one.outcome === 'rejected' && one.reason === 'paused');
          const entry = store.get(eventId);
          if (!refused || entry === undefined) return decisions;
          // As a counter does that is raised before the question whether it may be.
          const { spec, phase } = entry.event;
          entry.event = { ...entry.event, phase: 'active', spec: { ...spec, limitPerUser: 1 } };
          await gate.admit(eventId, [{ userId: `ghost-${entry.wins.length}`, key: 'ghost' }]);
          entry.event = { ...entry.event, phase, spec };
          return decisions;
        },
      });
    },
  },
  {
    name: 'forgets its wins when it is trimmed',
    failsAt: ['trimming the outbox > forgets no win of a user and no key'],
    open(clock, store) {
      const gate = openModelGate(clock, store);
      return wrapGate(gate, {
        async trim(eventId, upTo) {
          await gate.trim(eventId, upTo);
          const entry = store.get(eventId);
          if (entry !== undefined) entry.wins = entry.wins.map((win) => ({ ...win, userId: '\0' }));
        },
      });
    },
  },
  {
    name: 'trims one record too many',
    failsAt: ['trimming the outbox > leaves everything behind the place that it names'],
    open(clock, store) {
      const gate = openModelGate(clock, store);
      return wrapGate(gate, {
        async trim(eventId, upTo) {
          await gate.trim(eventId, upTo);
          store.get(eventId)?.outbox.shift();
        },
      });
    },
  },
  {
    name: 'lists events as they were made',
    failsAt: ['listing and paging > events come in byte order of their ids, in pages of any size'],
    open(clock, store) {
      const gate = openModelGate(clock, store);
      return wrapGate(gate, {
        async list(after, limit) {
          const ids = [...store.keys()];
          const from = after === null ? 0 : ids.indexOf(after) + 1;
          const events = await gate.events(ids.slice(from, from + limit));
          return events.filter((event) => event !== null);
        },
      });
    },
  },
  {
    name: 'does not look at the revision that a command is meant for',
    failsAt: ['refused commands leave everything unchanged > revision_mismatch, before every other reason'],
    open(clock, store) {
      const gate = openModelGate(clock, store);
      return wrapGate(gate, { command: (eventId, command) => gate.command(eventId, command, null) });
    },
  },
  {
    name: 'restores upon whatever stands',
    failsAt: [
      'restoring an event > goes by what has to stand there still: nothing',
      'restoring an event > goes by what has to stand there still: an event that has come just so far',
    ],
    open(clock, store) {
      const gate = openModelGate(clock, store);
      return wrapGate(gate, { restore: ({ event, wins }) => gate.restore({ event, wins }) });
    },
  },
  {
    name: 'looks at the wins alone of what a restoration goes by',
    failsAt: ['restoring an event > goes by what has to stand there still: an event that has come just so far'],
    open(clock, store) {
      const gate = openModelGate(clock, store);
      return wrapGate(gate, {
        async restore({ event, wins, ifStanding }) {
          const won = store.get(event.spec.id)?.event.won ?? null;
          return ifStanding !== undefined && (ifStanding?.won ?? null) !== won ? null : gate.restore({ event, wins });
        },
      });
    },
  },
  {
    name: 'says that an outbox ends with its wins',
    failsAt: ['listing and paging > extents say how far each outbox goes'],
    open(clock, store) {
      const gate = openModelGate(clock, store);
      return wrapGate(gate, {
        async extents(after, limit) {
          const extents = await gate.extents(after, limit);
          return extents.map((one) => ({ ...one, end: `${store.get(one.eventId)?.event.won ?? 0}-0` as const }));
        },
      });
    },
  },
  {
    name: 'shows no extent behind the first page',
    failsAt: ['listing and paging > extents come in byte order of their ids, in pages of any size'],
    open(clock, store) {
      const gate = openModelGate(clock, store);
      return wrapGate(gate, { extents: async (after, limit) => (after === null ? gate.extents(null, limit) : []) });
    },
  },
  {
    name: 'restores an event without its wins',
    failsAt: ['restoring an event > replays its wins and counts them'],
    open(clock, store) {
      const gate = openModelGate(clock, store);
      return wrapGate(gate, { restore: (one) => gate.restore({ ...one, wins: [] }) });
    },
  },
];
