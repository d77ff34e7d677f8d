/** What the lab shows fits 80 columns, however great its figures are. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { failuresOf } from '../../../src/cli/lab/failures.ts';
import { reportLines } from '../../../src/cli/lab/report-text.ts';
import { traceLines } from '../../../src/cli/lab/trace-text.ts';
import type { Screen } from '../../../src/cli/screen.ts';
import { noRowLocks } from '../../../src/lab/row-locks.ts';
import { displayWidth } from '../../../src/cli/text.ts';
import { findStrategy, strategies } from '../../../src/lab/catalog.ts';
import type { LabRun, LabSkip } from '../../../src/lab/outcome.ts';
import { asSaid, databaseNames } from '../../../src/lab/terms.ts';
import type { LabTrace } from '../../../src/lab/trace.ts';
import { verdicts } from '../../../src/lab/verdict.ts';

const screen: Screen = {
  json: false,
  width: 80,
  lines() {},
  document() {},
  aside() {},
  trouble() {},
  paint: (_, text) => text,
};

const usual: LabRun = {
  strategy: 'sql-count',
  variant: 'ge',
  database: 'sqlite',
  servers: 1,
  users: 'all',
  inFlight: 32,
  fault: null,
  claims: 1_000,
  capacity: 100,
  seed: 1,
  expected: ['over'],
  asExpected: true,
  tries: 1,
  verdict: 'over',
  issued: 126,
  over: 26,
  under: 0,
  duplicates: 0,
  lost: 0,
  lockedOut: 0,
  leaked: 0,
  turnedAway: 0,
  turnedAwayEarly: 0,
  findings: [],
  issuedAtOnce: null,
  seconds: 0.3,
  claimsPerSecond: 3_333,
  p50Ms: 2.81,
  p99Ms: 165.2,
  lastCouponSeconds: 0.31,
  statementsPerClaim: 1.13,
  roundTripsPerClaim: 1.13,
  aborted: 0,
  lockWaits: 0,
  isLockWaitsLowerBound: false,
  struck: null,
  overtaken: null,
};

const report = (runs: readonly LabRun[], skipped: readonly LabSkip[] = [], failures: readonly string[] | null = []) =>
  reportLines({ seed: 4_294_967_295, claims: 100_000, runs, skipped, failures, language: 'en' }, screen);

function fits(lines: readonly string[]): void {
  for (const line of lines) assert.ok(displayWidth(line) <= 80, `${displayWidth(line)}: ${line}`);
}

/** A run of every strategy on every database, with figures so great. */
function all(capacity: number, slowMs: number): LabRun[] {
  const called = strategies.flatMap(({ name, variants }) =>
    (variants.length === 0 ? [null] : variants).map((variant) => ({ strategy: name, variant })),
  );
  return called.flatMap((one, i) =>
    databaseNames.map((database) => ({
      ...usual,
      ...one,
      database,
      capacity,
      claims: 10 * capacity,
      issued: 10 * capacity,
      over: 9 * capacity,
      under: capacity,
      duplicates: capacity,
      lockedOut: 9 * capacity,
      leaked: capacity,
      verdict: verdicts[i % verdicts.length] ?? 'safe',
      claimsPerSecond: 123_456,
      p50Ms: slowMs,
      p99Ms: 12 * slowMs,
      lastCouponSeconds: 120 * slowMs,
      statementsPerClaim: slowMs * 7.7,
      roundTripsPerClaim: slowMs * 7.7,
      aborted: 10 * capacity,
      lockWaits: 10 * capacity,
      isLockWaitsLowerBound: database === 'postgres',
    })),
  );
}

