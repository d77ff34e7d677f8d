import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { emptyFold, type FoldState, fold } from '../../src/core/fold.ts';
import type { LogRecord } from '../../src/core/record.ts';
import type { Win } from '../../src/core/win.ts';
import { claimIdOf } from '../../src/lib/claim-id.ts';
import { eventRecord, specOf, winAt, winsRecord } from './records.ts';

/** Folds records in order; stops at a conflict and gives its message. */
function foldAll(records: readonly LogRecord[], from: FoldState = emptyFold()): FoldState | string {
  let state = from;
  for (const record of records) {
    const next = fold(state, record);
    if (!next.ok) return next.conflict.message;
    state = next.state;
  }
  return state;
}

const whole = (records: readonly LogRecord[]): FoldState => {
  const state = foldAll(records);
  return typeof state === 'string' ? assert.fail(state) : state;
};

const life: LogRecord[] = [
  eventRecord(1),
  winsRecord(winAt(1), winAt(2, { userId: 'user-1', nth: 2 })),
  eventRecord(2, { won: 2, n: 1, phase: 'paused', time: 300 }),
  eventRecord(3, { won: 2, n: 2, spec: specOf({ capacity: 4 }), time: 200 }),
  winsRecord(winAt(3), winAt(4)),
];

describe('the fold', () => {
  it('of nothing is nothing', () => {
    const { users, claimIds, ...state } = emptyFold();
    assert.deepEqual(state, { spec: null, phase: 'active', revision: 0, epoch: 0, won: 0, acts: 0, lastTime: 0 });
    assert.deepEqual([users.size, claimIds.length], [0, 0]);
  });

  it('is what the records say, each of them in full', () => {
    const { users, ...state } = whole(life);
    assert.deepEqual(state, {
      spec: specOf({ capacity: 4 }),
      phase: 'active',
      revision: 3,
      epoch: 1,
      won: 4,
      acts: 0,
      lastTime: 300,
      claimIds: [1, 2, 3, 4].map((slot) => winAt(slot).claimId),
    });
    assert.deepEqual(
      [...users],
      [
        ['user-1', 2],
        ['user-3', 1],
        ['user-4', 1],
      ],
    );
  });

  it('counts the event records behind the last win', () => {
    assert.deepEqual(
      life.map((_, index) => whole(life.slice(0, index + 1)).acts),
      [1, 0, 1, 2, 0],
    );
  });

  it('may begin at a later revision: a ledger keeps only the last', () => {
    const state = whole([
      eventRecord(7, { act: 'recover', n: 1 }),
      winsRecord(winAt(1)),
      eventRecord(8, { won: 1, n: 1 }),
    ]);
    assert.deepEqual([state.revision, state.won], [8, 1]);
  });

  it('has users byte for byte', () => {
    const ids = ['alice', 'ALICE', '__proto__', 'constructor'];
    const state = whole([eventRecord(1), winsRecord(...ids.map((userId, index) => winAt(index + 1, { userId })))]);
    assert.deepEqual([...state.users.keys()], ids);
  });
});

describe('repeats are harmless', () => {
  it('of each record, at once or at the end', () => {
    const once = whole(life);
    assert.deepEqual(whole(life.flatMap((record) => [record, record])), once);
    assert.deepEqual(whole([...life, ...life]), once);
    for (const record of life) assert.deepEqual(whole([...life, record]), once);
  });
  it('of the first part of a batch, with the rest of it behind', () => {
    const state = whole([eventRecord(1), winsRecord(winAt(1), winAt(2)), winsRecord(winAt(2), winAt(3))]);
    assert.equal(state.won, 3);
  });
  it('of the whole beginning, as after a lost acknowledgement', () => {
    for (let end = 0; end <= life.length; end += 1)
      assert.deepEqual(whole([...life.slice(0, end), ...life]), whole(life));
  });
});

