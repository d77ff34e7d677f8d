import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { describe, test } from 'node:test';
import { build } from 'hdr-histogram-js';
import { proofLines } from '../../src/cli/demo/proof-text.ts';
import { type Evidence, type Proof, prove } from '../../src/cli/demo/proof.ts';
import { createScreen } from '../../src/cli/screen.ts';
import { displayWidth } from '../../src/cli/text.ts';
import type { HistoryEntry } from '../../src/load/history.ts';
import { dibs, problemOf, serve, temporaryFolder } from './process.ts';

type Shown = Proof & { readonly url: string };

describe('dibs demo', () => {
  const small = ['demo', '--claims', '400', '--capacity', '30', '--in-flight', '16'];

  test('starts a server of its own where none is, proves itself on it, and leaves nothing', async (t) => {
    const cwd = temporaryFolder(t);
    // A port that nothing listens on; a folder for temporary files that nobody else uses.
    const env = { DIBS_PORT: '1', TMPDIR: cwd };
    const { code, stdout, stderr } = await dibs([...small, '--seed', '7', '--json'], { cwd, env });
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    const { ok, won, issued, over, duplicates, lost, requests, replayed, soldOut, seed } = JSON.parse(stdout) as Shown;
    assert.deepEqual(
      { ok, won, issued, over, duplicates, lost, requests, seed },
      { ok: true, won: 30, issued: 30, over: 0, duplicates: 0, lost: 0, requests: 440, seed: 7 },
    );
    assert.equal(won + replayed + soldOut, 440);
    assert.deepEqual(readdirSync(cwd), []);
  });

  test('uses the server that is named, and leaves its event there', async (t) => {
    const server = await serve(t, temporaryFolder(t));
    const shown = await server.json<Shown>(...small);
    assert.deepEqual([shown.ok, shown.url], [true, server.url]);
    const event = await server.json<{ won: number }>('event', 'show', shown.eventId);
    assert.equal(event.won, 30);
    const { code, stdout, stderr } = await server.run(...small);
    assert.equal(code, 0);
    assert.match(stdout, /won +30 .*\n +issued +30 [^]*Held: 30 places, 30 users, 30 coupons, each slot once\.\n$/);
    assert.match(stderr, /^110 of 440 claims answered.*\n220 of.*\n330 of.*\n440 of/);
    assert.ok(stdout.split('\n').every((line) => line.length <= 80));
  });

  test('refuses a named server that is not there', async (t) => {
    const cwd = temporaryFolder(t);
    const said = await dibs([...small, '--json', '--url', 'http://127.0.0.1:1'], { cwd });
    assert.deepEqual([said.code, problemOf(said).code], [1, 'no_server']);
    assert.equal((await dibs(['demo', '--claims', '0'], { cwd })).code, 2);
  });

  test('cleans up when it is stopped', async (t) => {
    const cwd = temporaryFolder(t);
    const stop = new AbortController();
    const env = { DIBS_PORT: '1', TMPDIR: cwd };
    const running = dibs(['demo', '--claims', '1000000', '--json'], { cwd, env, signal: stop.signal });
    // Its folder is the first thing that is seen of it.
    while (readdirSync(cwd).length === 0) await new Promise(setImmediate);
    stop.abort();
    const said = await running;
    assert.equal(said.code, 1);
    assert.equal(problemOf(said).code, 'stopped');
    assert.deepEqual(readdirSync(cwd), []);
  });
});

