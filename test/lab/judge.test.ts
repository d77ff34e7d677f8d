/** The judge itself: evidence made by hand for every verdict, and for which of two goes first. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Evidence, judge, type ToldClaim } from '../../src/lab/judge.ts';
import { type Verdict, verdicts } from '../../src/lab/verdict.ts';

/** A claim of a user that was asked and answered at these times. */
function told(userId: string, answer: ToldClaim['answer'], at: readonly [asked: number, answered: number]): ToldClaim {
  return { userId, answer, win: null, trouble: null, askedAt: at[0], answeredAt: at[1] };
}

/** Three users one after another: two places, two winners, and one who came too late. */
const good: Evidence = {
  capacity: 2,
  told: [told('a', 'won', [0, 1]), told('b', 'won', [2, 3]), told('c', 'sold-out', [4, 5])],
  users: ['a', 'b'],
  coupons: null,
  allotted: 2,
};

const soldOutEarly = [told('a', 'won', [0, 1]), told('c', 'sold-out', [2, 3]), told('b', 'won', [4, 5])];

const cases: Readonly<Record<Verdict, readonly Partial<Evidence>[]>> = {
  safe: [
    {},
    { allotted: null },
    // His answer was lost, and he came again.
    { told: [told('a', 'already', [0, 1]), ...good.told.slice(1)] },
    // Three at once: in whichever order the two stand.
    { told: good.told.map((one) => ({ ...one, askedAt: 0, answeredAt: 9 })), users: ['b', 'a'] },
  ],
  'turned-away': [
    { told: [told('d', 'busy', [0, 1]), ...good.told] },
    { told: [...good.told, told('d', 'error', [6, 7])] },
    // All that came were told to come later, and nobody was told that it is too late.
    { told: [told('a', 'busy', [0, 1])], users: [], allotted: 0 },
  ],
  'out-of-order': [{ users: ['b', 'a'] }],
  unfair: [{ told: soldOutEarly }],
  under: [
    {
      told: [told('a', 'won', [0, 1]), told('b', 'sold-out', [2, 3]), told('c', 'sold-out', [4, 5])],
      users: ['a'],
      allotted: 1,
    },
  ],
  misled: [
    // He has a coupon, and was told that all are gone.
    { told: [told('a', 'sold-out', [0, 1]), ...good.told.slice(1)] },
    // He was told that he has won, and later that all are gone.
    { told: [...good.told, told('a', 'sold-out', [6, 7])] },
  ],
  leaked: [
    {
      allotted: 2,
      users: ['a'],
      told: [told('a', 'won', [0, 1]), told('b', 'error', [2, 3]), told('c', 'sold-out', [4, 5])],
    },
  ],
  'locked-out': [{ told: [...good.told, told('d', 'already', [6, 7])] }],
  lost: [{ users: ['a'] }, { users: ['a'], allotted: null }],
  over: [{ users: ['a', 'b', 'c'], told: good.told.map((one) => ({ ...one, answer: 'won' as const })), allotted: 3 }],
  duplicates: [{ users: ['a', 'a'], told: [told('a', 'won', [0, 1]), told('a', 'won', [2, 3])] }],
};

