import {
  changedSpec,
  type EventPhase,
  type EventSnapshot,
  type EventSpec,
  isDueToClose,
  type SpecChange,
  sameSpec,
  stateAt,
} from './event-spec.ts';
import { DibsError } from './errors.ts';

/** Everything that can be done to an event; each is recorded as a numbered revision. */
export const eventActs = ['create', 'change', 'pause', 'resume', 'close', 'recover'] as const;
export type EventAct = (typeof eventActs)[number];

/** What an organiser asks of an event that stands. */
export type EventCommand =
  | { readonly act: 'change'; readonly change: SpecChange }
  | { readonly act: 'pause' | 'resume' | 'close' };

/** What a command comes to: a next revision, or null where the event already is what was asked for. */
export interface ActOutcome {
  readonly act: EventAct;
  readonly spec: EventSpec;
  readonly phase: EventPhase;
}

/**
 * Judges a command by the event as it stands at `now`; the same for every gate.
 * Throws `closed`, `revision_mismatch`, `already_open`, `capacity_below_won` or `invalid_request`; then nothing changes.
 */
export function judgeCommand(
  event: EventSnapshot,
  command: EventCommand,
  ifRevision: number | null,
  now: number,
): ActOutcome | null {
  if (ifRevision !== null && ifRevision !== event.revision) {
    throw new DibsError('revision_mismatch', `The event is at revision ${event.revision}, not ${ifRevision}.`, {
      details: { revision: event.revision },
    });
  }
  if (event.phase === 'closed' || isDueToClose(event, now))
    throw new DibsError('closed', 'A closed event stays as it is.');
  const { spec, phase } = event;
  switch (command.act) {
    case 'pause':
      return phase === 'paused' ? null : { act: 'pause', spec, phase: 'paused' };
    case 'resume':
      return phase === 'active' ? null : { act: 'resume', spec, phase: 'active' };
    case 'close':
      return { act: 'close', spec, phase: 'closed' };
    case 'change':
      return judgeChange(event, command.change, now);
  }
}

function judgeChange(event: EventSnapshot, change: SpecChange, now: number): ActOutcome | null {
  const next = changedSpec(event.spec, change);
  if (next.capacity < event.won) {
    throw new DibsError(
      'capacity_below_won',
      `${event.won} have been won already; the capacity cannot be ${next.capacity}.`,
      {
        details: { won: event.won },
      },
    );
  }
  if (next.opensAt !== event.spec.opensAt && stateAt({ ...event, phase: 'active' }, now) !== 'scheduled') {
    throw new DibsError('already_open', 'The opening time of an event that has opened is fixed.');
  }
  return sameSpec(next, event.spec) ? null : { act: 'change', spec: next, phase: event.phase };
}
