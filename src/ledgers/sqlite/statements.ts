import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Coupon, FailedIssuance, FailedIssuanceState } from '../../core/coupon.ts';
import type { EventPhase, EventSpec } from '../../core/event-spec.ts';
import type { RateState } from '../../core/issue-rate.ts';
import type { LedgerEvent, LedgerTotals, StoppedEvent } from '../../core/ledger.ts';
import { readSql } from '../../lib/sql-file.ts';
import { type Query, query } from '../../lib/sqlite.ts';

/** A row of `events`. */
export interface EventRow {
  readonly eventId: string;
  readonly spec: string;
  readonly state: EventPhase;
  readonly revision: number;
  readonly epoch: number;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** Every statement of the ledger, prepared once; each stands in a file of its own beside this one. */
export interface Statements {
  readonly putEvent: StatementSync;
  readonly eventById: Query<EventRow>;
  readonly eventsAfter: Query<EventRow>;
  readonly insertCoupon: StatementSync;
  readonly couponBySlot: Query<Coupon>;
  readonly couponsAfter: Query<Coupon>;
  readonly couponOwner: Query<{ readonly slot: number }>;
  readonly position: Query<{ readonly position: string }>;
  readonly movePosition: StatementSync;
  readonly insertFailure: StatementSync;
  readonly failureById: Query<FailedIssuance>;
  readonly failureBySlot: Query<FailedIssuance>;
  readonly failures: Query<FailedIssuance>;
  readonly failuresDue: Query<FailedIssuance>;
  readonly failureTotals: Query<{ readonly state: FailedIssuanceState; readonly count: number }>;
  readonly totals: Query<LedgerTotals>;
  readonly lastSlot: Query<{ readonly lastSlot: number }>;
  readonly settleFailure: StatementSync;
  readonly postponeFailure: StatementSync;
  readonly rate: Query<RateState>;
  readonly putRate: StatementSync;
  readonly stopEvent: StatementSync;
  readonly stoppedEvents: Query<StoppedEvent>;
  readonly unstopEvent: StatementSync;
  readonly makeDue: StatementSync;
}

export function prepareStatements(db: DatabaseSync): Statements {
  const sql = (name: string): string => readSql(import.meta.url, name);
  return {
    putEvent: db.prepare(sql('put-event.sql')),
    eventById: query(db, sql('event-by-id.sql')),
    eventsAfter: query(db, sql('events-after.sql')),
    insertCoupon: db.prepare(sql('insert-coupon.sql')),
    couponBySlot: query(db, sql('coupon-by-slot.sql')),
    couponsAfter: query(db, sql('coupons-after.sql')),
    couponOwner: query(db, sql('coupon-owner.sql')),
    position: query(db, sql('position.sql')),
    movePosition: db.prepare(sql('move-position.sql')),
    insertFailure: db.prepare(sql('insert-failure.sql')),
    failureById: query(db, sql('failure-by-id.sql')),
    failureBySlot: query(db, sql('failure-by-slot.sql')),
    failures: query(db, sql('failures.sql')),
    failuresDue: query(db, sql('failures-due.sql')),
    failureTotals: query(db, sql('failure-totals.sql')),
    totals: query(db, sql('totals.sql')),
    lastSlot: query(db, sql('last-slot.sql')),
    settleFailure: db.prepare(sql('settle-failure.sql')),
    postponeFailure: db.prepare(sql('postpone-failure.sql')),
    rate: query(db, sql('rate.sql')),
    putRate: db.prepare(sql('put-rate.sql')),
    stopEvent: db.prepare(sql('stop-event.sql')),
    stoppedEvents: query(db, sql('stopped-events.sql')),
    unstopEvent: db.prepare(sql('unstop-event.sql')),
    makeDue: db.prepare(sql('make-due.sql')),
  };
}

/** An event as the port knows it. */
export const eventOf = (row: EventRow): LedgerEvent => ({
  spec: JSON.parse(row.spec) as EventSpec,
  phase: row.state,
  revision: row.revision,
  epoch: row.epoch,
  createdAt: row.createdAt,
  updatedAt: row.updatedAt,
});
