/** The race over HTTP: four client processes against one server and its SQLite gate. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkHistory } from '../../src/core/history.ts';
import { planClaims } from '../../src/load/plan.ts';
import { raceClients } from './client-process.ts';
import { scene } from './server.ts';
import { outcomesOf, slotsOf, upTo } from './tallies.ts';

const racers = 4;

test('four client processes hammer one event: every place is won once, and each is told what was issued', async (t) => {
  const { start } = await scene(t);
  const server = await start();
  const spec = await server.create({ id: 'race', capacity: 500 });
  // All four send for the same users, each in an order of its own and with clicks repeated: every claim meets itself.
  const plans = upTo(racers).map((seed) => planClaims({ eventId: spec.id, users: 1_500, repeats: 300, seed }));
  const history = await raceClients(server, plans, 16);
  assert.equal(history.length, racers * 1_800);
  const { won, replayed = 0, sold_out = 0, ...other } = outcomesOf(history);
  assert.deepEqual({ won, other }, { won: 500, other: {} });
  assert.equal(500 + replayed + sold_out, history.length);
  const { ok, issued, findings } = await server.settled(spec.id);
  assert.deepEqual({ ok, issued, findings }, { ok: true, issued: 500, findings: [] });
  const coupons = await server.coupons(spec.id);
  assert.deepEqual(slotsOf(coupons), upTo(500));
  assert.deepEqual(checkHistory({ spec, history, coupons, isWhole: true }), []);
});

test('four client processes race for the same users: each has three places, under three of the keys', async (t) => {
  const { start } = await scene(t);
  const server = await start();
  const spec = await server.create({ id: 'race-users', capacity: 1_000, limitPerUser: 3 });
  const plans = upTo(racers).map((racer) =>
    Array.from({ length: 1_200 }, (_, n) => ({
      eventId: spec.id,
      userId: `user-${n % 100}`,
      key: `key-${(racer + Math.floor(n / 100)) % 12}`,
    })),
  );
  const history = await raceClients(server, plans, 16);
  const { won, replayed = 0, limit_reached = 0, ...other } = outcomesOf(history);
  assert.deepEqual({ won, other }, { won: 300, other: {} });
  assert.equal(300 + replayed + limit_reached, history.length);
  assert.equal((await server.settled(spec.id)).ok, true);
  const coupons = await server.coupons(spec.id);
  assert.deepEqual(slotsOf(coupons), upTo(300));
  assert.deepEqual(checkHistory({ spec, history, coupons, isWhole: true }), []);
});

test('four client processes race at four events of one server: none takes from another', async (t) => {
  const { start } = await scene(t);
  const server = await start();
  const ids = ['a', 'b', 'c', 'd'];
  const specs = await Promise.all(ids.map((id, index) => server.create({ id, capacity: 100 * (index + 1) })));
  const plans = specs.map(({ id }, seed) => planClaims({ eventId: id, users: 600, repeats: 200, seed }));
  const history = await raceClients(server, plans, 16);
  for (const spec of specs) {
    const own = history.filter(({ eventId }) => eventId === spec.id);
    assert.equal((await server.settled(spec.id))['issued'], spec.capacity);
    const coupons = await server.coupons(spec.id);
    assert.deepEqual(slotsOf(coupons), upTo(spec.capacity));
    assert.deepEqual(checkHistory({ spec, history: own, coupons, isWhole: true }), []);
  }
});