describe('the table', () => {
  for (const capacity of [10, 100, 1_000, 10_000, 50_000]) {
    for (const slowMs of [0.0512, 0.9951, 9.951, 99.51]) {
      test(`fits with ${capacity} places and ${slowMs} ms`, () => fits(report(all(capacity, slowMs))));
    }
  }

  test('has two lines a run, with the figures of each below their heads', () => {
    const lines = report([usual, { ...usual, variant: 'gt', issued: 127, over: 27 }]);
    assert.deepEqual(lines.slice(0, 6), [
      'STRATEGY       ISSUED  OVER  UNDER  DUP  LOCKED  LEAKED',
      '  VERDICT  CLAIMS/S    P50    P99   LAST  STMTS  TRIPS  ABORTS  WAITS',
      'sql-count:ge  126/100    26      0    0       0       0',
      '  ✓ over      3,333  2.8ms  165ms  310ms   1.13   1.13       0      0',
      'sql-count:gt  127/100    27      0    0       0       0',
      '  ✓ over      3,333  2.8ms  165ms  310ms   1.13   1.13       0      0',
    ]);
  });

  test('names the databases where there are several', () => {
    const lines = report([usual, { ...usual, strategy: 'for-share', variant: null, database: 'mariadb' }]);
    assert.ok(lines.some((line) => line.startsWith('for-share on mariadb ')));
    assert.ok(lines.some((line) => line.startsWith('sql-count:ge  ')));
    assert.match(lines.join(' '), /sqlite where no other database is named/);
    assert.doesNotMatch(report([{ ...usual, database: 'mariadb' }]).join('\n'), / on mariadb/);
  });

  test('says what figures cannot: what is not known, what is a lower bound, who was turned away early', () => {
    const lost = { statementsPerClaim: null, roundTripsPerClaim: null, aborted: null, lockWaits: null };
    assert.match(report([{ ...usual, ...lost }]).join('\n'), /-: not known/);
    const watched = { database: 'postgres', lockWaits: 7, isLockWaitsLowerBound: true } as const;
    assert.match(report([{ ...usual, ...watched }]).join('\n'), /≥7$/m);
    const away = report([{ ...usual, turnedAway: 977, turnedAwayEarly: 950 }])
      .join(' ')
      .replaceAll(/ +/g, ' ');
    assert.match(away, /977 claims ended with neither a place nor a reason, 950 of them while there were places\./);
  });

  test('says how often it was looked for a race, and what came of that', () => {
    const note = (change: Partial<LabRun>): string => report([{ ...usual, tries: 5, ...change }]).join('\n');
    assert.match(note({ expected: ['over', 'safe'], tries: 3 }), /^ {4}It showed at try 3\.$/m);
    assert.match(note({ expected: ['over', 'safe'], verdict: 'safe' }), /^ {4}No race showed in 5 tries\.$/m);
    const away = { expected: ['turned-away', 'over'], verdict: 'turned-away' } as const;
    assert.match(note(away), /^ {4}Nothing graver showed in 5 tries\.$/m);
    assert.match(note({ verdict: 'safe', asExpected: false }), /^ {4}That was try 5, and the last\.$/m);
  });

  test('has its heads below as well where they would have left the screen', () => {
    const heads = (runs: number): number =>
      report(Array.from({ length: runs }, () => usual)).filter((line) => line.startsWith('STRATEGY')).length;
    assert.deepEqual([heads(10), heads(11)], [1, 2]);
  });

  test('is all there is of a lab that was stopped: it says nothing of how the whole went', () => {
    const lines = report([usual], [], null);
    assert.match(lines.at(-1) ?? '', /seed 4294967295$/);
    assert.doesNotMatch(lines.join('\n'), /as expected/);
  });

  test('says what was expected where something else came, and why', () => {
    const findings = [{ rule: 'I1', message: 'slot 101 of lab is outside its capacity of 100' }] as const;
    const lines = report([{ ...usual, expected: ['safe'], asExpected: false, findings }])
      .join(' ')
      .replaceAll(/ +/g, ' ');
    assert.match(
      lines,
      /✗ over .*Expected safe; over means: more coupons than places\. I1: slot 101 of lab is outside/,
    );
  });
});

test('in Korean all but names, heads and verdicts is Korean', () => {
  const told = {
    verdict: 'out-of-order',
    tries: 5,
    lost: 2,
    turnedAway: 3,
    turnedAwayEarly: 1,
    issuedAtOnce: 7,
  } as const;
  const runs: LabRun[] = [
    { ...usual, ...told, overtaken: 4, struck: 0, fault: 'slow-db', lockWaits: null, aborted: null, asExpected: false },
    { ...usual, tries: 5, expected: ['over', 'safe'], verdict: 'safe' },
    { ...usual, tries: 5, expected: ['turned-away', 'over'], verdict: 'turned-away' },
    { ...usual, tries: 2 },
  ];
  const skip = { ...usual, reason: noRowLocks(usual) ?? asSaid(''), isTrouble: true };
  const ended = { names: ['x'], selected: [{ strategy: findStrategy('mutex'), variant: null, database: 'sqlite' }] };
  const failures = failuresOf({ ...ended, runs, skipped: [skip] } as Parameters<typeof failuresOf>[0], 'ko');
  const report = { seed: 1, claims: 1_000, runs, skipped: [skip], failures, language: 'ko' } as const;
  const lines = reportLines(report, screen);
  fits(lines);
  const english = lines
    .join('\n')
    .replaceAll('out-of-order', '')
    .match(/\b(?:the|of|and|was|is|claims|places|coupons?|tries|runs?|expected|while)\b/g);
  assert.equal(english, null, lines.join('\n'));
});

