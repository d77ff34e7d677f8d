import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { EventPhase } from '../../core/event-spec.ts';
import type { Win } from '../../core/win.ts';
import { readSql } from '../../lib/sql-file.ts';
import { type Query, query } from '../../lib/sqlite.ts';

/** A row of `events`. */
export interface EventRow {
  readonly eventNo: number;
  readonly eventId: string;
  readonly name: string;
  readonly capacity: number;
  readonly limitPerUser: number;
  readonly opensAt: number | null;
  readonly closesAt: number | null;
  readonly phase: EventPhase;
  readonly revision: number;
  readonly epoch: number;
  readonly won: number;
  readonly acts: number;
  readonly createdAt: number;
  readonly lastTime: number;
}

/** A row of `acts`. */
export interface ActRow {
  readonly slot: number;
  readonly n: number;
  readonly record: string;
}

/** Every statement of the gate, prepared once; each stands in a file of its own beside this one. */
export interface Statements {
  readonly winBySlot: Query<Win>;
  readonly usersOfEvent: Query<{ readonly slot: number; readonly userId: string }>;
  readonly winsAfter: Query<Win & { readonly revision: number }>;
  readonly insertWin: StatementSync;
  readonly updateWon: StatementSync;
  readonly putEvent: Query<{ readonly eventNo: number }>;
  readonly eventById: Query<EventRow>;
  readonly eventIdsAfter: Query<{ readonly eventId: string }>;
  readonly insertAct: StatementSync;
  readonly noteOpening: StatementSync;
  readonly actsAfter: Query<ActRow>;
}

export function prepareStatements(db: DatabaseSync): Statements {
  const sql = (name: string): string => readSql(import.meta.url, name);
  return {
    winBySlot: query(db, sql('win-by-slot.sql')),
    usersOfEvent: query(db, sql('users-of-event.sql')),
    winsAfter: query(db, sql('wins-after.sql')),
    insertWin: db.prepare(sql('insert-win.sql')),
    updateWon: db.prepare(sql('update-won.sql')),
    putEvent: query(db, sql('put-event.sql')),
    eventById: query(db, sql('event-by-id.sql')),
    eventIdsAfter: query(db, sql('event-ids-after.sql')),
    insertAct: db.prepare(sql('insert-act.sql')),
    noteOpening: db.prepare(sql('note-opening.sql')),
    actsAfter: query(db, sql('acts-after.sql')),
  };
}

/** A win as every caller knows it: SQLite's rows have no prototype, and may carry columns that are the gate's own. */
export const winOf = ({ slot, userId, nth, claimId, key, wonAt }: Win): Win => ({
  slot,
  userId,
  nth,
  claimId,
  key,
  wonAt,
});
