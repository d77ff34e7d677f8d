import type { DatabaseSync } from 'node:sqlite';
import type { Clock } from '../../core/clock.ts';
import { type Decision, judgeClaim } from '../../core/decision.ts';
import { type EventCommand, judgeCommand } from '../../core/event-act.ts';
import { checkSpec, type EventSnapshot, type EventSpec } from '../../core/event-spec.ts';
import { DibsError } from '../../core/errors.ts';
import {
  type AdmitRequest,
  type Cover,
  type Gate,
  isStill,
  type OutboxExtent,
  type Restoration,
  type WinScan,
} from '../../core/gate.ts';
import { type LogRecord, outboxEnd, type OutboxId } from '../../core/record.ts';
import type { Win } from '../../core/win.ts';
import { claimIdOf } from '../../lib/claim-id.ts';
import { Roll } from '../../lib/roll.ts';
import { readMigrations, readSql } from '../../lib/sql-file.ts';
import { assertDurable, isStoreFailure, migrateSqlite, openSqlite, sqliteTrouble, transact } from '../../lib/sqlite.ts';
import { EventTable, type KnownEvent } from './event-table.ts';
import { readOutbox } from './outbox.ts';
import { prepareStatements, type Statements, winOf } from './statements.ts';
import { hashUserId } from './user-index.ts';
import { UserWins } from './user-wins.ts';

/** Where the gate lives and which clock opens and closes its events. */
export interface SqliteGateOptions {
  /** The file; its folder must exist. */
  readonly path: string;
  readonly clock: Clock;
}

/**
 * Opens the gate of one machine: one SQLite file that this process alone holds. Calls are synchronous within, so that a
 * batch is decided without a thread to cross; a batch with wins ends in one commit that is on the disk before it answers.
 * Throws `store_locked`, `store_unfit`, `store_not_migrated`, `unavailable`.
 */
export async function openSqliteGate(options: SqliteGateOptions): Promise<Gate> {
  const sqlite = { path: options.path, exclusive: true, busyTimeoutMs: 0 };
  const db = openSqlite(sqlite);
  try {
    const now = options.clock.now();
    migrateSqlite(db, readMigrations(import.meta.url, 'schema'), now);
    db.prepare(readSql(import.meta.url, 'note-opening.sql')).run(now);
    assertDurable(db, sqlite);
    return new SqliteGate(db, options);
  } catch (error) {
    db.close();
    throw sqliteTrouble(error, options.path);
  }
}

class SqliteGate implements Gate {
  readonly kind = 'sqlite';
  readonly #db: DatabaseSync;
  readonly #path: string;
  readonly #clock: Clock;
  readonly #sql: Statements;
  readonly #table: EventTable;
  readonly #userWins: UserWins;
  readonly #roll = new Roll();
  #broken: DibsError | null = null;
  /** What the last write met; null once one has succeeded. */
  #writeTrouble: DibsError | null = null;

  constructor(db: DatabaseSync, options: SqliteGateOptions) {
    this.#db = db;
    this.#path = options.path;
    this.#clock = options.clock;
    this.#sql = prepareStatements(db);
    this.#userWins = new UserWins(this.#sql);
    this.#table = new EventTable(this.#sql, options.clock, (act) => this.#commit(act));
  }

  async now(): Promise<number> {
    return this.#clock.now();
  }

