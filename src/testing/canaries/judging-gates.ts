import type { Clock } from '../../core/clock.ts';
import type { Decision } from '../../core/decision.ts';
import type { EventSnapshot } from '../../core/event-spec.ts';
import { DibsError } from '../../core/errors.ts';
import type { Gate } from '../../core/gate.ts';
import type { Win } from '../../core/win.ts';
import { type ModelEvent, type ModelStore, openModelGate } from '../model-gate.ts';
import { wrapGate } from './wrap.ts';

/** A gate that breaks one rule, to show that the suite can fail. */
export interface GateCanary {
  /** What it does wrong, in words. */
  readonly name: string;
  /** Tests of the suite that must fail with it, each by `concern > test`. */
  readonly failsAt: readonly string[];
  /** Opens it on a store of the model's, for the first time or again. */
  open(clock: Pick<Clock, 'now'>, store: ModelStore): Gate;
}

/** Runs `admit` while the event is as `change` says, and puts back what was changed: the gate judges by a false event. */
const judgingBy =
  (change: (event: EventSnapshot) => Partial<EventSnapshot['spec']>) =>
  (clock: Pick<Clock, 'now'>, store: ModelStore): Gate => {
    const gate = openModelGate(clock, store);
    return wrapGate(gate, {
      async admit(eventId, requests) {
        const entry = store.get(eventId);
        if (entry === undefined) return gate.admit(eventId, requests);
        const { spec } = entry.event;
        entry.event = { ...entry.event, spec: { ...spec, ...change(entry.event) } };
        const decisions = await gate.admit(eventId, requests);
        entry.event = { ...entry.event, spec };
        return decisions;
      },
    });
  };

/** Runs `admit` while the earlier wins are as `disguise` makes them: the gate does not know them again. */
const forgetting =
  (disguise: (win: Win, event: EventSnapshot) => Win) =>
  (clock: Pick<Clock, 'now'>, store: ModelStore): Gate => {
    const gate = openModelGate(clock, store);
    return wrapGate(gate, {
      async admit(eventId, requests) {
        const entry = store.get(eventId);
        if (entry === undefined) return gate.admit(eventId, requests);
        const wins = [...entry.wins];
        entry.wins = wins.map((win) => disguise(win, entry.event));
        const decisions = await gate.admit(eventId, requests);
        entry.wins = [...wins, ...entry.wins.slice(wins.length)];
        return decisions;
      },
    });
  };

/** Judges each claim of a batch by what stood before the batch: it does not see its own wins. */
function openShortSighted(clock: Pick<Clock, 'now'>, store: ModelStore): Gate {
  const gate = openModelGate(clock, store);
  return wrapGate(gate, {
    async admit(eventId, requests) {
      const before = store.get(eventId)?.wins.length ?? 0;
      const decisions = await gate.admit(eventId, requests.slice(0, 1));
      for (const request of requests.slice(1)) {
        const entry = store.get(eventId);
        if (entry === undefined) continue;
        const wins = [...entry.wins];
        entry.wins = wins.map((win, index) => (index < before ? win : { ...win, userId: `${win.userId}\0` }));
        decisions.push(...(await gate.admit(eventId, [request])));
        entry.wins = [...wins, ...entry.wins.slice(wins.length)];
      }
      return decisions;
    },
  });
}

/** Puts other wins in place of new ones, in the answer, in the store and in the outbox alike. */
const allotting =
  (change: (win: Win) => Win) =>
  (clock: Pick<Clock, 'now'>, store: ModelStore): Gate => {
    const gate = openModelGate(clock, store);
    return wrapGate(gate, {
      async admit(eventId, requests) {
        const decisions = await gate.admit(eventId, requests);
        const changed = new Map<string, Win>();
        for (const decision of decisions) {
          if (decision.outcome === 'won' && !decision.replayed) changed.set(decision.win.claimId, change(decision.win));
        }
        replaceWins(store.get(eventId), changed);
        return decisions.map(
          (decision): Decision =>
            decision.outcome === 'won'
              ? { ...decision, win: changed.get(decision.win.claimId) ?? decision.win }
              : decision,
        );
      },
    });
  };

function replaceWins(entry: ModelEvent | undefined, changed: ReadonlyMap<string, Win>): void {
  if (entry === undefined) return;
  const other = (win: Win) => changed.get(win.claimId) ?? win;
  entry.wins = entry.wins.map(other);
  entry.outbox = entry.outbox.map((record) =>
    record.type === 'wins' ? { ...record, wins: record.wins.map(other) } : record,
  );
}

