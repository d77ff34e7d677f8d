/** What the tests of named points share: two events, a crowd for them, and what must hold in the end. */
import assert from 'node:assert/strict';
import { type History, checkHistory } from '../../src/core/history.ts';
import type { HistoryEntry } from '../../src/load/history.ts';
import type { PlannedClaim } from '../../src/load/plan.ts';
import { type Front, type TestServer, until } from './server.ts';
import { slotsOf, upTo } from './tallies.ts';
import type { Trap } from './traps/point.ts';

/** A trap and what it is called. */
export interface Point {
  readonly name: string;
  readonly trap: Trap;
}

/** Two events, and twice as much demand as there are places: each claim sent twice, the repeat right behind it. */
export interface Drops {
  readonly one: History['spec'];
  readonly three: History['spec'];
  readonly crowd: readonly PlannedClaim[];
}

/** Under names that begin so, where several pairs share their stores. */
export function dropsOf(prefix = ''): Drops {
  const one = { id: `${prefix}one`, capacity: 40, limitPerUser: 1 };
  const three = { id: `${prefix}three`, capacity: 60, limitPerUser: 3 };
  const crowd = upTo(160).flatMap((n): PlannedClaim[] => {
    const claim =
      n % 2 === 0
        ? { eventId: one.id, userId: `user-${n}`, key: null }
        : { eventId: three.id, userId: `user-${n % 50}`, key: `click-${n}` };
    return [claim, claim];
  });
  return { one, three, crowd };
}

const drops = dropsOf();
export const { one, three, crowd } = drops;

/** Both events, some of each won and issued, and what the clients were told of it. */
export async function begun(server: Front, { one, three, crowd } = drops): Promise<HistoryEntry[]> {
  await server.create(one);
  await server.create(three);
  const { history } = await server.claimAll(crowd.slice(0, 24), 8);
  await server.settled(one.id);
  await server.settled(three.id);
  return [...history];
}

/** Waits for the server to end by its own trap. */
export async function sprung(server: TestServer, point = 'the point'): Promise<void> {
  await until(
    async () => server.child.exitCode ?? server.child.signalCode,
    (ended) => ended !== null,
  );
  const { signal, output } = await server.ended;
  assert.equal(signal, 'SIGKILL', `${point} was not reached: ${output}`);
}

/** What the clients were told, over all kills, against what has been issued in the end: everything, exactly once. */
export async function kept(server: Front, history: readonly HistoryEntry[], specs: readonly History['spec'][]) {
  for (const spec of specs) {
    const { ok, findings, issued } = await server.settled(spec.id);
    assert.deepEqual({ ok, findings, issued }, { ok: true, findings: [], issued: spec.capacity });
    const coupons = await server.coupons(spec.id);
    assert.deepEqual(slotsOf(coupons), upTo(spec.capacity));
    const own = history.filter(({ eventId }) => eventId === spec.id);
    assert.deepEqual(checkHistory({ spec, history: own, coupons, isWhole: true }), []);
  }
}

/** What the statements of each kind of transaction hold. */
export const sql = {
  wins: 'INSERT INTO wins',
  coupons: 'INSERT INTO coupons',
  events: 'INSERT INTO events',
  acts: 'INSERT INTO acts',
} as const;
