import type { EventPhase, EventSpec } from './event-spec.ts';
import type { EventRecord, LogRecord, WinsRecord } from './record.ts';
import type { Win } from './win.ts';

/** What the records of one event come to. Owned by the fold: `users` and `claimIds` grow in place, as copies of millions would cost too much. */
export interface FoldState {
  readonly spec: EventSpec | null;
  readonly phase: EventPhase;
  readonly revision: number;
  readonly epoch: number;
  readonly won: number;
  /** How many event records followed the last win. */
  readonly acts: number;
  readonly lastTime: number;
  /** Wins of each user so far. */
  readonly users: Map<string, number>;
  /** The claim id of slot s at index s - 1. */
  readonly claimIds: string[];
}

/** A record that contradicts what came before it: it stops its event and is never skipped. */
export interface Conflict {
  readonly eventId: string;
  readonly slot: number | null;
  readonly message: string;
}

export type FoldResult =
  | { readonly ok: true; readonly state: FoldState }
  | { readonly ok: false; readonly conflict: Conflict };

/** The state before an event's first record. */
export const emptyFold = (): FoldState => ({
  spec: null,
  phase: 'active',
  revision: 0,
  epoch: 0,
  won: 0,
  acts: 0,
  lastTime: 0,
  users: new Map(),
  claimIds: [],
});

/**
 * The one meaning of a record: state x record -> state. First occurrences must come in order without a gap; a repeat is
 * harmless; whatever contradicts is a conflict. Takes ownership of `state`.
 */
export function fold(state: FoldState, record: LogRecord): FoldResult {
  return record.type === 'event' ? foldEvent(state, record) : foldWins(state, record);
}

const conflict = (eventId: string, slot: number | null, message: string): FoldResult => ({
  ok: false,
  conflict: { eventId, slot, message },
});

function foldEvent(state: FoldState, record: EventRecord): FoldResult {
  if (record.revision <= state.revision) return { ok: true, state };
  // A ledger keeps only the latest revision, so what is rebuilt from one may begin at any; from then on each follows the last.
  if (state.spec !== null && record.revision !== state.revision + 1) {
    return conflict(record.eventId, null, `revision ${record.revision} follows revision ${state.revision}`);
  }
  if (state.spec !== null && record.won !== state.won) {
    return conflict(
      record.eventId,
      null,
      `revision ${record.revision} was made at slot ${record.won}, but ${state.won} were won`,
    );
  }
  if (record.spec.capacity < state.won) {
    return conflict(
      record.eventId,
      null,
      `revision ${record.revision} lowers the capacity to ${record.spec.capacity}, but ${state.won} were won`,
    );
  }
  return {
    ok: true,
    state: {
      ...state,
      spec: record.spec,
      phase: record.phase,
      revision: record.revision,
      epoch: record.epoch,
      acts: record.n,
      lastTime: Math.max(state.lastTime, record.time),
    },
  };
}

function foldWins(state: FoldState, record: WinsRecord): FoldResult {
  const { spec } = state;
  if (spec === null)
    return conflict(record.eventId, record.wins[0]?.slot ?? null, 'wins of an event that was not created');
  let { won, lastTime } = state;
  for (const win of record.wins) {
    if (win.slot <= won) {
      const owner = state.claimIds[win.slot - 1] ?? 'no win';
      if (owner === win.claimId) continue;
      return conflict(record.eventId, win.slot, `slot ${win.slot} belongs to ${owner}, not to ${win.claimId}`);
    }
    const message = faultOf(win, won, state.users.get(win.userId) ?? 0, spec);
    if (message !== null) return conflict(record.eventId, win.slot, message);
    won = win.slot;
    lastTime = Math.max(lastTime, win.wonAt);
    state.users.set(win.userId, win.nth);
    state.claimIds.push(win.claimId);
  }
  if (won === state.won) return { ok: true, state };
  return { ok: true, state: { ...state, won, lastTime, acts: 0 } };
}

function faultOf(win: Win, won: number, hasWon: number, spec: EventSpec): string | null {
  if (win.slot !== won + 1) return `slot ${win.slot} follows slot ${won}`;
  if (win.slot > spec.capacity) return `slot ${win.slot} of a capacity of ${spec.capacity}`;
  if (win.nth !== hasWon + 1) return `win ${win.nth} of user ${win.userId} follows win ${hasWon}`;
  if (win.nth > spec.limitPerUser) return `win ${win.nth} of user ${win.userId}, who may have ${spec.limitPerUser}`;
  return null;
}
