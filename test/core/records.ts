/** Records of event `drop` for the tests of what reads them. */
import type { EventSpec } from '../../src/core/event-spec.ts';
import type { EventRecord, WinsRecord } from '../../src/core/record.ts';
import type { Win } from '../../src/core/win.ts';

export const specOf = (other: Partial<EventSpec> = {}): EventSpec => ({
  id: 'drop',
  name: 'Drop',
  capacity: 10,
  limitPerUser: 2,
  opensAt: null,
  closesAt: null,
  ...other,
});

export const winAt = (slot: number, other: Partial<Win> = {}): Win => ({
  slot,
  userId: `user-${slot}`,
  nth: 1,
  claimId: `${slot}-${slot.toString(16).padStart(12, '0')}`,
  key: null,
  wonAt: 100 + slot,
  ...other,
});

export const eventRecord = (revision: number, other: Partial<EventRecord> = {}): EventRecord => ({
  v: 1,
  type: 'event',
  eventId: 'drop',
  epoch: 1,
  revision,
  act: revision === 1 ? 'create' : 'change',
  spec: specOf(),
  phase: 'active',
  won: 0,
  n: revision,
  time: 100,
  ...other,
});

export const winsRecord = (...wins: Win[]): WinsRecord => ({
  v: 1,
  type: 'wins',
  eventId: 'drop',
  epoch: 1,
  revision: 1,
  wins,
});
