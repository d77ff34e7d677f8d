/**
 * A server killed at every point that matters while claims come in, and at its start, by a trap in the process itself. Each time a server is started anew,
 * the clients send the same again, and the promise is checked from outside.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { begun, crowd, kept, one, type Point, sprung, sql, three } from './kill-scene.ts';
import { NotStarted, scene, trapped } from './server.ts';
import { type Trap, trapVariable } from './traps/point.ts';

const { wins, coupons } = sql;

const claimPoints: readonly Point[] = [
  {
    name: 'the first win of a batch written, none committed',
    trap: { place: 'gate.db', at: 'statement', holds: wins },
  },
  { name: 'several wins written, none committed', trap: { place: 'gate.db', at: 'statement', holds: wins, skip: 7 } },
  { name: 'a batch of wins written, not committed', trap: { place: 'gate.db', at: 'commit', holds: wins } },
  { name: 'a later batch written, not committed', trap: { place: 'gate.db', at: 'commit', holds: wins, skip: 3 } },
  { name: 'wins committed, nobody told', trap: { place: 'gate.db', at: 'committed', holds: wins } },
  { name: 'later wins committed, nobody told', trap: { place: 'gate.db', at: 'committed', holds: wins, skip: 3 } },
  { name: 'an answer made, not sent', trap: { place: 'answer', at: 'commit', holds: 'claims 201', skip: 5 } },
  {
    name: 'an answer sent, those behind it not',
    trap: { place: 'answer', at: 'committed', holds: 'claims 201', skip: 5 },
  },
  { name: 'a replay about to be told', trap: { place: 'answer', at: 'commit', holds: 'claims 200', skip: 2 } },
  { name: 'a refusal about to be told', trap: { place: 'answer', at: 'commit', holds: 'claims 409', skip: 2 } },
  { name: 'the first coupon written, none committed', trap: { place: 'ledger.db', at: 'statement', holds: coupons } },
  {
    name: 'several coupons written, none committed',
    trap: { place: 'ledger.db', at: 'statement', holds: coupons, skip: 5 },
  },
  {
    name: 'coupons written, the position not moved',
    trap: { place: 'ledger.db', at: 'statement', holds: coupons, skip: 9 },
  },
  {
    name: 'position moved, not committed',
    trap: { place: 'ledger.db', at: 'statement', holds: 'INSERT INTO log_positions' },
  },
  { name: 'coupons and position not committed', trap: { place: 'ledger.db', at: 'commit', holds: coupons } },
  { name: 'coupons committed, the issuer not told', trap: { place: 'ledger.db', at: 'committed', holds: coupons } },
  {
    name: 'later coupons committed, the issuer not told',
    trap: { place: 'ledger.db', at: 'committed', holds: coupons, skip: 2 },
  },
];

describe('killed while claims come in', () => {
  for (const { name, trap } of claimPoints) {
    test(`${name}: every told win stands, every place is won once`, async (t) => {
      const { start } = await scene(t);
      const dying = await start({ preloads: [trapped] });
      const history = await begun(dying);
      await dying.arm(trap);
      const told = await dying.claimAll(crowd, 16, 0);
      await sprung(dying);
      const server = await start();
      const again = await server.claimAll(crowd, 16);
      history.push(...told.history, ...again.history);
      await kept(server, history, [one, three]);
      assert.deepEqual(
        [...new Set(again.history.map(({ outcome }) => outcome))].filter((said) => said === 'unknown'),
        [],
      );
    });
  }

  test('killed at one point after another, seven times in a row', async (t) => {
    const { start } = await scene(t);
    const first = await start({ preloads: [trapped] });
    const history = await begun(first);
    let dying = first;
    const places = [1, 2, 4, 6, 12, 14, 15].map((index) => claimPoints[index] as Point);
    for (const [round, { trap }] of places.entries()) {
      await dying.arm({ ...trap, skip: 0 });
      const slice = crowd.slice(round * 40, (round + 2) * 40);
      history.push(...(await dying.claimAll(slice, 8, 0)).history);
      await sprung(dying);
      dying = await start({ preloads: [trapped] });
    }
    history.push(...(await dying.claimAll(crowd, 16)).history);
    await kept(dying, history, [one, three]);
  });
});

describe('killed at the start', () => {
  const startPoints: readonly Point[] = [
    { name: 'keys made, not kept', trap: { place: 'keys.json', at: 'commit', holds: 'keys' } },
    { name: 'keys kept', trap: { place: 'keys.json', at: 'committed', holds: 'keys' } },
    {
      name: 'the schema of the gate half written',
      trap: { place: 'gate.db', at: 'statement', holds: 'CREATE TABLE events' },
    },
    {
      name: 'the schema of the gate not committed',
      trap: { place: 'gate.db', at: 'commit', holds: 'CREATE TABLE events' },
    },
    {
      name: 'the schema of the gate committed',
      trap: { place: 'gate.db', at: 'committed', holds: 'CREATE TABLE events' },
    },
    {
      name: 'the schema of the ledger not committed',
      trap: { place: 'ledger.db', at: 'commit', holds: 'CREATE TABLE coupons' },
    },
    {
      name: 'the schema of the ledger committed',
      trap: { place: 'ledger.db', at: 'committed', holds: 'CREATE TABLE coupons' },
    },
  ];
  for (const { name, trap } of startPoints) {
    test(`${name}: the next start begins where it should`, async (t) => {
      const { start } = await scene(t);
      const env = { [trapVariable]: JSON.stringify(trap) };
      await assert.rejects(start({ preloads: [trapped], env }), (error) => {
        assert.ok(error instanceof NotStarted);
        assert.equal(error.ended.signal, 'SIGKILL', error.message);
        return true;
      });
      const server = await start();
      const history = await begun(server);
      history.push(...(await server.claimAll(crowd, 16)).history);
      await kept(server, history, [one, three]);
    });
  }

  test('a start that is killed with wins not yet issued loses none of them', async (t) => {
    const { start } = await scene(t);
    const dying = await start({ preloads: [trapped] });
    const history = await begun(dying);
    await dying.arm({ place: 'ledger.db', at: 'commit', holds: coupons });
    history.push(...(await dying.claimAll(crowd, 16, 0)).history);
    await sprung(dying);
    // The first coupons that a start writes are those that the one before could not.
    const env = { [trapVariable]: JSON.stringify({ place: 'ledger.db', at: 'commit', holds: coupons } satisfies Trap) };
    const second = await start({ preloads: [trapped], env }).catch((error: unknown) => {
      assert.ok(error instanceof NotStarted);
      return error.ended;
    });
    assert.equal(('ended' in second ? await second.ended : second).signal, 'SIGKILL');
    const server = await start();
    history.push(...(await server.claimAll(crowd, 16)).history);
    await kept(server, history, [one, three]);
  });
});
