/** Coupons in the ledger that contradict the wins: their event stops, and no other. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../server.ts';
import type { OpenSite, Site } from '../site.ts';
import { totals, users } from './issuances.ts';

const columns = 'event_id, slot, user_id, nth, claim_id, claim_key, code, won_at, issued_at';

const planted = [
  {
    what: 'another win on the same slot',
    id: 'taken-slot',
    restarts: 'before',
    values: "6, 'mallory', 1, '6-aaaaaaaaaaaa', NULL, 'AAAAAAAAAAAAAAAA', 1, 1",
  },
  {
    what: 'the same win of the user on another slot',
    id: 'other-slot',
    restarts: 'behind',
    values: "9, 'user-6', 1, '9-aaaaaaaaaaaa', NULL, 'AAAAAAAAAAAAAAAA', 1, 1",
  },
] as const;

/** Registers them in the suite in which it is called. */
export function registerConflicts(open: OpenSite): void {
  for (const { what, id, restarts, values } of planted) {
    test(`${what}: the event stops with a finding and 503, nothing is skipped or overwritten, the neighbour goes on`, async (t) => {
      const site = await open(t);
      const { front, ledger } = site;
      const neighbour = site.besides(id);
      await front.create({ id, capacity: 20 });
      await front.create({ id: neighbour, capacity: 20 });
      await front.claimAll(users(5, id), 1);
      await front.settled(id);
      await ledger.run(`INSERT INTO coupons (${columns}) VALUES ('${id}', ${values})`);
      const told = await front.claim(id, 'user-6');
      assert.deepEqual([told.status, told.body.claim?.slot], [201, 6]);
      await stopped(site, id);
      const neighbours = await front.claimAll(users(20, neighbour), 8);
      assert.equal(neighbours.history.length, 20);
      assert.deepEqual(totals(await front.settled(neighbour)), { ...all, won: 20, issued: 20 });
      const planned = await front.call('GET', `/v1/events/${id}/recovery`);
      assert.notEqual((planned.body.findings ?? []).length, 0);
      assert.equal((await front.call('POST', `/v1/events/${id}/recover`)).body.code, 'recovery_conflict');
      const restart = async () => {
        await site.end();
        await site.start();
        await stopped(site, id);
      };
      // Not by a restart either: the contradiction is found again.
      if (restarts === 'before') await restart();
      const count = await ledger.run(`SELECT COUNT(*) FROM coupons WHERE event_id = '${id}'`);
      assert.equal(count.trim(), '6', 'the five that were issued, and what was planted');
      await ledger.run(`DELETE FROM coupons WHERE event_id = '${id}' AND code = 'AAAAAAAAAAAAAAAA'`);
      // Nor by one behind its end: whoever has mended the ledger says so.
      if (restarts === 'behind') await restart();
      // Then it goes on, and what was kept meanwhile comes home.
      assert.equal((await front.call('POST', `/v1/events/${id}/recover`)).status, 200);
      await front.claimAll(users(20, id), 8);
      const home = await until(
        () => front.settled(id),
        ({ issued }) => issued === 20,
      );
      assert.deepEqual(totals(home), { ...all, won: 20, issued: 20 });
      assert.equal((await front.coupons(id))[5]?.userId, 'user-6');
    });
  }
}

const all = { ok: true, failed: 0, discarded: 0 } as const;

/** Waits until every server refuses the event, and its audit says why. */
async function stopped(site: Site, eventId: string): Promise<void> {
  for (const server of site.servers()) {
    // The audit compares by itself and may find it before the issuer has, or before this server has heard of it: stopped is what
    // says I2.
    await until(
      () => server.audit(eventId),
      ({ body }) => body.ok === false && (body.findings ?? []).some(({ rule }) => rule === 'I2'),
    );
    const refused = await until(
      () => server.claim(eventId, 'user-19'),
      ({ status }) => status !== 200 && status !== 201,
    );
    assert.deepEqual([refused.status, refused.body.code], [503, 'recovering']);
    assert.ok(refused.headers.has('retry-after'));
  }
}
