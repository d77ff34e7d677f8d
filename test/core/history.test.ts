/** The checker of histories finds each breach that is planted, and nothing in what is whole. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkHistory, type History, type HistoryEntry, type IssuedWin } from '../../src/core/history.ts';

const spec = { id: 'drop', capacity: 3, limitPerUser: 2 };

const told = (slot: number, nth: number) => ({ slot, nth, claimId: `${slot}-${String(slot).padStart(12, '0')}` });

/** A claim of `user/key` from one time to another. */
function entry(
  who: string,
  times: [number, number],
  outcome: HistoryEntry['outcome'],
  win?: [number, number],
): HistoryEntry {
  const [userId = '', key = null] = who.split('/');
  const [askedAt, answeredAt] = times;
  return { userId, key, askedAt, answeredAt, outcome, win: win === undefined ? null : told(...win) };
}

const coupon = (slot: number, userId: string, nth: number): IssuedWin => ({
  ...told(slot, nth),
  userId,
  code: `CODE${slot}`,
});

// Alice wins twice, with a replay; bob's answer is lost and he never learns that he won the last place; carol is late.
const whole = {
  isWhole: true,
  spec,
  history: [
    entry('alice/a', [0, 10], 'won', [1, 1]),
    entry('alice/b', [5, 20], 'won', [2, 2]),
    entry('alice/a', [12, 15], 'replayed', [1, 1]),
    entry('alice/c', [21, 22], 'limit_reached'),
    entry('bob/a', [21, 40], 'unknown'),
    entry('carol/a', [30, 35], 'sold_out'),
  ],
  coupons: [coupon(1, 'alice', 1), coupon(2, 'alice', 2), coupon(3, 'bob', 1)],
} satisfies History;

const rulesOf = (history: History): string[] =>
  [...new Set(checkHistory(history).map((finding) => finding.rule))].toSorted();

const replacing = (index: number, ...entries: HistoryEntry[]): History => ({
  ...whole,
  history: whole.history.toSpliced(index, 1, ...entries),
});

describe('a history that is whole', () => {
  it('has no findings', () => assert.deepEqual(checkHistory(whole), []));
  it('of nothing has none', () =>
    assert.deepEqual(checkHistory({ isWhole: true, spec, history: [], coupons: [] }), []));
  it('may be told in any order', () =>
    assert.deepEqual(
      checkHistory({ isWhole: true, spec, history: whole.history.toReversed(), coupons: whole.coupons.toReversed() }),
      [],
    ));
  it('may refuse a claim that wins when it is asked again', () => {
    const entries = [entry('alice/a', [0, 1], 'not_open'), entry('alice/a', [2, 3], 'won', [1, 1])];
    assert.deepEqual(checkHistory({ isWhole: true, spec, history: entries, coupons: [coupon(1, 'alice', 1)] }), []);
  });
  it('may replay what a lost answer had won', () => {
    const entries = [
      entry('alice/a', [0, 1], 'unknown'),
      entry('bob/a', [2, 3], 'won', [2, 1]),
      entry('alice/a', [4, 5], 'replayed', [1, 1]),
    ];
    assert.deepEqual(
      checkHistory({ isWhole: true, spec, history: entries, coupons: [coupon(1, 'alice', 1), coupon(2, 'bob', 1)] }),
      [],
    );
  });
  it('where a user may win once, takes all that the user sends for one claim', () => {
    const entries = [entry('alice/a', [0, 1], 'won', [1, 1]), entry('alice/b', [2, 3], 'replayed', [1, 1])];
    const history = {
      isWhole: true,
      spec: { ...spec, limitPerUser: 1 },
      history: entries,
      coupons: [coupon(1, 'alice', 1)],
    };
    assert.deepEqual(checkHistory(history), []);
  });
  it('of 300,000 claims is checked in the time of a few reads', () => {
    const entries: HistoryEntry[] = [];
    const coupons: IssuedWin[] = [];
    for (let slot = 1; slot <= 100_000; slot += 1) {
      entries.push(entry(`user-${slot}/a`, [slot, slot + 1], 'won', [slot, 1]));
      entries.push(entry(`user-${slot}/a`, [slot + 1, slot + 2], 'replayed', [slot, 1]));
      entries.push(entry(`late-${slot}/a`, [200_000, 200_001], 'sold_out'));
      coupons.push(coupon(slot, `user-${slot}`, 1));
    }
    assert.deepEqual(
      checkHistory({ isWhole: true, spec: { ...spec, capacity: 100_000 }, history: entries, coupons }),
      [],
    );
  });
});

