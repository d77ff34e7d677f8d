/** Faults that such systems have had between the win and its coupon: each is a test of ours. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { lockLedger, withLedger } from './ledger-file.ts';
import { type Body, scene, type TestServer, until } from './server.ts';
import { slotsOf, upTo } from './tallies.ts';

interface Failed {
  readonly id: number;
  readonly slot: number;
  readonly userId: string;
  readonly error: string;
  readonly attempts: number;
  readonly state: string;
}

const refuse = (db: { exec(sql: string): void }, when: string): void =>
  db.exec(
    `CREATE TRIGGER refusal BEFORE INSERT ON coupons WHEN ${when} BEGIN SELECT RAISE(ABORT, 'not this one'); END`,
  );

async function failedOnes(server: TestServer, state = 'waiting'): Promise<readonly Failed[]> {
  const { body } = await server.call('GET', `/v1/failed-issuances?state=${state}`);
  return (body.items ?? []) as readonly Failed[];
}

const users = (n: number, eventId: string) => upTo(n).map((i) => ({ eventId, userId: `user-${i}`, key: null }));
const totals = ({ ok, won, issued, failed, discarded }: Body) => ({ ok, won, issued, failed, discarded });

describe('faults of single issuances', () => {
  test('a win that the ledger refuses is kept, comes home by itself under its first slot, and nobody else gets it', async (t) => {
    const { start, data } = await scene(t);
    const server = await start();
    const { id } = await server.create({ id: 'drop', capacity: 10 });
    withLedger(data, (db) => refuse(db, "NEW.user_id = 'user-3'"));
    await server.claimAll(users(8, id), 1);
    assert.deepEqual(totals(await server.settled(id)), { ok: true, won: 8, issued: 7, failed: 1, discarded: 0 });
    const [failed] = await failedOnes(server);
    assert.deepEqual([failed?.slot, failed?.userId, failed?.state], [3, 'user-3', 'waiting']);
    assert.match(failed?.error ?? '', /not this one/);
    // What the next ones win are the next slots; the slot of the failed one is not up again.
    assert.deepEqual(
      [(await server.claim(id, 'user-9')).body.claim?.slot, (await server.claim(id, 'user-10')).body.claim?.slot],
      [9, 10],
    );
    assert.equal((await server.claim(id, 'user-11')).body.code, 'sold_out');
    // And it is still its winner's, whose win is not judged again: not when the event closes, either.
    assert.equal((await server.call('POST', `/v1/events/${id}/close`)).status, 200);
    assert.deepEqual((await server.claim(id, 'user-3')).body.claim?.status, 'won');
    // Tried again while its cause stands: counted, and kept.
    await until(
      () => failedOnes(server),
      ([one]) => (one?.attempts ?? 0) >= 2,
    );
    withLedger(data, (db) => db.exec('DROP TRIGGER refusal'));
    await until(
      () => failedOnes(server),
      ({ length }) => length === 0,
    );
    assert.deepEqual(totals(await server.settled(id)), { ok: true, won: 10, issued: 10, failed: 0, discarded: 0 });
    const coupons = await server.coupons(id);
    assert.deepEqual(slotsOf(coupons), upTo(10));
    assert.equal(coupons[2]?.userId, 'user-3');
    assert.deepEqual((await server.claim(id, 'user-3')).body.claim?.status, 'issued');
  });

  test('batch reissue by hand: 30 failed ones over three events come home, two operators at once are harmless', async (t) => {
    const { start, data } = await scene(t);
    const server = await start();
    for (const id of ['a', 'b', 'c']) await server.create({ id, capacity: 20 });
    withLedger(data, (db) => refuse(db, 'NEW.slot % 2 = 0'));
    for (const id of ['a', 'b', 'c']) await server.claimAll(users(20, id), 8);
    for (const id of ['a', 'b', 'c']) assert.equal((await server.settled(id))['failed'], 10);
    const refused = await failedOnes(server);
    assert.equal(refused.length, 30);
    const [first] = refused;
    const early = await server.call('POST', `/v1/failed-issuances/${first?.id ?? 0}/reissue`);
    assert.deepEqual([early.status, early.body.code], [409, 'reissue_refused']);
    withLedger(data, (db) => db.exec('DROP TRIGGER refusal'));
    const reissues = refused.flatMap(({ id }) => [id, id]);
    const answers = await Promise.all(reissues.map((id) => server.call('POST', `/v1/failed-issuances/${id}/reissue`)));
    assert.deepEqual(
      [...new Set(answers.map(({ status, body }) => `${status} ${String(body['state'])}`))],
      ['200 reissued'],
    );
    for (const id of ['a', 'b', 'c']) {
      assert.deepEqual(totals(await server.settled(id)), { ok: true, won: 20, issued: 20, failed: 0, discarded: 0 });
      assert.deepEqual(slotsOf(await server.coupons(id)), upTo(20));
    }
  });

  test('a failed one that is discarded is counted as such, keeps its reason, and its slot is not sold again', async (t) => {
    const { start, data } = await scene(t);
    const server = await start();
    const { id } = await server.create({ id: 'drop', capacity: 5 });
    withLedger(data, (db) => refuse(db, "NEW.user_id = 'user-2'"));
    await server.claimAll(users(5, id), 1);
    await server.settled(id);
    const [failed] = await failedOnes(server);
    const path = `/v1/failed-issuances/${failed?.id ?? 0}`;
    assert.equal((await server.call('POST', `${path}/discard`, { body: {} })).status, 422);
    const { status } = await server.call('POST', `${path}/discard`, { body: { reason: 'A robot.' } });
    assert.equal(status, 200);
    assert.equal((await server.call('POST', `${path}/reissue`)).body.code, 'not_failed');
    assert.deepEqual(totals(await server.settled(id)), { ok: true, won: 5, issued: 4, failed: 0, discarded: 1 });
    assert.equal((await server.claim(id, 'user-6')).body.code, 'sold_out');
    const { body } = await server.claim(id, 'user-2');
    assert.deepEqual([body.claim?.status, body.claim?.slot, body.claim?.code], ['discarded', 2, null]);
    await server.kill();
    const next = await start();
    assert.deepEqual(totals(await next.settled(id)), { ok: true, won: 5, issued: 4, failed: 0, discarded: 1 });
    assert.equal((await failedOnes(next, 'discarded')).length, 1);
    assert.deepEqual(slotsOf(await next.coupons(id)), [1, 3, 4, 5]);
  });

  test('an integrity error is not taken for "stands already": a column that refuses a value fails that row alone', async (t) => {
    const { start, data } = await scene(t);
    const server = await start();
    const { id } = await server.create({ id: 'drop', capacity: 40 });
    withLedger(data, (db) => {
      // Whatever an organiser adds: foreign keys, lengths, checks.
      db.exec("CREATE TABLE banned (user_id TEXT PRIMARY KEY); INSERT INTO banned VALUES ('user-7'), ('user-23')");
      db.exec(
        "CREATE TRIGGER ban BEFORE INSERT ON coupons WHEN EXISTS (SELECT 1 FROM banned WHERE user_id = NEW.user_id) BEGIN SELECT RAISE(ABORT, 'FOREIGN KEY constraint failed'); END",
      );
    });
    await server.claimAll(users(40, id), 16);
    assert.deepEqual(totals(await server.settled(id)), { ok: true, won: 40, issued: 38, failed: 2, discarded: 0 });
    assert.deepEqual((await failedOnes(server)).map(({ userId }) => userId).sort(), ['user-23', 'user-7']);
  });
});

describe('faults of the ledger as a whole', () => {
  test('the ledger locked by somebody else: claims go on, nothing is lost, issuing catches up by itself', async (t) => {
    const { start, data } = await scene(t);
    const server = await start();
    const { id } = await server.create({ id: 'drop', capacity: 300 });
    await server.claimAll(users(50, id), 8);
    await server.settled(id);
    let during: Body = {};
    const lock = lockLedger(data);
    try {
      // 400 for 300 places: won and sold out are said as ever.
      const { history } = await server.claimAll(users(400, id), 16);
      assert.deepEqual(new Set(history.map(({ outcome }) => outcome)), new Set(['won', 'replayed', 'sold_out']));
      during = (await server.audit(id)).body;
      // Creating needs the ledger, and says so instead of half doing it.
      const created = await server.call('POST', '/v1/events', { body: { id: 'late', name: 'Late', capacity: 1 } });
      assert.deepEqual([created.status, created.headers.has('retry-after')], [503, true]);
      assert.equal((await server.call('GET', '/readyz', { as: 'nobody' })).status, 200);
    } finally {
      lock.release();
    }
    assert.deepEqual([during.ok, during['won'], during['issued'], during['unissued']], [true, 300, 50, 250]);
    assert.deepEqual(totals(await server.settled(id)), { ok: true, won: 300, issued: 300, failed: 0, discarded: 0 });
    const again = await server.call('POST', '/v1/events', { body: { id: 'late', name: 'Late', capacity: 1 } });
    assert.ok(again.status === 200 || again.status === 201);
    assert.equal((await server.claim('late', 'alice')).status, 201);
  });

  test('killed while the ledger takes nothing: a second failure loses nothing that the first one left', async (t) => {
    const { start, data } = await scene(t);
    const first = await start();
    const { id } = await first.create({ id: 'drop', capacity: 100 });
    await first.settled(id);
    withLedger(data, (db) => refuse(db, 'TRUE'));
    const lock = lockLedger(data);
    await first.claimAll(users(60, id), 8);
    await first.kill();
    lock.release();
    // Now it answers, and refuses every row: they are kept. Then that process is killed as well.
    const second = await start();
    assert.deepEqual(totals(await second.settled(id)), { ok: true, won: 60, issued: 0, failed: 60, discarded: 0 });
    await second.kill();
    withLedger(data, (db) => db.exec('DROP TRIGGER refusal'));
    const third = await start();
    await third.claimAll(users(120, id), 8);
    await until(
      () => failedOnes(third),
      ({ length }) => length === 0,
    );
    assert.deepEqual(totals(await third.settled(id)), { ok: true, won: 100, issued: 100, failed: 0, discarded: 0 });
    const coupons = await third.coupons(id);
    assert.deepEqual(slotsOf(coupons), upTo(100));
    assert.deepEqual(
      new Set(coupons.slice(0, 60).map(({ userId }) => userId)),
      new Set(users(60, id).map(({ userId }) => userId)),
    );
  });

  test('a restart drops no coupon, and what is delivered twice is issued once', async (t) => {
    const { start, data } = await scene(t);
    const first = await start();
    const { id } = await first.create({ id: 'drop', capacity: 50 });
    await first.claimAll(users(30, id), 8);
    await first.settled(id);
    const before = await first.coupons(id);
    await first.stop();
    // As if nothing had been noted: every record comes again.
    withLedger(data, (db) => db.exec('DELETE FROM log_positions'));
    const second = await start();
    await second.claimAll(users(60, id), 8);
    assert.deepEqual(totals(await second.settled(id)), { ok: true, won: 50, issued: 50, failed: 0, discarded: 0 });
    const after = await second.coupons(id);
    assert.deepEqual(after.slice(0, 30), before);
    assert.deepEqual(slotsOf(after), upTo(50));
  });
});

describe('coupons that contradict the wins', () => {
  const planted = [
    ['another win on the same slot', "('drop', 6, 'mallory', 1, '6-aaaaaaaaaaaa', NULL, 'AAAAAAAAAAAAAAAA', 1, 1)"],
    [
      'the same win of the user on another slot',
      "('drop', 9, 'user-6', 1, '9-aaaaaaaaaaaa', NULL, 'AAAAAAAAAAAAAAAA', 1, 1)",
    ],
  ] as const;
  for (const [what, row] of planted) {
    test(`${what}: the event stops with a finding and 503, nothing is skipped or overwritten, the neighbour goes on`, async (t) => {
      const { start, data } = await scene(t);
      const server = await start();
      const { id } = await server.create({ id: 'drop', capacity: 20 });
      await server.create({ id: 'neighbour', capacity: 20 });
      await server.claimAll(users(5, id), 1);
      await server.settled(id);
      withLedger(data, (db) =>
        db.exec(
          `INSERT INTO coupons (event_id, slot, user_id, nth, claim_id, claim_key, code, won_at, issued_at) VALUES ${row}`,
        ),
      );
      const told = await server.claim(id, 'user-6');
      assert.deepEqual([told.status, told.body.claim?.slot], [201, 6]);
      await stopped(server, id);
      const neighbours = await server.claimAll(users(20, 'neighbour'), 8);
      assert.equal(neighbours.history.length, 20);
      assert.equal((await server.settled('neighbour'))['issued'], 20);
      const planned = await server.call('GET', `/v1/events/${id}/recovery`);
      assert.notEqual((planned.body.findings ?? []).length, 0);
      assert.equal((await server.call('POST', `/v1/events/${id}/recover`)).body.code, 'recovery_conflict');
      // Not by a restart either: the contradiction is found again.
      await server.kill();
      const next = await start();
      await stopped(next, id);
      withLedger(data, (db) => {
        const { n } = db.prepare("SELECT COUNT(*) AS n FROM coupons WHERE event_id = 'drop'").get() ?? {};
        assert.equal(n, 6, 'the five that were issued, and what was planted');
      });
      // Whoever mends the ledger lets it go on, and what was kept meanwhile comes home.
      withLedger(data, (db) => db.exec("DELETE FROM coupons WHERE code = 'AAAAAAAAAAAAAAAA'"));
      await next.stop();
      const mended = await start();
      await stopped(mended, id);
      assert.equal((await mended.call('POST', `/v1/events/${id}/recover`)).status, 200);
      await mended.claimAll(users(20, id), 8);
      const home = await until(
        () => mended.settled(id),
        ({ issued }) => issued === 20,
      );
      assert.deepEqual(totals(home), { ok: true, won: 20, issued: 20, failed: 0, discarded: 0 });
      assert.equal((await mended.coupons(id))[5]?.userId, 'user-6');
    });
  }
});

/** Waits until the event is refused, and its audit says why. */
async function stopped(server: TestServer, eventId: string): Promise<void> {
  // The audit compares by itself and may find it before the issuer has: stopped is what says I2.
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
