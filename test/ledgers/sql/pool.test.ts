/** Connections are made, waited for, given on and made anew. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Pool } from '../../../src/ledgers/sql/pool.ts';
import type { SqlSession } from '../../../src/ledgers/sql/session.ts';
import { troubleOf } from '../../../src/testing/refusal.ts';

class FakeSession {
  isOpen = true;
  isLeft = false;
  /** Where false, taking leave never ends. */
  answers = true;

  destroy(): void {
    this.isOpen = false;
  }

  async end(): Promise<void> {
    this.isOpen = false;
    this.isLeft = true;
    if (!this.answers) await new Promise(() => undefined);
  }
}
type Session = SqlSession & FakeSession;

function makePool(sizeMax: number) {
  const made: Session[] = [];
  const state = { fails: false, slowMs: 0 };
  const pool = new Pool<Session>({
    sizeMax,
    async open() {
      await pause(state.slowMs);
      if (state.fails) throw new Error('refused');
      const session = new FakeSession() as unknown as Session;
      made.push(session);
      return session;
    },
  });
  return { pool, made, state };
}

describe('a pool', () => {
  it('makes connections when they are needed, and gives them on', async () => {
    const { pool, made } = makePool(3);
    assert.equal(made.length, 0);
    const first = await pool.take(100);
    assert.equal(first.isFresh, true);
    pool.give(first.session);
    const again = await pool.take(100);
    assert.deepEqual([again.session === first.session, again.isFresh, made.length], [true, false, 1]);
  });

  it('makes no more than it may: who comes then waits in order', async () => {
    const { pool, made } = makePool(2);
    const [a, b] = await Promise.all([pool.take(100), pool.take(100)]);
    const order: string[] = [];
    const waiting = ['third', 'fourth'].map(async (name) => {
      const { session } = await pool.take(1000);
      order.push(name);
      return session;
    });
    pool.give(a.session);
    pool.give(b.session);
    assert.deepEqual(await Promise.all(waiting), [a.session, b.session]);
    assert.deepEqual([order, made.length], [['third', 'fourth'], 2]);
  });

  it('says how many are in use to who has waited for too long, and forgets them', async () => {
    const { pool, made } = makePool(1);
    const { session } = await pool.take(100);
    const error = await troubleOf('unavailable', () => pool.take(20));
    assert.match(error.message, /All 1 connections/);
    pool.give(session);
    assert.equal((await pool.take(20)).session, session);
    assert.equal(made.length, 1);
  });

  it('makes a broken one anew, for who waits and for who comes', async () => {
    const { pool, made } = makePool(1);
    const { session } = await pool.take(100);
    const waiting = pool.take(1000);
    session.destroy();
    pool.give(session);
    const next = await waiting;
    assert.deepEqual([next.isFresh, made.length], [true, 2]);
    pool.give(next.session);
    next.session.destroy();
    assert.equal((await pool.take(100)).isFresh, true, 'it broke while it lay idle');
  });

  it('throws what making one throws, and tries again for the next', async () => {
    const { pool, state } = makePool(1);
    state.fails = true;
    await assert.rejects(() => pool.take(100), /refused/);
    state.slowMs = 20;
    const [first, second] = [pool.take(1000), pool.take(1000)];
    await assert.rejects(first, /refused/);
    await assert.rejects(second, /refused/);
    state.fails = false;
    assert.equal((await pool.take(100)).isFresh, true);
  });

  it('that is closed ends what lies idle, waits for what is in use, and refuses the rest', async () => {
    const { pool, made } = makePool(2);
    const [idle, busy] = await Promise.all([pool.take(100), pool.take(100)]);
    pool.give(idle.session);
    let isClosed = false;
    const closing = pool.close().then(() => {
      isClosed = true;
    });
    await troubleOf('unavailable', () => pool.take(100));
    await pause(20);
    assert.equal(isClosed, false);
    pool.give(busy.session);
    await closing;
    await pool.close();
    assert.ok(made.every((session) => session.isLeft && !session.isOpen));
  });

  it('that is closed cuts off what does not come to an end, also what connects only then', async () => {
    const { pool, state } = makePool(2);
    const { session } = await pool.take(100);
    state.slowMs = 2_000;
    const late = troubleOf('unavailable', () => pool.take(5_000));
    await pool.close();
    assert.equal(session.isOpen, false);
    pool.give(session);
    assert.match((await late).message, /closed/);
  });

  it('that is closed tells those who wait', async () => {
    const { pool } = makePool(1);
    const { session } = await pool.take(100);
    const waiting = troubleOf('unavailable', () => pool.take(1000));
    const closing = pool.close();
    assert.match((await waiting).message, /closed/);
    pool.give(session);
    await closing;
  });

  it('does not wait for ever for leave to be taken', async () => {
    const { pool, made } = makePool(1);
    const { session } = await pool.take(100);
    session.answers = false;
    pool.give(session);
    await pool.close();
    assert.deepEqual([made.length, session.isOpen], [1, false]);
  });
});
