/** What the catalogue says of its strategies, in all circumstances. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { strategies } from '../../src/lab/catalog.ts';
import { fitOf, usualDatabases } from '../../src/lab/fit.ts';
import type { Strategy } from '../../src/lab/strategy.ts';
import { type Circumstances, databaseNames, faultNames, serverCounts } from '../../src/lab/terms.ts';
import { meanings, verdicts } from '../../src/lab/verdict.ts';

const everywhere = {
  addresses: { redis: 'r', kafka: 'k', mariadb: 'm', postgres: 'p' },
  absences: { redis: null, kafka: null, mariadb: null, postgres: null },
};

/** All in which a strategy can be run. */
function* circumstancesOf({ variants }: Strategy): Generator<Circumstances> {
  for (const variant of variants.length === 0 ? [null] : variants)
    for (const database of databaseNames)
      for (const servers of serverCounts)
        for (const users of ['all', 'one'] as const)
          for (const fault of [null, ...faultNames])
            for (const inFlight of [1, 2, 32]) yield { variant, database, servers, users, fault, inFlight };
}

const sentences = (text: string): number => text.match(/[.!?](?=\s|$)/g)?.length ?? 0;
const named = (name: string): Strategy => strategies.find((one) => one.name === name) ?? assert.fail(name);

test('names are one each, and variants at least two or none', () => {
  assert.equal(new Set(strategies.map(({ name }) => name)).size, strategies.length);
  for (const { name, variants } of strategies) assert.notEqual(new Set(variants).size, 1, name);
});

for (const strategy of strategies) {
  describe(strategy.name, () => {
    test('has its reason in two sentences, in both languages', () => {
      const { en, ko } = strategy.lesson;
      assert.deepEqual([sentences(en), sentences(ko)], [2, 2]);
      assert.doesNotMatch(en, /[가-힣]/);
      assert.match(ko, /다\.$/);
    });

    test('is expected to end in some way wherever it can run, and says why where it cannot', () => {
      for (const circumstances of circumstancesOf(strategy)) {
        const where = JSON.stringify(circumstances);
        const fit = fitOf(strategy, circumstances, everywhere);
        if ('reason' in fit) {
          // What is wanting must be told, and not only that it is.
          const { en, ko } = fit.reason;
          assert.ok(en.length > 30 && !en.endsWith('.'), `${where}: ${en}`);
          assert.ok(/[가-힣]/.test(ko) && !/[가-힣]/.test(en), `${where}: ${ko}`);
          continue;
        }
        assert.ok(fit.expected.length > 0, where);
        assert.equal(new Set(fit.expected).size, fit.expected.length, where);
      }
    });

    test('is run somewhere where nobody says where', () => {
      for (const { database: _, ...circumstances } of circumstancesOf(strategy))
        assert.ok(usualDatabases(strategy, circumstances).length > 0);
    });
  });
}

test('SQLite is usual, and where it cannot do it both servers', () => {
  const usual = { servers: 1, users: 'all', inFlight: 32, fault: null, variant: null } as const;
  assert.deepEqual(usualDatabases(named('sql-count'), { ...usual, variant: 'ge' }), ['sqlite']);
  assert.deepEqual(usualDatabases(named('for-share'), usual), ['mariadb', 'postgres']);
  assert.deepEqual(usualDatabases(named('dibs-redis'), { ...usual, fault: 'slow-db' }), ['mariadb', 'postgres']);
  // It runs nowhere, and is told so once.
  assert.deepEqual(usualDatabases(named('dibs-sqlite'), { ...usual, servers: 4 }), ['sqlite']);
});

test('the engine is safe in all circumstances', () => {
  for (const name of ['dibs-sqlite', 'dibs-redis'])
    for (const circumstances of circumstancesOf(named(name)))
      assert.deepEqual(named(name).expects(circumstances), ['safe']);
});

test('every verdict has a meaning, in both languages', () => {
  for (const verdict of verdicts) {
    assert.match(meanings[verdict].ko, /[가-힣]/);
    assert.doesNotMatch(meanings[verdict].en, /[가-힣]/);
  }
});