describe('the verdict', () => {
  for (const verdict of verdicts) {
    for (const [i, change] of cases[verdict].entries()) {
      test(`${verdict}, ${i + 1}`, () => {
        const judged = judge({ ...good, ...change });
        assert.equal(judged.verdict, verdict, JSON.stringify(judged));
        const isQuiet = verdict === 'safe' || verdict === 'turned-away';
        assert.equal(judged.findings.length === 0, isQuiet, JSON.stringify(judged.findings));
      });
    }
  }

  /** What is wrong with each of the graver ones, all at once. */
  const together: Readonly<Record<string, Partial<Evidence>>> = {
    'duplicates before over': {
      users: ['a', 'a', 'b'],
      told: [told('a', 'won', [0, 1]), told('a', 'won', [2, 3]), told('b', 'won', [4, 5])],
    },
    'over before lost': {
      users: ['a', 'b', 'c'],
      told: ['a', 'b', 'c', 'd'].map((user, i) => told(user, 'won', [2 * i, 2 * i + 1])),
    },
    'lost before locked-out': { users: ['a'], told: [...good.told, told('d', 'already', [6, 7])] },
    'locked-out before leaked': {
      users: ['a'],
      told: [told('a', 'won', [0, 1]), told('b', 'error', [2, 3]), told('b', 'already', [4, 5])],
    },
    'leaked before misled': {
      users: ['a'],
      told: [told('a', 'sold-out', [0, 1]), told('b', 'error', [2, 3])],
    },
    'misled before under': {
      users: ['a'],
      allotted: 1,
      told: [told('a', 'sold-out', [0, 1]), told('b', 'sold-out', [2, 3])],
    },
    'unfair before out-of-order': {
      users: ['b', 'a'],
      told: soldOutEarly,
    },
    'out-of-order before turned-away': { users: ['b', 'a'], told: [...good.told, told('d', 'busy', [6, 7])] },
  };
  for (const [name, change] of Object.entries(together)) {
    test(name, () => {
      const [graver = ''] = name.split(' ');
      const judged = judge({ ...good, ...change });
      assert.equal(judged.verdict, graver, JSON.stringify(judged));
    });
  }
});

describe('the figures', () => {
  test('count whom they name', () => {
    const { over, under, duplicates, lost, lockedOut, leaked, issued } = judge({
      capacity: 4,
      told: [
        told('a', 'won', [0, 1]),
        told('b', 'won', [2, 3]),
        told('c', 'already', [4, 5]),
        told('d', 'sold-out', [6, 7]),
        told('a', 'won', [8, 9]),
      ],
      users: ['a', 'a'],
      coupons: null,
      allotted: 4,
    });
    const figures = { over, under, duplicates, lost, lockedOut, leaked, issued };
    assert.deepEqual(figures, { over: 0, under: 2, duplicates: 1, lost: 1, lockedOut: 1, leaked: 2, issued: 2 });
  });

  test('tell apart who was turned away while there were places', () => {
    const away = [told('x', 'busy', [0, 1]), told('y', 'error', [2, 2.5]), told('z', 'busy', [6, 7])];
    const judged = judge({ ...good, told: [...good.told, ...away] });
    assert.deepEqual([judged.turnedAway, judged.turnedAwayEarly], [3, 2]);
  });

  test('of a user who was told that he has won, and then that he has a coupon, are lost alone', () => {
    const judged = judge({ ...good, users: ['a'], told: [...good.told, told('b', 'already', [6, 7])] });
    assert.deepEqual([judged.lost, judged.lockedOut], [1, 0]);
  });
});

describe('coupons with slots of their own', () => {
  const coupon = (slot: number, userId: string) => ({
    slot,
    userId,
    nth: 1,
    claimId: `c${slot}`,
    code: `code-${slot}`,
  });
  const won = (userId: string, slot: number, at: readonly [number, number]): ToldClaim => ({
    ...told(userId, 'won', at),
    win: { slot, nth: 1, claimId: `c${slot}` },
  });
  const base: Evidence = { ...good, users: [], coupons: [coupon(1, 'a'), coupon(2, 'b')] };

  test('are compared with what was told', () => {
    const right = [won('a', 1, [0, 1]), won('b', 2, [2, 3])];
    assert.equal(judge({ ...base, told: right }).verdict, 'safe');
    assert.equal(judge({ ...base, told: [won('a', 2, [0, 1]), won('b', 1, [2, 3])] }).verdict, 'misled');
    assert.equal(judge({ ...base, told: [...right, won('c', 3, [4, 5])], allotted: null }).verdict, 'lost');
  });

  test('that change hands are found', () => {
    const swapped = [coupon(2, 'a'), coupon(1, 'b')];
    const histories = [won('a', 2, [0, 1]), won('b', 1, [2, 3])];
    assert.equal(judge({ ...base, coupons: swapped, told: histories }).verdict, 'out-of-order');
  });
});
