/** Lists: whole in pages of any size, in byte order, with events that wait for recovery in their place. */
import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Page, PageQuery } from '../../src/engine/views.ts';
import { troubleOf } from '../../src/testing/refusal.ts';
import { openRig, type Rig } from './fixture.ts';

/** Reads a list to its end in pages of `limit`, and how many pages there were. */
async function whole<T>(
  list: (query: PageQuery) => Promise<Page<T>>,
  limit: number,
): Promise<{ items: T[]; pages: number }> {
  const items: T[] = [];
  for (let pages = 1, cursor: string | null = null; ; pages += 1) {
    const page: Page<T> = await list(cursor === null ? { limit } : { limit, cursor });
    assert.ok(page.items.length <= limit);
    items.push(...page.items);
    if (page.nextCursor === null) return { items, pages };
    cursor = page.nextCursor;
  }
}

/** Events of which those that were made after the gate's copy wait for recovery. */
async function halfRecovering(rig: Rig, served: readonly string[], lost: readonly string[]): Promise<void> {
  for (const id of served) await rig.drop({ id }, 1);
  for (const id of served) await rig.caughtUp(id);
  await rig.close();
  await rig.backUp('gate.db');
  await rig.open();
  for (const id of lost) await rig.drop({ id }, 2);
  for (const id of lost) await rig.caughtUp(id);
  await rig.close();
  await rig.putBack('gate.db');
  await rig.open();
}

describe('a list', () => {
  it('refuses limits and cursors that are none', async (t) => {
    const { dibs } = await openRig(t);
    await dibs.createEvent({ id: 'drop', name: 'A drop', capacity: 1 });
    const lists = [
      (query: PageQuery) => dibs.listEvents(query),
      (query: PageQuery) => dibs.listCoupons('drop', query),
      (query: PageQuery) => dibs.listFailedIssuances(query),
    ];
    for (const list of lists) {
      for (const limit of [0, -1, 1.5, 1001, Number.NaN, Number.POSITIVE_INFINITY, '10' as unknown as number]) {
        const trouble = await troubleOf('invalid_request', () => list({ limit }));
        assert.equal(trouble.details.errors?.[0]?.path, '/limit');
      }
      for (const cursor of ['', ' ', '-1', '../x', 'é', 'a\u0000', '1'.repeat(100)]) {
        const trouble = await troubleOf('invalid_request', () => list({ cursor }));
        assert.equal(trouble.details.errors?.[0]?.path, '/cursor');
      }
      assert.equal((await list({ limit: 1000 })).nextCursor, null);
    }
    await troubleOf('invalid_request', () => dibs.listFailedIssuances({ state: 'lost' as 'waiting' }));
  });

  it('of events is whole and in byte order in pages of any size, those that wait for recovery included', async (t) => {
    const rig = await openRig(t);
    // No two of these stand as a dictionary would put them.
    const served = ['Z', 'a', 'b.', '0', 'b-', 'a0'];
    const lost = ['B', 'A', 'b', '00', 'c', 'a_', 'Za'];
    await halfRecovering(rig, served, lost);
    const inOrder = [...served, ...lost].toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    for (let limit = 1; limit <= inOrder.length + 1; limit += 1) {
      const { items, pages } = await whole((query) => rig.dibs.listEvents(query), limit);
      assert.deepEqual(
        items.map(({ id, state, won, remaining }) => [id, state, won, remaining]),
        inOrder.map((id) => (lost.includes(id) ? [id, 'recovering', 2, 9998] : [id, 'open', 1, 9999])),
      );
      assert.equal(pages, Math.ceil(inOrder.length / limit));
    }
  });

  it('of events goes on behind a cursor that names none', async (t) => {
    const rig = await openRig(t);
    await halfRecovering(rig, ['b', 'd'], ['c', 'e']);
    const behind = async (cursor: string) => (await rig.dibs.listEvents({ cursor })).items.map((event) => event.id);
    assert.deepEqual(await behind('a'), ['b', 'c', 'd', 'e']);
    assert.deepEqual(await behind('c'), ['d', 'e']);
    assert.deepEqual(await behind('cc'), ['d', 'e']);
    assert.deepEqual(await behind('z'), []);
  });

  it('of coupons is in slot order, also of an event that waits for recovery', async (t) => {
    const rig = await openRig(t);
    await rig.drop({}, 12);
    await rig.caughtUp();
    await rig.dibs.createEvent({ id: 'drop-2', name: 'Another', capacity: 5 });
    await rig.win('drop-2', 1, 3);
    await rig.caughtUp('drop-2');
    const all = await rig.dibs.listCoupons('drop');
    assert.deepEqual(
      all.items.map(({ slot, userId, nth }) => [slot, userId, nth]),
      Array.from({ length: 12 }, (_, at) => [at + 1, `u${at + 1}`, 1]),
    );
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 15 }), async (limit) => {
        const { items } = await whole((query) => rig.dibs.listCoupons('drop', query), limit);
        assert.deepEqual(items, all.items);
      }),
      { numRuns: 15 },
    );
    await rig.close();
    await rig.lose('gate.db');
    await rig.open();
    assert.deepEqual(await rig.dibs.listCoupons('drop'), all);
  });

  it('has 100 items where no limit is asked for', async (t) => {
    const rig = await openRig(t);
    await rig.drop({}, 101);
    await rig.caughtUp();
    const { items, nextCursor } = await rig.dibs.listCoupons('drop');
    assert.deepEqual([items.length, nextCursor], [100, '100']);
    const rest = await rig.dibs.listCoupons('drop', { cursor: '100' });
    assert.deepEqual([rest.items.map((coupon) => coupon.slot), rest.nextCursor], [[101], null]);
  });
});
