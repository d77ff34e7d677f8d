/**
 * A server killed at every point that matters while events are changed, failures dealt with and events recovered, by a trap in the process itself. Each time a server is started anew,
 * the clients send the same again, and the promise is checked from outside.
 */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { begun, crowd, kept, one, type Point, sprung, sql, three } from './kill-scene.ts';
import { withLedger } from './ledger-file.ts';
import { type Answer, scene, type TestServer, trapped, until } from './server.ts';

const { wins, coupons, events, acts } = sql;

interface ActPoint extends Point {
  /** What is sent; the same is sent again once a server stands. */
  readonly act: (server: TestServer) => Promise<Answer>;
  /** Whether the act has happened although nobody was told. */
  readonly done: boolean;
}

const fresh = { id: 'fresh', name: 'Event of a test', capacity: 5 };
const create = (server: TestServer): Promise<Answer> => server.call('POST', '/v1/events', { body: fresh });
const raise = (server: TestServer): Promise<Answer> =>
  server.call('PATCH', `/v1/events/${one.id}`, { body: { capacity: 50 } });
const pause = (server: TestServer): Promise<Answer> => server.call('POST', `/v1/events/${one.id}/pause`);
const close = (server: TestServer): Promise<Answer> => server.call('POST', `/v1/events/${one.id}/close`);

const actPoints: readonly ActPoint[] = [
  {
    name: 'a creation half written',
    trap: { place: 'gate.db', at: 'statement', holds: events },
    act: create,
    done: false,
  },
  { name: 'a creation not committed', trap: { place: 'gate.db', at: 'commit', holds: acts }, act: create, done: false },
  {
    name: 'a creation the ledger knows nothing of',
    trap: { place: 'gate.db', at: 'committed', holds: acts },
    act: create,
    done: true,
  },
  {
    name: 'a creation not committed in the ledger',
    trap: { place: 'ledger.db', at: 'commit', holds: events },
    act: create,
    done: true,
  },
  {
    name: 'a creation nobody was told of',
    trap: { place: 'ledger.db', at: 'committed', holds: events },
    act: create,
    done: true,
  },
  { name: 'a raise not committed', trap: { place: 'gate.db', at: 'commit', holds: acts }, act: raise, done: false },
  {
    name: 'a raise nobody was told of',
    trap: { place: 'gate.db', at: 'committed', holds: acts },
    act: raise,
    done: true,
  },
  {
    name: 'a raise not committed in the ledger',
    trap: { place: 'ledger.db', at: 'commit', holds: events },
    act: raise,
    done: true,
  },
  { name: 'a pause not committed', trap: { place: 'gate.db', at: 'commit', holds: acts }, act: pause, done: false },
  {
    name: 'a pause nobody was told of',
    trap: { place: 'gate.db', at: 'committed', holds: acts },
    act: pause,
    done: true,
  },
  {
    name: 'a close nobody was told of',
    trap: { place: 'gate.db', at: 'committed', holds: acts },
    act: close,
    done: true,
  },
];

describe('killed while an event is changed', () => {
  for (const { name, trap, act, done } of actPoints) {
    test(`${name}: it is ${done ? 'done, and may be said again' : 'not done, and can be done'}`, async (t) => {
      const { start } = await scene(t);
      const dying = await start({ preloads: [trapped] });
      const history = await begun(dying);
      const before = await dying.call('GET', `/v1/events/${one.id}`);
      await dying.arm(trap);
      await act(dying).catch(() => null);
      await sprung(dying);
      const server = await start();
      const id = act === create ? fresh.id : one.id;
      const found = await server.call('GET', `/v1/events/${id}`);
      const stands = act === create ? found.status === 200 : found.body['revision'] !== before.body['revision'];
      assert.equal(stands, done);
      const said = await act(server);
      // A close stands for ever: to say it again is either the same or refused, and both leave it closed.
      assert.ok(act === close || said.status < 300, JSON.stringify(said.body));
      const { body } = await server.call('GET', `/v1/events/${id}`);
      if (act === create) assert.equal(body['revision'], 1);
      if (act === raise) assert.equal(body['capacity'], 50);
      if (act === pause) {
        assert.deepEqual([body['state'], (await server.claim(one.id, 'late')).body.code], ['paused', 'paused']);
        await server.call('POST', `/v1/events/${one.id}/resume`);
      }
      history.push(...(await server.claimAll(crowd, 16)).history);
      if (act === close) {
        const { ok, issued } = await server.settled(one.id);
        assert.deepEqual(
          { ok, issued, state: body['state'] },
          { ok: true, issued: before.body['won'], state: 'closed' },
        );
        return;
      }
      await kept(server, history, [{ ...one, capacity: act === raise ? 50 : 40 }, three]);
    });
  }
});

