import type { Win } from '../../core/win.ts';
import { type Statements, winOf } from './statements.ts';
import { hashUserId, UserIndex } from './user-index.ts';

// About 256 MB of tables at the most; beyond it the event that was asked for the longest ago is forgotten and read again when needed.
const winsMax = 16_000_000;
const noWins: readonly Win[] = [];

/** The wins of one user of one event, looked up by an index in memory. */
export class UserWins {
  readonly #sql: Statements;
  readonly #winsMax: number;
  /** By event number, the one asked for last at the end. */
  readonly #indexes = new Map<number, UserIndex>();

  constructor(sql: Statements, bounds: { readonly winsMax: number } = { winsMax }) {
    this.#sql = sql;
    this.#winsMax = bounds.winsMax;
  }

  /** The index of an event, which stays good while all its new wins are added to it. */
  indexOf(eventNo: number): UserIndex {
    const known = this.#indexes.get(eventNo);
    if (known !== undefined) {
      this.#indexes.delete(eventNo);
      this.#indexes.set(eventNo, known);
      return known;
    }
    const index = new UserIndex();
    for (const { slot, userId } of this.#sql.usersOfEvent.iterate(eventNo)) index.add(hashUserId(userId), slot);
    this.#indexes.set(eventNo, index);
    this.#forgetOldest();
    return index;
  }

  /** The user's committed wins, by `nth`. */
  of(index: UserIndex, eventNo: number, userId: string): readonly Win[] {
    const slots = index.find(hashUserId(userId));
    if (slots === null) return noWins;
    const wins: Win[] = [];
    for (const slot of slots) {
      const row = this.#sql.winBySlot.get(eventNo, slot);
      if (row?.userId === userId) wins.push(winOf(row));
    }
    return wins;
  }

  /** The wins of this event are others now. */
  forget(eventNo: number): void {
    this.#indexes.delete(eventNo);
  }

  #forgetOldest(): void {
    let total = 0;
    for (const index of this.#indexes.values()) total += index.size;
    for (const [eventNo, index] of this.#indexes) {
      if (total <= this.#winsMax || this.#indexes.size === 1) return;
      this.#indexes.delete(eventNo);
      total -= index.size;
    }
  }
}
