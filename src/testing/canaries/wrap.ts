import type { Gate } from '../../core/gate.ts';
import type { Ledger } from '../../core/ledger.ts';
import type { WinLog } from '../../core/win-log.ts';

/** `gate` with some of its methods replaced. With none replaced it must pass wherever `gate` passes. */
export const wrapGate = (gate: Gate, replaced: Partial<Gate> = {}): Gate => ({
  kind: gate.kind,
  now: () => gate.now(),
  create: (spec) => gate.create(spec),
  command: (eventId, command, ifRevision) => gate.command(eventId, command, ifRevision),
  events: (eventIds) => gate.events(eventIds),
  list: (after, limit) => gate.list(after, limit),
  admit: (eventId, requests) => gate.admit(eventId, requests),
  winsOfUser: (eventId, userId) => gate.winsOfUser(eventId, userId),
  wins: (eventId, after, limit) => gate.wins(eventId, after, limit),
  outbox: (eventId, after, winsMax) => gate.outbox(eventId, after, winsMax),
  extents: (after, limit) => gate.extents(after, limit),
  trim: (eventId, upTo) => gate.trim(eventId, upTo),
  restore: (restoration) => gate.restore(restoration),
  check: () => gate.check(),
  unfence: (eventId, cover) => gate.unfence(eventId, cover),
  scan: (eventId, cursor, limit) => gate.scan(eventId, cursor, limit),
  attend: (worker, forMs) => gate.attend(worker, forMs),
  leave: (worker) => gate.leave(worker),
  close: () => gate.close(),
  ...replaced,
});

/** `log` with some of its methods replaced. */
export const wrapLog = (log: WinLog, replaced: Partial<WinLog> = {}): WinLog => ({
  kind: log.kind,
  start: log.start,
  partitionOf: (eventId) => log.partitionOf(eventId),
  ends: (after, limit) => log.ends(after, limit),
  read: (partition, position, winsMax) => log.read(partition, position, winsMax),
  append: log.append === null ? null : (records) => log.append?.(records) ?? Promise.resolve(),
  join: () => log.join(),
  holds: (partition) => log.holds(partition),
  distance: (from, to) => log.distance(from, to),
  slotAt: (position) => log.slotAt(position),
  check: () => log.check(),
  close: () => log.close(),
  ...replaced,
});

/** `ledger` with some of its methods replaced. */
export const wrapLedger = (ledger: Ledger, replaced: Partial<Ledger> = {}): Ledger => ({
  kind: ledger.kind,
  migrate: () => ledger.migrate(),
  check: () => ledger.check(),
  putEvent: (event) => ledger.putEvent(event),
  event: (eventId) => ledger.event(eventId),
  events: (after, limit) => ledger.events(after, limit),
  position: (partition) => ledger.position(partition),
  issue: (batch) => ledger.issue(batch),
  coupons: (eventId, after, limit) => ledger.coupons(eventId, after, limit),
  couponsBySlot: (eventId, slots) => ledger.couponsBySlot(eventId, slots),
  totals: (eventId) => ledger.totals(eventId),
  lastSlot: (eventId) => ledger.lastSlot(eventId),
  failures: (query) => ledger.failures(query),
  failure: (id) => ledger.failure(id),
  failuresBySlot: (eventId, slots) => ledger.failuresBySlot(eventId, slots),
  failureTotals: () => ledger.failureTotals(),
  reissue: (id, coupon, rate) => ledger.reissue(id, coupon, rate),
  changeFailure: (id, change) => ledger.changeFailure(id, change),
  stopped: () => ledger.stopped(),
  unstop: (eventId) => ledger.unstop(eventId),
  close: () => ledger.close(),
  ...replaced,
});
