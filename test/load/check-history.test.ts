import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { checkHistory, type HistoryFinding, type ListedCoupon } from '../../src/load/check-history.ts';
import type { HistoryEntry } from '../../src/load/history.ts';

const spec = { id: 'e', capacity: 3, limitPerUser: 1 };

type Told = [askedAt: number, answeredAt: number, userId: string, outcome: HistoryEntry['outcome'], slot?: number];

const entry = ([askedAt, answeredAt, userId, outcome, slot]: Told, key: string | null = null): HistoryEntry => ({
  eventId: 'e',
  userId,
  key,
  outcome,
  win: slot === undefined ? null : { slot, nth: 1, claimId: `${slot}-${userId}` },
  status: 0,
  trouble: null,
  askedAt,
  answeredAt,
  attempts: 1,
});

const coupon = (slot: number, userId: string): ListedCoupon => ({
  slot,
  userId,
  nth: 1,
  claimId: `${slot}-${userId}`,
  code: `C${slot}`,
});

// Three win, a click is doubled, one is unknown, two come too late.
const fair: Told[] = [
  [0, 2, 'a', 'won', 1],
  [0, 3, 'a', 'replayed', 1],
  [1, 4, 'b', 'unknown'],
  [3, 5, 'c', 'won', 3],
  [4, 6, 'd', 'sold_out'],
  [5, 7, 'b', 'replayed', 2],
  [8, 9, 'e', 'sold_out'],
];
const issued = [coupon(1, 'a'), coupon(2, 'b'), coupon(3, 'c')];

const rules = (told: Told[], coupons: ListedCoupon[] | null = null, capacity = 3): HistoryFinding['rule'][] =>
  checkHistory({
    spec: { ...spec, capacity },
    history: told.map((told) => entry(told)),
    coupons,
    isWhole: true,
  }).map(({ rule }) => rule);

describe('a history', () => {
  test('of a fair run has no findings', () => assert.deepEqual(rules(fair, issued), []));

  const broken: [string, HistoryFinding['rule'], Told[]][] = [
    ['a slot given twice', 'I2', [...fair, [5, 6, 'x', 'won', 1]]],
    ['a slot beyond the capacity', 'I1', [...fair, [2, 6, 'x', 'won', 4]]],
    [
      'two slots for one user',
      'I4',
      [
        [0, 2, 'a', 'won', 1],
        [0, 2, 'a', 'won', 2],
      ],
    ],
    ['a win taken back', 'I4', [...fair, [10, 11, 'a', 'sold_out']]],
    ['a win that comes a second time as new', 'I4', [...fair, [10, 11, 'a', 'won', 1]]],
    [
      'a later claim with an earlier slot',
      'order',
      [
        [0, 1, 'a', 'won', 2],
        [2, 3, 'b', 'won', 1],
      ],
    ],
    [
      'one late claim among many',
      'order',
      [
        [0, 9, 'a', 'won', 1],
        [5, 6, 'b', 'won', 2],
        [0, 3, 'c', 'won', 3],
      ],
    ],
    [
      'sold out while places are left',
      'sold_out',
      [
        [0, 1, 'a', 'won', 1],
        [0, 2, 'd', 'sold_out'],
      ],
    ],
    [
      'sold out before a win was asked for',
      'sold_out',
      [...fair.slice(0, 3), [0, 1, 'd', 'sold_out'], [3, 5, 'c', 'won', 3]],
    ],
  ];
  for (const [name, rule, told] of broken) {
    test(`shows ${name}`, () => assert.deepEqual(rules(told), [rule]));
  }

  test('may be of many keys a user', () => {
    const twice = (key: string, slot: number, nth: number): HistoryEntry => ({
      ...entry([0, 1, 'a', 'won', slot], key),
      win: { slot, nth, claimId: `${slot}` },
    });
    const check = (history: HistoryEntry[]) =>
      checkHistory({ spec: { ...spec, limitPerUser: 2 }, history, coupons: null, isWhole: false });
    assert.deepEqual(check([twice('k1', 1, 1), twice('k2', 2, 2)]), []);
    assert.equal(check([twice('k1', 1, 1), twice('k1', 2, 2)])[0]?.rule, 'I4');
    assert.equal(check([twice('k1', 1, 1), twice('k2', 2, 1)])[0]?.rule, 'I3');
    assert.equal(check([twice('k1', 1, 1), twice('k2', 2, 2), twice('k3', 3, 3)])[0]?.rule, 'I3');
  });
});

describe('the coupons', () => {
  test('may hold more than the client was told of', () => assert.deepEqual(rules(fair.slice(0, 2), issued), []));

  test('must hold every win that it was told of', () => {
    assert.deepEqual(rules(fair, issued.slice(0, 2)), ['I6']);
    assert.deepEqual(rules(fair, [coupon(1, 'a'), coupon(2, 'x'), coupon(3, 'c')]), ['I6']);
  });

  test('must keep the promise among themselves', () => {
    assert.deepEqual(rules([], [coupon(1, 'a'), coupon(3, 'c')]), ['I8']);
    assert.deepEqual(rules([], [coupon(1, 'a'), { ...coupon(2, 'a'), nth: 2 }]), ['I3']);
    assert.deepEqual(rules([], [...issued, coupon(4, 'd')]), ['I1']);
    assert.deepEqual(rules([], [coupon(1, 'a'), { ...coupon(2, 'b'), code: 'C1' }]), ['I2']);
  });
});
