/** A process that is told to stop under load answers what it has taken, keeps what it has answered, and ends with 0. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkHistory } from '../../../src/core/history.ts';
import { planClaims } from '../../../src/load/plan.ts';
import type { Ended } from '../server.ts';
import type { OpenSite } from '../site.ts';
import { slotsOf, upTo } from '../tallies.ts';

/** Registers it in the suite in which it is called. */
export function registerStopping(open: OpenSite): void {
  test('SIGTERM under load: every answered win is there, the process ends with 0, and nothing that was sent hangs', async (t) => {
    const site = await open(t);
    const { front } = site;
    const spec = await front.create({ id: 'stopping', capacity: 2_500 });
    const plan = planClaims({ eventId: spec.id, users: 4_000, repeats: 800, seed: 1 });
    let stopped: Promise<Ended> | null = null;
    // That this ends at all says that every claim was answered or cut.
    const { history } = await front.claimAll(plan, 64, 0, (answered) => {
      if (answered === 1_000) stopped = site.stopOne();
    });
    const ended = await (stopped ?? site.stopOne());
    assert.deepEqual([ended.code, ended.signal], [0, null], ended.output);
    assert.match(ended.output, /"stopped"/);
    const told = history.filter(({ outcome }) => outcome === 'won').length;
    assert.ok(told >= 500 && told <= 2_500, `${told} wins were told`);
    // Cut or refused: it was met in the midst of its work.
    const untold = history.filter(({ outcome }) => outcome === 'unknown');
    assert.ok(untold.length > 0, 'nobody met it while it stopped');
    assert.ok(untold.every(({ status }) => status === 0 || status === 503));
    await site.start();
    const again = await front.claimAll(plan, 64);
    const { ok, issued } = await front.settled(spec.id);
    assert.deepEqual({ ok, issued }, { ok: true, issued: 2_500 });
    const coupons = await front.coupons(spec.id);
    assert.deepEqual(slotsOf(coupons), upTo(2_500));
    const all = [...history, ...again.history];
    assert.deepEqual(checkHistory({ spec, history: all, coupons, isWhole: true }), []);
  });
}
