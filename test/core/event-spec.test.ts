import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { DibsError } from '../../src/core/errors.ts';
import {
  changedSpec,
  checkSpec,
  type EventPhase,
  type EventSpec,
  isDueToClose,
  type SpecChange,
  sameSpec,
  stateAt,
} from '../../src/core/event-spec.ts';

const spec: EventSpec = { id: 'drop', name: 'Drop', capacity: 10, limitPerUser: 1, opensAt: null, closesAt: null };

function faultsOf(act: () => unknown): string[] {
  try {
    act();
    return [];
  } catch (error) {
    assert.ok(error instanceof DibsError, String(error));
    assert.equal(error.code, 'invalid_request');
    return (error.details.errors ?? []).map((fault) => fault.path);
  }
}

const timeMax = 253_402_300_799_999;
const notWhole = [0, -1, 1.5, Number.NaN, Infinity, -Infinity, 2 ** 53, '1', null, true, 1n, {}] as unknown[];
const notTimes = [-1, 0.5, Number.NaN, Infinity, timeMax + 1, '2026-01-01', new Date(0), {}] as unknown[];
const controls = Array.from({ length: 0x21 }, (_, code) => String.fromCharCode(code === 0x20 ? 0x7f : code));

const fields: Record<string, { allowed: unknown[]; refused: unknown[] }> = {
  name: {
    allowed: ['D', 'x'.repeat(200), '🎟'.repeat(200), '한정 판매', ' D ', '\u00a0x', 'a\u200bb', "Robert'); DROP TABLE"],
    refused: [
      '',
      ' ',
      '   ',
      '\u3000',
      'x'.repeat(201),
      '🎟'.repeat(201),
      '\ud800',
      'a\udc00b',
      'x\u0085',
      'x\u009f',
      7,
      null,
      {},
    ],
  },
  capacity: { allowed: [1, 2, 10_000_000], refused: [...notWhole, 10_000_001] },
  limitPerUser: { allowed: [1, 100], refused: [...notWhole, 101] },
  opensAt: { allowed: [null, 0, timeMax], refused: notTimes },
  closesAt: { allowed: [null, 0, timeMax], refused: notTimes },
  id: { allowed: ['a', `a${'b'.repeat(63)}`], refused: ['', '.a', 'a b', 'a'.repeat(65), 7, null] },
};

describe('a spec', () => {
  for (const [field, { allowed, refused }] of Object.entries(fields)) {
    for (const value of allowed) {
      it(`allows ${field} ${String(value).slice(0, 20)}`, () =>
        assert.deepEqual(
          faultsOf(() => checkSpec({ ...spec, [field]: value })),
          [],
        ));
    }
    for (const value of refused) {
      it(`refuses ${field} ${typeof value} ${String(value).slice(0, 20)}`, () =>
        assert.deepEqual(
          faultsOf(() => checkSpec({ ...spec, [field]: value })),
          [`/${field}`],
        ));
    }
  }
  it('refuses every control character in its name', () => {
    for (const char of controls)
      assert.deepEqual(
        faultsOf(() => checkSpec({ ...spec, name: `a${char}b` })),
        ['/name'],
      );
  });
  it('closes behind its opening', () => {
    assert.deepEqual(
      faultsOf(() => checkSpec({ ...spec, opensAt: 5, closesAt: 6 })),
      [],
    );
    for (const closesAt of [5, 4, 0]) {
      assert.deepEqual(
        faultsOf(() => checkSpec({ ...spec, opensAt: 5, closesAt })),
        ['/closesAt'],
      );
    }
  });
  it('names every field that does not fit at once', () => {
    const bad = { id: '', name: '', capacity: 0, limitPerUser: 0, opensAt: -1, closesAt: -1 };
    const paths = ['/capacity', '/closesAt', '/id', '/limitPerUser', '/name', '/opensAt'];
    assert.deepEqual(faultsOf(() => checkSpec(bad)).toSorted(), paths);
  });
});