describe('killed while failed issuances are dealt with', () => {
  const refusal =
    "CREATE TRIGGER refusal BEFORE INSERT ON coupons WHEN NEW.user_id = 'user-40' BEGIN SELECT RAISE(ABORT, 'not this one'); END";
  const failurePoints: readonly (Point & { readonly discards?: true })[] = [
    {
      name: 'a probe for the refused row rolled back',
      trap: { place: 'ledger.db', at: 'rolled back', holds: coupons },
    },
    {
      name: 'the failed issuance kept, not committed',
      trap: { place: 'ledger.db', at: 'commit', holds: 'INSERT INTO failed_issuances' },
    },
    {
      name: 'the failed issuance committed, nothing else',
      trap: { place: 'ledger.db', at: 'committed', holds: 'INSERT INTO failed_issuances' },
    },
  ];
  for (const { name, trap } of failurePoints) {
    test(`${name}: it is kept once, and comes home under its own slot`, async (t) => {
      const { start, data } = await scene(t);
      const dying = await start({ preloads: [trapped] });
      const history = await begun(dying);
      withLedger(data, (db) => db.exec(refusal));
      await dying.arm(trap);
      history.push(...(await dying.claimAll(crowd, 16, 0)).history);
      await sprung(dying);
      const server = await start();
      history.push(...(await server.claimAll(crowd, 16)).history);
      assert.deepEqual(failedOf(await server.settled(one.id)), { ok: true, failed: 1, issued: one.capacity - 1 });
      withLedger(data, (db) => db.exec('DROP TRIGGER refusal'));
      await reissueAll(server);
      await kept(server, history, [one, three]);
    });
  }

  const settling = 'UPDATE failed_issuances SET state';
  const settlePoints = [
    {
      name: 'reissued, not committed',
      trap: { place: 'ledger.db', at: 'commit', holds: settling },
      act: 'reissue',
      done: false,
    },
    {
      name: 'reissued, nobody told',
      trap: { place: 'ledger.db', at: 'committed', holds: settling },
      act: 'reissue',
      done: true,
    },
    {
      name: 'discarded, not committed',
      trap: { place: 'ledger.db', at: 'commit', holds: settling },
      act: 'discard',
      done: false,
    },
    {
      name: 'discarded, nobody told',
      trap: { place: 'ledger.db', at: 'committed', holds: settling },
      act: 'discard',
      done: true,
    },
  ] as const;
  for (const { name, trap, act, done } of settlePoints) {
    test(`${name}: it is ${done ? 'done' : 'not done'}, and never both coupon and failure`, async (t) => {
      const { start, data } = await scene(t);
      const dying = await start({ preloads: [trapped] });
      await begun(dying);
      // Refused for good, so that only the act under test settles it; the discard needs no more, the reissue a lifted rule.
      withLedger(data, (db) => db.exec(refusal));
      await dying.claim(one.id, 'user-40');
      await dying.settled(one.id);
      const { items = [] } = (await dying.call('GET', '/v1/failed-issuances?state=waiting')).body;
      const { id } = items[0] as { readonly id: number };
      await dying.arm(trap);
      if (act === 'reissue') withLedger(data, (db) => db.exec('DROP TRIGGER refusal'));
      const settle = (server: TestServer) =>
        server.call(
          'POST',
          `/v1/failed-issuances/${id}/${act}`,
          act === 'discard' ? { body: { reason: 'a test' } } : {},
        );
      await settle(dying).catch(() => null);
      await sprung(dying);
      const looked = ledgerState(data, id);
      assert.equal(looked.state, done ? (act === 'discard' ? 'discarded' : 'reissued') : 'waiting');
      assert.equal(looked.coupons, done && act === 'reissue' ? 1 : 0);
      const server = await start();
      assert.equal((await settle(server)).status, 200);
      const audit = await server.settled(one.id);
      assert.equal(audit.ok, true);
      assert.deepEqual([audit['failed'], audit['discarded']], [0, act === 'discard' ? 1 : 0]);
      assert.equal(
        (await server.claim(one.id, 'user-40')).body.claim?.status,
        act === 'discard' ? 'discarded' : 'issued',
      );
    });
  }
});