describe('a conflict', () => {
  const before = [eventRecord(1), winsRecord(winAt(1), winAt(2))];
  const rows: [name: string, record: LogRecord, message: RegExp, slot: number | null][] = [
    ['a gap before a win', winsRecord(winAt(4)), /slot 4 follows slot 2/, 4],
    ['a gap within a batch', winsRecord(winAt(3), winAt(5)), /slot 5 follows slot 3/, 5],
    [
      'wins out of order',
      winsRecord(winAt(3), winAt(4), winAt(3, { claimId: '3-ffffffffffff' })),
      /slot 3 belongs to/,
      3,
    ],
    [
      'another win on a slot',
      winsRecord(winAt(2, { claimId: '2-ffffffffffff' })),
      /slot 2 belongs to 2-000000000002/,
      2,
    ],
    [
      'a win beyond the capacity',
      winsRecord(...[3, 4, 5, 6, 7, 8, 9, 10, 11].map((slot) => winAt(slot))),
      /capacity of 10/,
      11,
    ],
    ['a gap in the wins of a user', winsRecord(winAt(3, { nth: 2 })), /win 2 of user user-3 follows win 0/, 3],
    [
      'a repeated number of a user',
      winsRecord(winAt(3, { userId: 'user-1', nth: 1 })),
      /win 1 of user user-1 follows win 1/,
      3,
    ],
    [
      'one win too many of a user',
      winsRecord(winAt(3, { userId: 'user-1', nth: 2 }), winAt(4, { userId: 'user-1', nth: 3 })),
      /who may have 2/,
      4,
    ],
    ['a slot of 0', winsRecord(winAt(0)), /slot 0 belongs to/, 0],
    ['a gap in the revisions', eventRecord(3, { won: 2 }), /revision 3 follows revision 1/, null],
    ['a revision made earlier', eventRecord(2, { won: 1 }), /made at slot 1, but 2 were won/, null],
    ['a revision made later', eventRecord(2, { won: 3 }), /made at slot 3, but 2 were won/, null],
    [
      'a capacity below what is won',
      eventRecord(2, { won: 2, spec: specOf({ capacity: 1 }) }),
      /capacity to 1, but 2/,
      null,
    ],
  ];
  for (const [name, record, message, slot] of rows) {
    it(`is ${name}`, () => {
      const result = fold(whole(before), record);
      assert.ok(!result.ok);
      assert.match(result.conflict.message, message);
      assert.deepEqual([result.conflict.eventId, result.conflict.slot], ['drop', slot]);
    });
  }
  it('are wins of an event that was not created', () => {
    assert.equal(foldAll([winsRecord(winAt(1))]), 'wins of an event that was not created');
  });
});

describe('random lives', () => {
  /** Batches of wins and revisions as a gate would write them. */
  const lives = fc.array(fc.oneof(fc.array(fc.nat(5), { minLength: 1, maxLength: 4 }), fc.constant('act')), {
    maxLength: 12,
  });

  function recordsOf(steps: readonly (number[] | string)[]): LogRecord[] {
    const spec = specOf({ capacity: 1000, limitPerUser: 100 });
    const records: LogRecord[] = [eventRecord(1, { spec })];
    const nths = new Map<number, number>();
    let [won, n, revision] = [0, 1, 1];
    for (const step of steps) {
      if (typeof step === 'string') {
        n += 1;
        revision += 1;
        records.push(eventRecord(revision, { spec, won, n, phase: revision % 2 === 0 ? 'paused' : 'active' }));
        continue;
      }
      const wins = step.map((user): Win => {
        const nth = (nths.get(user) ?? 0) + 1;
        nths.set(user, nth);
        won += 1;
        const place = { slot: won, userId: `user-${user}`, nth, key: `key-${won}`, wonAt: 100 + won };
        return { ...place, claimId: claimIdOf('drop', 1, place) };
      });
      n = 0;
      records.push(winsRecord(...wins));
    }
    return records;
  }

  it('fold to the same however they are cut into batches and pieces', () => {
    fc.assert(
      fc.property(lives, fc.nat(), (steps, cut) => {
        const records = recordsOf(steps);
        const single: LogRecord[] = [];
        for (const record of records) {
          if (record.type === 'event') single.push(record);
          else single.push(...record.wins.map((win) => winsRecord(win)));
        }
        assert.deepEqual(whole(single), whole(records));
        const at = cut % (records.length + 1);
        assert.deepEqual(foldAll(records.slice(at), whole(records.slice(0, at))), whole(records));
      }),
    );
  });

  it('have prefixes that fold, and repeats anywhere before the end change nothing', () => {
    fc.assert(
      fc.property(lives, fc.array(fc.tuple(fc.nat(), fc.nat())), (steps, repeats) => {
        const records = recordsOf(steps);
        const told = [...records];
        for (const [what, where] of repeats) {
          const from = what % records.length;
          // A repeat comes behind its first occurrence.
          const first = told.indexOf(records[from]!);
          told.splice(first + 1 + (where % (told.length - first)), 0, records[from]!);
        }
        for (let end = 1; end <= told.length; end += 1) assert.notEqual(typeof foldAll(told.slice(0, end)), 'string');
        assert.deepEqual(whole(told), whole(records));
      }),
    );
  });

  it('conflict as soon as one record is left out, unless it was the last', () => {
    fc.assert(
      fc.property(lives, fc.nat(), (steps, which) => {
        const records = recordsOf(steps);
        const at = which % records.length;
        if (at === records.length - 1) return;
        const left = records.toSpliced(at, 1);
        // A revision may be missing at the very beginning alone, where a rebuilt event begins at its last.
        if (at === 0 && left[0]?.type === 'event' && left[0].won === 0) return;
        const state = foldAll(left);
        const isHidden =
          typeof state !== 'string' &&
          left.slice(at).every((record) => record.type === 'wins') &&
          records[at]?.type === 'event';
        if (!isHidden) assert.equal(typeof state, 'string', `record ${at} of ${records.length} was left out`);
      }),
    );
  });
});
