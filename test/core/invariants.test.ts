import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { checkTotals, checkWins, findingList, findingsMax } from '../../src/core/invariants.ts';
import type { Win } from '../../src/core/win.ts';
import { winAt } from './records.ts';

const spec = { id: 'drop', capacity: 5, limitPerUser: 2 };
const whole: Win[] = [
  winAt(1, { userId: 'alice', nth: 1, key: 'a' }),
  winAt(2, { userId: 'bob', nth: 1, key: 'a' }),
  winAt(3, { userId: 'alice', nth: 2, key: 'b' }),
  winAt(4, { userId: 'carol', nth: 1 }),
];

const rulesOf = (wins: readonly Win[]) => checkWins(spec, wins).map((finding) => finding.rule);

describe('the checker of wins', () => {
  it('finds nothing in what is whole, in whatever order it comes', () => {
    assert.deepEqual(rulesOf([]), []);
    assert.deepEqual(rulesOf(whole), []);
    fc.assert(fc.property(fc.shuffledSubarray(whole, { minLength: 4 }), (wins) => assert.deepEqual(rulesOf(wins), [])));
  });

  const plants: [name: string, rules: string[], wins: Win[]][] = [
    ['a slot given twice', ['I2'], [...whole, winAt(4, { userId: 'dave', claimId: '4-ffffffffffff' })]],
    ['the same win twice', ['I2'], [...whole, whole[3]!]],
    ['a slot beyond the capacity', ['I1'], [...whole, winAt(5), winAt(6)]],
    ['a slot of 0', ['I1'], [winAt(0), ...whole]],
    ['a gap', ['I8'], whole.toSpliced(1, 1)],
    ['a gap at the beginning', ['I8'], [winAt(2)]],
    ['one win too many of a user', ['I3'], [...whole, winAt(5, { userId: 'alice', nth: 3 })]],
    ['a win of a user counted wrong', ['I3'], whole.with(2, { ...whole[2]!, nth: 1 })],
    ['a key with two wins', ['I4'], whole.with(2, { ...whole[2]!, key: 'a' })],
  ];
  for (const [name, rules, wins] of plants) {
    it(`finds ${name}`, () => assert.deepEqual(rulesOf(wins), rules));
  }

  it('names event, slot and user', () => {
    const [finding] = checkWins(spec, [...whole, winAt(4, { userId: 'dave', claimId: '4-ffffffffffff' })]);
    assert.equal(finding?.message, 'slot 4 of drop was given to carol (4-000000000004) and to dave (4-ffffffffffff)');
  });
  it('does not take one key of two users, or no key at all, for one', () => {
    assert.deepEqual(rulesOf([winAt(1, { key: 'a' }), winAt(2, { key: 'a' }), winAt(3), winAt(4)]), []);
  });
  it('counts what it does not list', () => {
    const wins = Array.from({ length: 300 }, (_, index) => winAt(index + 6));
    const findings = checkWins(spec, wins);
    assert.equal(findings.length, findingsMax + 1);
    assert.match(findings.at(-1)?.message ?? '', /^and \d+ more$/);
  });
});

describe('the list of findings', () => {
  it('keeps the first hundred and counts the rest', () => {
    const list = findingList();
    assert.deepEqual(list.all(), []);
    for (let number = 1; number <= findingsMax; number += 1) list.add('I1', String(number));
    assert.equal(list.all().length, findingsMax);
    list.add('I2', 'one');
    list.add('I3', 'two');
    assert.deepEqual(list.all().at(-1), { rule: 'I3', message: 'and 2 more' });
    assert.deepEqual(list.all().at(-2), { rule: 'I1', message: String(findingsMax) });
  });
});

describe('the count equation', () => {
  const totals = { won: 10, issued: 4, unissued: 3, failed: 2, discarded: 1 };
  it('holds where every win is somewhere', () => {
    assert.deepEqual(checkTotals(totals), []);
    assert.deepEqual(checkTotals({ won: 0, issued: 0, unissued: 0, failed: 0, discarded: 0 }), []);
  });
  it('is broken by one more or less, anywhere', () => {
    for (const field of Object.keys(totals) as (keyof typeof totals)[]) {
      for (const by of [1, -1]) {
        const [finding] = checkTotals({ ...totals, [field]: totals[field] + by });
        assert.equal(finding?.rule, 'I12', `${field} ${by}`);
      }
    }
  });
  it('is broken where the ledger has more than was won, though the sum is right', () => {
    assert.equal(checkTotals({ won: 3, issued: 5, unissued: -2, failed: 0, discarded: 0 })[0]?.rule, 'I12');
  });
});