  async create(spec: EventSpec): Promise<{ event: EventSnapshot; created: boolean }> {
    checkSpec(spec);
    return this.#guard(() => {
      const standing = this.#table.find(spec.id);
      if (standing !== null) return { event: this.#table.settled(standing), created: false };
      const now = this.#clock.now();
      const event: EventSnapshot = {
        spec,
        phase: 'active',
        revision: 1,
        epoch: 1,
        won: 0,
        acts: 1,
        createdAt: now,
        lastTime: now,
      };
      this.#table.write(event, 'create');
      return { event, created: true };
    });
  }

  async command(eventId: string, command: EventCommand, ifRevision: number | null): Promise<EventSnapshot> {
    return this.#guard(() => {
      const event = this.#table.settled(this.#table.known(eventId));
      const now = this.#table.timeOf(event);
      const outcome = judgeCommand(event, command, ifRevision, now);
      return outcome === null ? event : this.#table.act(event, outcome, now);
    });
  }

  async events(eventIds: readonly string[]): Promise<(EventSnapshot | null)[]> {
    return this.#guard(() =>
      eventIds.map((eventId) => {
        const entry = this.#table.find(eventId);
        return entry === null ? null : this.#table.settled(entry);
      }),
    );
  }

  async list(after: string | null, limit: number): Promise<EventSnapshot[]> {
    return this.#guard(() =>
      this.#sql.eventIdsAfter.all(after ?? '', limit).map((row) => this.#table.settled(this.#table.known(row.eventId))),
    );
  }

  async admit(eventId: string, requests: readonly AdmitRequest[]): Promise<Decision[]> {
    return this.#guard(() => {
      // Settling may replace the entry's snapshot, so that the entry is looked up behind it.
      const event = this.#table.settled(this.#table.known(eventId));
      return this.#decide(this.#table.known(eventId), event, requests, this.#table.timeOf(event));
    });
  }

  async winsOfUser(eventId: string, userId: string): Promise<Win[]> {
    return this.#guard(() => {
      const entry = this.#table.find(eventId);
      return entry === null ? [] : [...this.#userWins.of(this.#userWins.indexOf(entry.no), entry.no, userId)];
    });
  }

  async wins(eventId: string, after: number, limit: number): Promise<Win[]> {
    return this.#guard(() => {
      const entry = this.#table.find(eventId);
      if (entry === null) return [];
      return this.#sql.winsAfter.all(entry.no, after, entry.event.won, limit).map(winOf);
    });
  }

  async extents(after: string | null, limit: number): Promise<OutboxExtent[]> {
    const events = await this.list(after, limit);
    return events.map((event) => ({ eventId: event.spec.id, end: outboxEnd(event), fenced: false }));
  }

  async outbox(eventId: string, after: OutboxId, winsMax: number): Promise<LogRecord[]> {
    return this.#guard(() => {
      const entry = this.#table.find(eventId);
      return entry === null ? [] : readOutbox(this.#sql, entry.no, entry.event, after, winsMax);
    });
  }

  async trim(): Promise<void> {
    // The wins are the outbox, and replays need them for ever: there is nothing that could go.
  }

  async restore({ event, wins, ifStanding }: Restoration): Promise<EventSnapshot | null> {
    return this.#guard(() => {
      const standing = this.#table.find(event.spec.id);
      if (ifStanding !== undefined && !isStill(standing?.event ?? null, ifStanding)) return null;
      this.#commit(() => {
        if (standing !== null) {
          this.#db.prepare('DELETE FROM wins WHERE event_no = ?').run(standing.no);
          this.#db.prepare('DELETE FROM acts WHERE event_no = ?').run(standing.no);
        }
        const revision = event.revision - 1;
        if (event.won > 0)
          this.#table.put({ ...event, revision, won: 0, acts: 1, lastTime: event.createdAt }, 'recover');
        const eventNo = this.#table.put(event, 'recover');
        for (const win of wins) this.#insertWin(eventNo, win, revision);
      });
      this.#table.forget(event.spec.id);
      if (standing !== null) this.#userWins.forget(standing.no);
      return this.#table.known(event.spec.id).event;
    });
  }

  async check(): Promise<readonly string[]> {
    return this.#guard(() => {
      this.#sql.eventById.get('');
      // Reads succeed on a full disk; only another write can tell whether the trouble is over.
      if (this.#writeTrouble !== null) this.#commit(() => this.#sql.noteOpening.run(this.#clock.now()));
      return [];
    });
  }

  /** One process holds the file from its opening on: what it finds there is what was written last. */
  async unfence(eventId: string, cover: Cover): Promise<boolean> {
    return this.#guard(() => {
      const { won, revision } = this.#table.known(eventId).event;
      return won >= cover.won && revision >= cover.revision;
    });
  }

  async scan(eventId: string, cursor: string | null, limit: number): Promise<WinScan> {
    const wins = await this.wins(eventId, Number(cursor ?? 0), limit);
    return { wins, cursor: wins.length < limit ? null : String(wins.at(-1)?.slot ?? 0) };
  }

  async attend(worker: string, forMs: number): Promise<string[]> {
    return this.#guard(() => this.#roll.attend(worker, this.#clock.now(), forMs));
  }

  async leave(worker: string): Promise<void> {
    this.#roll.leave(worker);
  }

  async close(): Promise<void> {
    if (!this.#db.isOpen) return;
    this.#broken ??= new DibsError('unavailable', `${this.#path} is closed.`);
    this.#db.close();
  }

  #decide(entry: KnownEvent, event: EventSnapshot, requests: readonly AdmitRequest[], now: number): Decision[] {
    const draft = { ...event };
    const index = this.#userWins.indexOf(entry.no);
    // Wins of this batch by user: the index must not know of them before they are committed, later claims of the batch must.
    const fresh = new Map<string, Win[]>();
    try {
      const decisions = requests.map((request): Decision => {
        const { userId } = request;
        const committed = this.#userWins.of(index, entry.no, userId);
        const own = fresh.get(userId);
        const wins = own === undefined ? committed : [...committed, ...own];
        const decision = judgeClaim(draft, wins, request.key, now);
        if (decision !== null) return decision;
        if (fresh.size === 0) this.#db.exec('BEGIN IMMEDIATE');
        const win = nextWin(draft, request, wins.length + 1, now);
        this.#insertWin(entry.no, win, event.revision);
        draft.won = win.slot;
        if (own === undefined) fresh.set(userId, [win]);
        else own.push(win);
        return { outcome: 'won', replayed: false, win };
      });
      if (fresh.size > 0) this.#commitWins(entry, draft, fresh, now);
      return decisions;
    } catch (error) {
      throw this.#undo(error);
    }
  }

  #commitWins(entry: KnownEvent, draft: EventSnapshot, fresh: ReadonlyMap<string, readonly Win[]>, now: number): void {
    this.#sql.updateWon.run(entry.no, draft.won, now);
    this.#db.exec('COMMIT');
    this.#writeTrouble = null;
    entry.event = { ...draft, acts: 0, lastTime: now };
    const index = this.#userWins.indexOf(entry.no);
    for (const [userId, wins] of fresh) for (const win of wins) index.add(hashUserId(userId), win.slot);
  }

  #insertWin(eventNo: number, win: Win, revision: number): void {
    this.#sql.insertWin.run(eventNo, win.slot, win.userId, win.nth, win.key, win.claimId, win.wonAt, revision);
  }

  #commit<T>(act: () => T): T {
    try {
      const outcome = transact(this.#db, act);
      this.#writeTrouble = null;
      return outcome;
    } catch (error) {
      throw this.#undo(error);
    }
  }

  /** Rolls back and says what the failure means. After an I/O error nobody knows what a file holds: the gate stops for good. */
  #undo(error: unknown): DibsError {
    if (isStoreFailure(error)) {
      this.#broken = new DibsError('unavailable', `${this.#path} failed; check the disk, then start anew.`, {
        cause: error,
      });
      return new DibsError('unknown_outcome', undefined, { cause: error });
    }
    if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
    const trouble = sqliteTrouble(error, this.#path);
    if (trouble.code === 'unavailable') this.#writeTrouble = trouble;
    return trouble;
  }

  #guard<T>(act: () => T): T {
    if (this.#broken !== null) throw this.#broken;
    try {
      return act();
    } catch (error) {
      throw sqliteTrouble(error, this.#path);
    }
  }
}

function nextWin(event: EventSnapshot, request: AdmitRequest, nth: number, now: number): Win {
  const win = { slot: event.won + 1, userId: request.userId, nth, key: request.key, wonAt: now };
  return { ...win, claimId: claimIdOf(event.spec.id, event.epoch, win) };
}