describe('a changed spec', () => {
  it('has what the change names, and keeps the rest', () => {
    const timed = { ...spec, opensAt: 5, closesAt: 9 };
    const rows: [SpecChange, Partial<EventSpec>][] = [
      [{}, {}],
      [{ name: 'Other' }, { name: 'Other' }],
      [{ capacity: 11 }, { capacity: 11 }],
      [{ opensAt: null }, { opensAt: null }],
      [{ closesAt: null }, { closesAt: null }],
      [
        { opensAt: 9, closesAt: 10 },
        { opensAt: 9, closesAt: 10 },
      ],
    ];
    for (const [change, expected] of rows) assert.deepEqual(changedSpec(timed, change), { ...timed, ...expected });
    assert.deepEqual(timed, { ...spec, opensAt: 5, closesAt: 9 });
  });
  it('refuses what a spec refuses', () => {
    for (const [field, { refused }] of Object.entries(fields)) {
      if (field === 'id' || field === 'limitPerUser') continue;
      for (const value of refused) {
        assert.deepEqual(
          faultsOf(() => changedSpec(spec, { [field]: value })),
          [`/${field}`],
          `${field} ${String(value)}`,
        );
      }
    }
  });
  it('is judged as a whole: a time alone may contradict the one that stands', () => {
    assert.deepEqual(
      faultsOf(() => changedSpec({ ...spec, opensAt: 5 }, { closesAt: 5 })),
      ['/closesAt'],
    );
    assert.deepEqual(
      faultsOf(() => changedSpec({ ...spec, closesAt: 5 }, { opensAt: 7 })),
      ['/closesAt'],
    );
  });
});

describe('the state of an event', () => {
  const rows: [
    EventPhase,
    opensAt: number | null,
    closesAt: number | null,
    now: number,
    state: string,
    due: boolean,
  ][] = [
    ['active', null, null, 5, 'open', false],
    ['active', 5, null, 4, 'scheduled', false],
    ['active', 5, null, 5, 'open', false],
    ['active', null, 5, 4, 'open', false],
    ['active', null, 5, 5, 'closed', true],
    ['active', 3, 5, 2, 'scheduled', false],
    ['active', 3, 5, 4, 'open', false],
    ['active', 3, 5, 6, 'closed', true],
    ['paused', null, null, 5, 'paused', false],
    ['paused', 5, null, 4, 'scheduled', false],
    ['paused', 5, null, 5, 'paused', false],
    ['paused', null, 5, 5, 'closed', true],
    ['closed', null, null, 5, 'closed', false],
    ['closed', 5, null, 4, 'closed', false],
    ['closed', null, 5, 4, 'closed', false],
    ['closed', null, 5, 6, 'closed', false],
  ];
  for (const [phase, opensAt, closesAt, now, state, due] of rows) {
    it(`${phase}, opens ${opensAt ?? 'at once'}, closes ${closesAt ?? 'never'}, at ${now}: ${state}`, () => {
      const event = { phase, spec: { ...spec, opensAt, closesAt } };
      assert.equal(stateAt(event, now), state);
      assert.equal(isDueToClose(event, now), due);
    });
  }

  it('only goes on as time does, where nobody acts: scheduled, open, closed', () => {
    const order = ['scheduled', 'open', 'closed'];
    const time = fc.option(fc.nat(50));
    fc.assert(
      fc.property(time, time, fc.nat(60), fc.nat(60), (opensAt, closesAt, one, other) => {
        const event = { phase: 'active' as const, spec: { ...spec, opensAt, closesAt } };
        const [early, late] = [Math.min(one, other), Math.max(one, other)];
        assert.ok(order.indexOf(stateAt(event, early)) <= order.indexOf(stateAt(event, late)));
      }),
    );
  });
});

describe('two specs', () => {
  it('are the same where every field is', () => {
    assert.ok(sameSpec(spec, { ...spec }));
    const others: Partial<EventSpec>[] = [
      { id: 'x' },
      { name: 'x' },
      { capacity: 11 },
      { limitPerUser: 2 },
      { opensAt: 0 },
      { closesAt: 0 },
    ];
    for (const other of others) assert.ok(!sameSpec(spec, { ...spec, ...other }), JSON.stringify(other));
  });
});