/** Gives another decision in place of one that the model has given. */
const answering =
  (change: (decision: Decision, event: EventSnapshot) => Decision) =>
  (clock: Pick<Clock, 'now'>, store: ModelStore): Gate => {
    const gate = openModelGate(clock, store);
    return wrapGate(gate, {
      async admit(eventId, requests) {
        const decisions = await gate.admit(eventId, requests);
        const event = store.get(eventId)?.event;
        return event === undefined ? decisions : decisions.map((decision) => change(decision, event));
      },
    });
  };

const closed: Decision = { outcome: 'rejected', reason: 'closed', wins: [], opensAt: null };
const soldOut: Decision = { outcome: 'rejected', reason: 'sold_out', wins: [], opensAt: null };

/** Gates that judge wrongly. */
export const judgingCanaries: readonly GateCanary[] = [
  {
    name: 'oversells by one',
    failsAt: ['capacity > gives exactly N slots, 1 to N in order, and no more', 'batches > are decided in their order'],
    open: judgingBy(({ spec }) => ({ capacity: spec.capacity + 1 })),
  },
  {
    name: 'sells one place too few',
    failsAt: ['capacity > gives exactly N slots, 1 to N in order, and no more'],
    open: judgingBy(({ spec }) => ({ capacity: Math.max(1, spec.capacity - 1) })),
  },
  {
    name: 'gives a user one more than k',
    failsAt: ['k per user > a user has exactly k, numbered from 1 without a gap'],
    open: judgingBy(({ spec }) => ({ limitPerUser: spec.limitPerUser === 1 ? 1 : spec.limitPerUser + 1 })),
  },
  {
    name: 'counts a duplicate as a new win',
    failsAt: ['replay and keys > where one is all, a repeat is a replay under any key'],
    open: forgetting((win, { spec }) => (spec.limitPerUser === 1 ? { ...win, userId: `${win.userId}\0` } : win)),
  },
  {
    name: 'forgets a key',
    failsAt: ['replay and keys > the same key gives the same win, and takes no place'],
    open: forgetting((win) => ({ ...win, key: null })),
  },
  {
    name: 'does not see the wins of its own batch',
    failsAt: ['batches > the same user several times: one win, the rest replays of it'],
    open: openShortSighted,
  },
  {
    name: 'judges a replay after closed',
    failsAt: ['precedence, one a user > closed: a user with one and no key: replayed'],
    open: answering((decision, { phase }) =>
      phase === 'closed' && decision.outcome === 'won' && decision.replayed ? closed : decision,
    ),
  },
  {
    name: 'says sold_out before limit_reached',
    failsAt: ['precedence, two a user > sold out: a user with full and key new: limit_reached'],
    open: answering((decision, { won, spec }) =>
      decision.outcome === 'rejected' && decision.reason === 'limit_reached' && won === spec.capacity
        ? soldOut
        : decision,
    ),
  },
  {
    name: 'says a replay is a new win',
    failsAt: ['replay and keys > the same key gives the same win, and takes no place'],
    open: answering((decision) => (decision.outcome === 'won' ? { ...decision, replayed: false } : decision)),
  },
  {
    name: 'gives a slot twice',
    failsAt: [
      'capacity > gives exactly N slots, 1 to N in order, and no more',
      'the outbox > folds without conflict to what stands',
    ],
    open: allotting((win) => (win.slot === 3 ? { ...win, slot: 2 } : win)),
  },
  {
    name: 'leaves a gap in the slots',
    failsAt: [
      'capacity > gives exactly N slots, 1 to N in order, and no more',
      'the outbox > has every win once, in slot order, without a gap',
    ],
    open: allotting((win) => (win.slot >= 3 ? { ...win, slot: win.slot + 1 } : win)),
  },
  {
    name: 'counts the wins of a user from 0',
    failsAt: ['k per user > a user has exactly k, numbered from 1 without a gap'],
    open: allotting((win) => ({ ...win, nth: win.nth - 1 })),
  },
  {
    name: 'makes the same claim id for two wins',
    failsAt: ['replay and keys > a win is all that it says, and names itself'],
    open: allotting((win) => ({ ...win, claimId: '1-000000000000' })),
  },
  {
    name: 'lowers the capacity below what is won',
    failsAt: ['capacity > is never lowered below what is won'],
    open(clock, store) {
      const gate = openModelGate(clock, store);
      return wrapGate(gate, {
        async command(eventId, command, ifRevision) {
          return gate.command(eventId, command, ifRevision).catch(async (error: unknown) => {
            const entry = store.get(eventId);
            if (!(error instanceof DibsError) || error.code !== 'capacity_below_won' || entry === undefined)
              throw error;
            if (command.act !== 'change') throw error;
            const { capacity, ...rest } = command.change;
            const spec = { ...entry.event.spec, ...rest, capacity: capacity ?? entry.event.spec.capacity };
            entry.event = { ...entry.event, spec };
            return entry.event;
          });
        },
      });
    },
  },
];