describe('a history of which only a part is known', () => {
  it('does not judge what others may have asked for', () => {
    const part = { ...whole, isWhole: false, history: whole.history.filter(({ userId }) => userId !== 'bob') };
    assert.deepEqual(checkHistory(part), []);
    assert.notDeepEqual(checkHistory({ ...part, isWhole: true }), []);
  });
  it('is checked by what clients were told alone where there is no list of coupons', () => {
    assert.deepEqual(checkHistory({ ...whole, isWhole: false, coupons: null }), []);
    const twice = { ...whole, isWhole: false, history: [...whole.history, entry('dave/a', [50, 51], 'won', [1, 1])] };
    assert.ok(rulesOf({ ...twice, coupons: null }).includes('I2'));
  });
});

describe('a planted breach is found', () => {
  const plants: [name: string, rules: string[], history: History][] = [
    ['a slot told to two', ['I2', 'I6'], replacing(1, entry('mallory/a', [5, 20], 'won', [1, 1]))],
    ['a slot beyond the capacity', ['I1', 'I6'], replacing(1, entry('alice/b', [5, 20], 'won', [4, 2]))],
    ['a key told of two slots', ['I4'], replacing(2, entry('alice/a', [12, 15], 'replayed', [2, 2]))],
    [
      'a key told of another claim id',
      ['I4'],
      {
        ...whole,
        history: whole.history.map((one, index) =>
          index === 2 ? { ...one, win: { ...told(1, 1), claimId: '1-ffffffffffff' } } : one,
        ),
      },
    ],
    ['a win refused later', ['I4'], replacing(2, entry('alice/a', [12, 15], 'sold_out'))],
    ['a replay told as a new win', ['I4'], replacing(2, entry('alice/a', [12, 15], 'won', [1, 1]))],
    ['one win too many of a user', ['I3', 'I6'], replacing(3, entry('alice/c', [21, 22], 'won', [3, 3]))],
    ['one nth of a user told twice', ['I3', 'I6'], replacing(1, entry('alice/b', [5, 20], 'won', [2, 1]))],
    [
      'the later of two in the earlier slot',
      ['I8'],
      {
        ...whole,
        history: whole.history
          .with(0, entry('alice/a', [11, 12], 'won', [1, 1]))
          .with(1, entry('alice/b', [5, 9], 'won', [2, 2]))
          .with(2, entry('alice/a', [13, 14], 'replayed', [1, 1])),
      },
    ],
    ['sold out before the last was asked for', ['I17'], replacing(5, entry('carol/a', [3, 4], 'sold_out'))],
    ['sold out with places left', ['I17'], { ...replacing(4), coupons: whole.coupons.slice(0, 2) }],
    [
      'an acknowledged win without a coupon',
      ['I6', 'I8'],
      { ...whole, history: whole.history.slice(0, 5), coupons: whole.coupons.slice(1) },
    ],
    ['a coupon of another user', ['I14', 'I6'], { ...whole, coupons: whole.coupons.with(0, coupon(1, 'dave', 1)) }],
    [
      'a coupon with another claim id',
      ['I6'],
      {
        ...whole,
        coupons: whole.coupons.with(0, { ...coupon(1, 'alice', 1), claimId: '1-ffffffffffff' }),
      },
    ],
    ['a coupon nobody claimed', ['I14'], replacing(4)],
    ['a coupon of a claim that was refused', ['I14', 'I17'], replacing(4, entry('bob/a', [21, 40], 'paused'))],
    [
      'two coupons with one code',
      ['I2'],
      { ...whole, coupons: whole.coupons.with(0, { ...coupon(1, 'alice', 1), code: 'CODE2' }) },
    ],
    ['two coupons on one slot', ['I2'], { ...whole, coupons: [...whole.coupons, coupon(3, 'bob', 1)] }],
  ];
  for (const [name, rules, history] of plants) {
    it(name, () => {
      const found = rulesOf(history);
      for (const rule of rules) assert.ok(found.includes(rule), `${rule} should be among ${found.join(' ')}`);
    });
  }

  it('and its words name the slot and the user', () => {
    const [finding] = checkHistory({ ...whole, coupons: whole.coupons.slice(1) }).filter((one) => one.rule === 'I6');
    assert.equal(finding?.message, 'alice with key a was told slot 1, which has no coupon');
  });

  it('a million times without filling the memory', () => {
    const entries = Array.from({ length: 1000 }, (_, index) => entry(`user-${index}/a`, [0, 1], 'won', [index + 1, 1]));
    const findings = checkHistory({ isWhole: true, spec: { ...spec, capacity: 1000 }, history: entries, coupons: [] });
    assert.deepEqual([findings.length, findings.at(-1)?.message], [101, 'and 900 more']);
  });
});
