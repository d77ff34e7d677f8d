import assert from 'node:assert/strict';
import type { Decision } from '../../core/decision.ts';
import type { EventSnapshot, EventSpec } from '../../core/event-spec.ts';
import { emptyFold, type FoldState, fold } from '../../core/fold.ts';
import type { Gate } from '../../core/gate.ts';
import { compareOutboxIds, type LogRecord, type OutboxId, outboxIdOf, outboxStart } from '../../core/record.ts';
import type { Win } from '../../core/win.ts';

export const minuteMs = 60_000;

/** A spec of event `drop` with 3 places, one a user, open from the start, and `other` than that. */
export const specOf = (other: Partial<EventSpec> = {}): EventSpec => ({
  id: 'drop',
  name: 'Drop',
  capacity: 3,
  limitPerUser: 1,
  opensAt: null,
  closesAt: null,
  ...other,
});

/** Creates an event of `specOf(other)` and gives it as it stands. */
export async function openEvent(gate: Gate, other: Partial<EventSpec> = {}): Promise<EventSnapshot> {
  return (await gate.create(specOf(other))).event;
}

/** One claim of its own batch. */
export async function claim(
  gate: Gate,
  userId: string,
  key: string | null = null,
  eventId = 'drop',
): Promise<Decision> {
  const decisions = await gate.admit(eventId, [{ userId, key }]);
  assert.equal(decisions.length, 1, 'one request has one decision');
  return decisions[0] as Decision;
}

/** The win of a decision that has to be one. */
export function winOf(decision: Decision): Win {
  if (decision.outcome !== 'won') return assert.fail(`should have won: ${JSON.stringify(decision)}`);
  return decision.win;
}

/** A decision in one word: `won`, `replayed`, `key_required` or the reason of its rejection. */
export function verdict(decision: Decision): string {
  if (decision.outcome === 'rejected') return decision.reason;
  return decision.outcome === 'won' && decision.replayed ? 'replayed' : decision.outcome;
}

/** The event as it stands; fails where there is none. */
export async function standing(gate: Gate, eventId = 'drop'): Promise<EventSnapshot> {
  const [event] = await gate.events([eventId]);
  return event ?? assert.fail(`there is no event ${eventId}`);
}

/** Reads an outbox to its end, `winsMax` wins at a time, and checks that each read comes further. */
export async function drain(
  gate: Gate,
  eventId = 'drop',
  after: OutboxId = outboxStart,
  winsMax = 1000,
): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  for (let at = after; ; ) {
    const page = await gate.outbox(eventId, at, winsMax);
    const last = page.at(-1);
    if (last === undefined) return records;
    records.push(...page);
    assert.ok(compareOutboxIds(outboxIdOf(last), at) > 0, `reading on from ${at} must come further`);
    at = outboxIdOf(last);
  }
}

/** Folds `records` upon `state`; a conflict fails the test. */
export function folded(records: readonly LogRecord[], state: FoldState = emptyFold()): FoldState {
  return records.reduce((sum, record) => {
    const next = fold(sum, record);
    return next.ok ? next.state : assert.fail(`conflict: ${next.conflict.message}`);
  }, state);
}

/** What a fold and a snapshot both say. */
export const commonOf = (state: FoldState | EventSnapshot) => ({
  spec: state.spec,
  phase: state.phase,
  revision: state.revision,
  epoch: state.epoch,
  won: state.won,
  acts: state.acts,
  lastTime: state.lastTime,
});

/** Everything that can be seen of an event, to be compared before and after. */
export async function seen(gate: Gate, eventId = 'drop'): Promise<unknown> {
  return {
    event: await standing(gate, eventId),
    wins: await gate.wins(eventId, 0, 1000),
    outbox: await drain(gate, eventId),
  };
}

/** `count` requests of users `<prefix>1` to `<prefix><count>`. */
export const crowd = (count: number, prefix = 'user-', key: string | null = null) =>
  Array.from({ length: count }, (_, index) => ({ userId: `${prefix}${index + 1}`, key }));