describe('what the lab ends with', () => {
  const selected = [{ strategy: findStrategy('sql-count'), variant: 'ge', database: 'sqlite' }] as const;
  const skip: LabSkip = { ...usual, reason: asSaid('needs redis'), isTrouble: false };
  const ended = { names: [], selected, runs: [usual], skipped: [] };

  test('is good where all that ran was as expected, and something ran', () => {
    assert.deepEqual(failuresOf(ended, 'en'), []);
    assert.deepEqual(failuresOf({ ...ended, names: ['sql-count:ge'] }, 'en'), []);
    assert.deepEqual(failuresOf({ ...ended, skipped: [{ ...skip, strategy: 'redis-incr' }] }, 'en'), []);
  });

  test('is not where a verdict was another, nothing ran, something broke, or what was named did not run', () => {
    for (const [change, said] of [
      [{ runs: [{ ...usual, asExpected: false }] }, /^1 run ended with another verdict/],
      [{ runs: [], skipped: [skip] }, /^Nothing ran\.$/],
      [{ skipped: [{ ...skip, isTrouble: true }] }, /^1 run met trouble/],
      [
        { names: ['sql-count'], selected: [...selected, { ...selected[0], variant: 'gt' }], skipped: [skip] },
        /^Asked for, and did not run: sql-count:gt\.$/,
      ],
    ] as const) {
      const failures = failuresOf({ ...ended, ...change }, 'en');
      assert.match(failures.join('\n'), said);
      assert.equal(failures.length, 1);
    }
  });

  test('of a strategy that was named one database is enough', () => {
    const both = (['mariadb', 'postgres'] as const).map((database) => ({ ...selected[0], database }));
    const skipped = [{ ...skip, database: 'postgres' as const }];
    assert.deepEqual(failuresOf({ ...ended, names: ['sql-count:ge'], selected: both, skipped }, 'en'), []);
  });

  test('fits with reasons and names as long as they come', () => {
    const reason = `needs redis and kafka: ${'Java 17, for Kafka, is not here: install it; '.repeat(5)}`;
    const skipped = strategies.map(
      ({ name }): LabSkip => ({ ...skip, strategy: name, variant: null, reason: asSaid(reason) }),
    );
    fits(report([], skipped, failuresOf({ ...ended, runs: [], names: ['x'.repeat(20)], skipped }, 'en')));
  });
});

describe('the step view', () => {
  const line = {
    claim: 0,
    byConsumer: false,
    seen: [],
    outcome: 'OK',
    isTrouble: false,
    isEnd: false,
    times: 1,
  } as const;
  const trace: LabTrace = {
    strategy: 'distributed-lock',
    variant: null,
    database: 'sqlite',
    fault: null,
    users: ['user-1', 'user-2'],
    before: 0,
    capacity: 1,
    lines: [],
    isCut: false,
    answers: ['won', 'sold-out'],
    issued: 1,
    verdict: 'safe',
  };
  const shown = (lines: LabTrace['lines']): string[] => traceLines({ ...trace, lines }, screen);

  test('keeps its columns, with words that are longer and wider than they are', () => {
    const text = `INSERT INTO coupons (user_id) VALUES ('${'가나다라마바사'.repeat(12)}')`;
    const lines = shown([
      { ...line, text },
      { ...line, claim: 1, text: 'x'.repeat(200) },
    ]);
    fits(lines);
    const steps = lines.slice(
      2,
      lines.findIndex((one) => one.startsWith('told:')),
    );
    for (const one of steps) assert.equal(displayWidth(one.split('│')[0] ?? ''), 39, one);
    assert.equal(steps.join('').replaceAll(/[^가-힣]/g, ''), '가나다라마바사'.repeat(12));
  });

  test('says how often, what a store has seen, what waits, and that there was more', () => {
    const lines = shown([
      { ...line, text: 'SET lock', outcome: '(nil)', times: 31 },
      { ...line, claim: 1, text: 'claim', seen: ['HMGET users', 'XADD outbox'] },
      { ...line, text: 'INSERT', outcome: null },
    ]);
    const said = (pattern: RegExp): boolean => lines.some((one) => pattern.test(one));
    assert.ok(said(/^SET lock → \(nil\), 31 times +│$/));
    assert.ok(said(/^ +│ {3}XADD outbox$/));
    assert.ok(said(/^INSERT → waits +│$/));
    assert.match(traceLines({ ...trace, isCut: true }, screen).join('\n'), /^More steps were taken/m);
  });
});