describe('the proof', () => {
  const users = ['a', 'b', 'c', 'd'];
  const told = (i: number, outcome: HistoryEntry['outcome'], slot: number | null): HistoryEntry => ({
    eventId: 'e',
    userId: users[i] ?? '',
    key: null,
    outcome,
    win: slot === null ? null : { slot, nth: 1, claimId: `${slot}-x` },
    status: 0,
    trouble: null,
    askedAt: 0,
    answeredAt: 1,
    attempts: 1,
  });
  const coupon = (slot: number, userId: string, nth = 1) => ({
    slot,
    userId,
    nth,
    claimId: `${slot}-x`,
    code: `C${slot}`,
  });
  const latency = build({ numberOfSignificantValueDigits: 3 });
  latency.recordValue(1500);
  const audit = {
    ok: true,
    capacity: 2,
    won: 2,
    logged: 2,
    issued: 2,
    unissued: 0,
    failed: 0,
    discarded: 0,
    findings: [],
  };
  const history = [
    told(0, 'won', 1),
    told(1, 'won', 2),
    told(0, 'replayed', 1),
    told(2, 'sold_out', null),
    told(3, 'sold_out', null),
  ];
  const evidence: Evidence = {
    eventId: 'e',
    seed: 1,
    capacity: 2,
    users: 4,
    inFlight: 2,
    run: { history, latency, seconds: 0.5 },
    coupons: [coupon(1, 'a'), coupon(2, 'b')],
    audit,
  };
  const proof = (changes: Partial<Evidence>) => prove({ ...evidence, ...changes });
  const withHistory = (...history: HistoryEntry[]) => proof({ run: { history, latency, seconds: 0.5 } });

  test('holds for a fair run', () => {
    const { ok, won, issued, replayed, soldOut, claimsPerSecond, findings } = proof({});
    assert.deepEqual(
      { ok, won, issued, replayed, soldOut, claimsPerSecond, findings },
      { ok: true, won: 2, issued: 2, replayed: 1, soldOut: 2, claimsPerSecond: 10, findings: [] },
    );
  });

  const broken: [string, Proof, Partial<Proof>][] = [
    ['a coupon too many', proof({ coupons: [...evidence.coupons, coupon(3, 'c')] }), { over: 1 }],
    ['a user with two coupons', proof({ coupons: [coupon(1, 'a'), coupon(2, 'a', 2)] }), { duplicates: 1, lost: 1 }],
    ['a win without a coupon', proof({ coupons: [coupon(1, 'a')] }), { lost: 1, issued: 1 }],
    ['a win that went to another', proof({ coupons: [coupon(1, 'a'), coupon(2, 'd')] }), { lost: 1 }],
    ['fewer wins than places', withHistory(told(0, 'won', 1), told(1, 'sold_out', null)), { won: 1 }],
    ['a claim without an answer', withHistory(...history, told(3, 'unknown', null)), { unknown: 1 }],
    ['two users on one slot', withHistory(...history, told(2, 'won', 1)), { won: 2 }],
    [
      'an audit with findings',
      proof({ audit: { ...audit, ok: false, findings: [{ rule: 'I14', message: 'differ' }] } }),
      {},
    ],
    ['coupons that never come', proof({ audit: { ...audit, issued: 1, unissued: 1 } }), {}],
  ];
  for (const [name, proof, numbers] of broken) {
    test(`does not hold with ${name}`, () => {
      assert.equal(proof.ok, false);
      for (const [key, value] of Object.entries(numbers)) assert.equal(proof[key as keyof Proof], value, key);
      assert.equal(proofLines(proof, createScreen(false)).at(-1), 'Not held: see what is marked above.');
    });
  }

  test('fits 80 columns, with the greatest numbers there are', () => {
    const many = {
      won: 1_000_000,
      issued: 1_000_000,
      soldOut: 1_000_000,
      replayed: 100_000,
      claimsPerSecond: 50_000,
      seconds: 1234.56,
    };
    const latencyMicros = { p50: 99_999, p90: 999_999, p99: 9_999_999, p999: 30_000_000, max: 30_000_000 };
    const lines = proofLines(
      { ...proof({}), ...many, capacity: 1_000_000, inFlight: 1024, latencyMicros },
      createScreen(false),
    );
    for (const line of lines) assert.ok(displayWidth(line) <= 80, line);
  });
});