describe('killed while an event is recovered', () => {
  const recoverPoints: readonly Point[] = [
    { name: 'the rebuilt event half written', trap: { place: 'gate.db', at: 'statement', holds: wins, skip: 3 } },
    { name: 'the rebuilt event not committed', trap: { place: 'gate.db', at: 'commit', holds: wins } },
    {
      name: 'the rebuilt event committed, the ledger not told',
      trap: { place: 'gate.db', at: 'committed', holds: wins },
    },
    { name: 'the ledger told, nobody else', trap: { place: 'ledger.db', at: 'committed', holds: events } },
  ];
  for (const { name, trap } of recoverPoints) {
    test(`${name}: it can be recovered, and no slot is sold again`, async (t) => {
      const { start, data } = await scene(t);
      const lost = await start();
      const history = await begun(lost);
      assert.equal((await lost.stop()).code, 0);
      for (const ending of ['', '-wal', '-shm']) await rm(join(data, `gate.db${ending}`), { force: true });
      const dying = await start({ preloads: [trapped] });
      await dying.arm(trap);
      await dying.call('POST', `/v1/events/${one.id}/recover`).catch(() => null);
      await sprung(dying);
      const server = await start();
      for (const { id } of [one, three]) {
        const { body } = await server.call('GET', `/v1/events/${id}`);
        const { status } = await server.call('POST', `/v1/events/${id}/recover`);
        assert.equal(status, body['state'] === 'recovering' ? 200 : 409);
      }
      history.push(...(await server.claimAll(crowd, 16)).history);
      await kept(server, history, [one, three]);
    });
  }
});

const failedOf = ({ ok, failed, issued }: { readonly [name: string]: unknown }) => ({ ok, failed, issued });

async function reissueAll(server: TestServer): Promise<void> {
  const { items = [] } = (await server.call('GET', '/v1/failed-issuances?state=waiting')).body;
  // The timed reissue may have been faster, and a repeat is harmless.
  for (const { id } of items as { readonly id: number }[]) {
    assert.equal((await server.call('POST', `/v1/failed-issuances/${id}/reissue`)).status, 200);
  }
  await until(
    () => server.call('GET', '/v1/failed-issuances?state=waiting'),
    ({ body }) => body.items?.length === 0,
  );
}

function ledgerState(data: string, id: number): { readonly state: unknown; readonly coupons: unknown } {
  let found: { readonly state: unknown; readonly coupons: unknown } = { state: null, coupons: null };
  withLedger(data, (db) => {
    const { state } = db.prepare('SELECT state FROM failed_issuances WHERE id = ?').get(id) ?? {};
    const { n } = db.prepare("SELECT COUNT(*) AS n FROM coupons WHERE user_id = 'user-40'").get() ?? {};
    found = { state, coupons: n };
  });
  return found;
}
