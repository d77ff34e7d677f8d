/** Faults of the ledger as a whole, and what becomes of the wins that wait for it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkHistory } from '../../../src/core/history.ts';
import { until } from '../server.ts';
import type { OpenSite } from '../site.ts';
import { slotsOf, upTo } from '../tallies.ts';
import { complete, failedOnes, lock, refuse, totals, users } from './issuances.ts';

/** Registers them in the suite in which it is called. */
export function registerLedgerTrouble(open: OpenSite): void {
  test('the ledger locked by somebody else: claims go on, nothing is lost, issuing catches up by itself', async (t) => {
    const { front, ledger } = await open(t);
    const { id } = await front.create({ id: 'locked', capacity: 300 });
    await front.claimAll(users(50, id), 8);
    await front.settled(id);
    const unlock = await lock(t, ledger);
    // 400 for 300 places: won and sold out are said as ever.
    const { history } = await front.claimAll(users(400, id), 16);
    assert.deepEqual(new Set(history.map(({ outcome }) => outcome)), new Set(['won', 'replayed', 'sold_out']));
    const during = (await front.audit(id)).body;
    // Creating needs the ledger, and says so instead of half doing it.
    const created = await front.call('POST', '/v1/events', { body: { id: 'locked-late', name: 'Late', capacity: 1 } });
    assert.deepEqual([created.status, created.headers.has('retry-after')], [503, true]);
    assert.equal((await front.call('GET', '/readyz', { as: 'nobody' })).status, 200);
    await unlock();
    assert.deepEqual([during.ok, during['won'], during['issued'], during['unissued']], [true, 300, 50, 250]);
    assert.deepEqual(totals(await front.settled(id)), { ok: true, won: 300, issued: 300, failed: 0, discarded: 0 });
    const again = await front.call('POST', '/v1/events', { body: { id: 'locked-late', name: 'Late', capacity: 1 } });
    assert.ok(again.status === 200 || again.status === 201);
    assert.equal((await front.claim('locked-late', 'alice')).status, 201);
  });

  test('killed while the ledger takes nothing: a second failure loses nothing that the first one left', async (t) => {
    const site = await open(t);
    const { front, ledger } = site;
    const { id } = await front.create({ id: 'twice-failed', capacity: 100 });
    await front.settled(id);
    const callOff = await refuse(t, ledger, (column) => `${column('event_id')} = '${id}'`);
    const unlock = await lock(t, ledger);
    await front.claimAll(users(60, id), 8);
    await site.end('kill');
    await unlock();
    // Now it answers, and refuses every row: they are kept. Then that process is killed as well.
    await site.start();
    assert.deepEqual(totals(await front.settled(id)), { ok: true, won: 60, issued: 0, failed: 60, discarded: 0 });
    await site.end('kill');
    await callOff();
    await site.start();
    await front.claimAll(users(120, id), 8);
    await until(
      () => failedOnes(front, id),
      ({ length }) => length === 0,
    );
    assert.deepEqual(totals(await front.settled(id)), { ok: true, won: 100, issued: 100, failed: 0, discarded: 0 });
    const coupons = await front.coupons(id);
    assert.deepEqual(slotsOf(coupons), upTo(100));
    assert.deepEqual(
      new Set(coupons.slice(0, 60).map(({ userId }) => userId)),
      new Set(users(60, id).map(({ userId }) => userId)),
    );
  });

  test('a restart drops no coupon, and what is delivered twice is issued once', async (t) => {
    const site = await open(t);
    const { front, ledger } = site;
    const { id } = await front.create({ id: 'delivered-twice', capacity: 50 });
    await front.claimAll(users(30, id), 8);
    await front.settled(id);
    const before = await front.coupons(id);
    await site.end('stop');
    // As if nothing had been noted: every record comes again.
    await ledger.run('DELETE FROM log_positions');
    await site.start();
    await front.claimAll(users(60, id), 8);
    assert.deepEqual(totals(await front.settled(id)), { ok: true, won: 50, issued: 50, failed: 0, discarded: 0 });
    const after = await front.coupons(id);
    assert.deepEqual(after.slice(0, 30), before);
    assert.deepEqual(slotsOf(after), upTo(50));
  });

  test('a rebuild during a live event erases nothing: it is refused while the event is served', async (t) => {
    const { front, ledger } = await open(t);
    const spec = await front.create({ id: 'live', capacity: 200 });
    // Most wins are in flight: a rebuild from the ledger alone would give their slots away.
    const unlock = await lock(t, ledger);
    const load = front.claimAll(users(300, spec.id), 16);
    for (const _ of upTo(20)) {
      const { status, body } = await front.call('POST', `/v1/events/${spec.id}/recover`);
      assert.deepEqual([status, body.code], [409, 'not_recovering']);
    }
    const { history } = await load;
    await unlock();
    await complete(front, spec, history);
  });

  test('killed with a backlog: the next start sells on behind all wins, not behind the coupons', async (t) => {
    const site = await open(t);
    const { front, ledger } = site;
    const spec = await front.create({ id: 'backlog', capacity: 100 });
    const history = [...(await front.claimAll(users(20, spec.id), 8)).history];
    await front.settled(spec.id);
    const unlock = await lock(t, ledger);
    history.push(...(await front.claimAll(users(70, spec.id, 21), 8)).history);
    await site.end('kill');
    await unlock();
    await site.start();
    assert.equal((await front.claim(spec.id, 'user-71')).body.claim?.slot, 71);
    history.push(...(await front.claimAll(users(150, spec.id), 8)).history);
    const { ok, issued } = await front.settled(spec.id);
    assert.deepEqual({ ok, issued }, { ok: true, issued: 100 });
    assert.deepEqual(checkHistory({ spec, history, coupons: await front.coupons(spec.id), isWhole: false }), []);
  });
}
