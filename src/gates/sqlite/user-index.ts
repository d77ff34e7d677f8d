import { randomInt } from 'node:crypto';

// Chosen anew by each process, so that nobody can make user ids that all fall on one place.
const seed = randomInt(2 ** 31);
const capacityMin = 1 << 10;

/** A 32-bit hash of a user id, which is ASCII: Murmur3's mixing over its characters, about 30 ns for 17 of them. */
export function hashUserId(userId: string): number {
  let hash = seed;
  for (let index = 0; index < userId.length; index += 1) {
    hash = Math.imul(hash ^ userId.charCodeAt(index), 0xcc9e2d51);
    hash = (hash << 15) | (hash >>> 17);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

/**
 * Which slots may be a user's: an open-addressing table of slots by the hash of their user, 16 to 32 bytes a win. It is made
 * from the wins when an event is first claimed (about 1 µs a win) and never written to the disk: an index in SQLite dirtied a
 * page of its own for each win, 10.6 µs of CPU a win in batches of 32 where the wins alone are 3.5; and a lookup that finds
 * nothing took 0.6 µs there, 0.1 here.
 */
export class UserIndex {
  #slots = new Int32Array(capacityMin);
  #hashes = new Int32Array(capacityMin);
  #size = 0;

  /** How many wins it holds. */
  get size(): number {
    return this.#size;
  }

  add(hash: number, slot: number): void {
    // At most half full: a user without a win then meets an empty place after 1.5 steps on average.
    if ((this.#size + 1) * 2 > this.#slots.length) this.#grow();
    this.#put(hash, slot);
    this.#size += 1;
  }

  /** Slots whose user has this hash, in slot order; another user's may be among them. Null, which is the usual case, for none. */
  find(hash: number): number[] | null {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let found: number[] | null = null;
    for (let at = hash & mask; slots[at] !== 0; at = (at + 1) & mask) {
      if (this.#hashes[at] !== hash) continue;
      found ??= [];
      found.push(slots[at] as number);
    }
    return found === null ? null : found.sort((a, b) => a - b);
  }

  #put(hash: number, slot: number): void {
    const mask = this.#slots.length - 1;
    let at = hash & mask;
    while (this.#slots[at] !== 0) at = (at + 1) & mask;
    this.#slots[at] = slot;
    this.#hashes[at] = hash;
  }

  #grow(): void {
    const slots = this.#slots;
    const hashes = this.#hashes;
    this.#slots = new Int32Array(slots.length * 2);
    this.#hashes = new Int32Array(slots.length * 2);
    for (const [at, slot] of slots.entries()) if (slot !== 0) this.#put(hashes[at] as number, slot);
  }
}
