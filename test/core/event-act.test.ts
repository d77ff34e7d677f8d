import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type ActOutcome, type EventCommand, judgeCommand } from '../../src/core/event-act.ts';
import type { EventPhase, EventSnapshot, EventSpec, SpecChange } from '../../src/core/event-spec.ts';
import { DibsError } from '../../src/core/errors.ts';

const now = 1000;
const spec: EventSpec = { id: 'drop', name: 'Drop', capacity: 10, limitPerUser: 1, opensAt: null, closesAt: null };

const eventOf = (other: Partial<EventSnapshot> = {}, change: Partial<EventSpec> = {}): EventSnapshot => ({
  spec: { ...spec, ...change },
  phase: 'active',
  revision: 3,
  epoch: 1,
  won: 4,
  acts: 0,
  createdAt: 0,
  lastTime: 0,
  ...other,
});

function judge(
  event: EventSnapshot,
  command: EventCommand,
  ifRevision: number | null = null,
): ActOutcome | null | string {
  try {
    return judgeCommand(event, command, ifRevision, now);
  } catch (error) {
    assert.ok(error instanceof DibsError, String(error));
    return error.code;
  }
}

describe('pause, resume and close', () => {
  const rows: [EventPhase, 'pause' | 'resume' | 'close', expected: EventPhase | null][] = [
    ['active', 'pause', 'paused'],
    ['active', 'resume', null],
    ['active', 'close', 'closed'],
    ['paused', 'pause', null],
    ['paused', 'resume', 'active'],
    ['paused', 'close', 'closed'],
  ];
  for (const [phase, act, expected] of rows) {
    it(`${act} of an event that is ${phase}: ${expected ?? 'nothing to do'}`, () => {
      const outcome = judge(eventOf({ phase }), { act });
      assert.deepEqual(outcome, expected === null ? null : { act, spec, phase: expected });
    });
  }

  const commands: EventCommand[] = [
    { act: 'pause' },
    { act: 'resume' },
    { act: 'close' },
    { act: 'change', change: {} },
  ];
  for (const command of commands) {
    it(`${command.act} is refused where the event is closed, by hand or by time`, () => {
      assert.equal(judge(eventOf({ phase: 'closed' }), command), 'closed');
      assert.equal(judge(eventOf({}, { closesAt: now }), command), 'closed');
      assert.equal(judge(eventOf({ phase: 'paused' }, { closesAt: now - 1 }), command), 'closed');
      assert.notEqual(judge(eventOf({}, { closesAt: now + 1 }), command), 'closed');
    });
    it(`${command.act} is refused under another revision, before every other reason`, () => {
      for (const revision of [0, 2, 4, Number.NaN]) {
        assert.equal(judge(eventOf(), command, revision), 'revision_mismatch');
        assert.equal(judge(eventOf({ phase: 'closed' }), command, revision), 'revision_mismatch');
      }
      assert.notEqual(judge(eventOf(), command, 3), 'revision_mismatch');
    });
  }
});

describe('a change', () => {
  const change = (event: EventSnapshot, change: SpecChange) => judge(event, { act: 'change', change });
  const changed = (other: Partial<EventSpec>, phase: EventPhase = 'active') => ({
    act: 'change',
    spec: { ...spec, ...other },
    phase,
  });

  it('of nothing is nothing to do', () => {
    for (const same of [{}, { name: 'Drop' }, { capacity: 10 }, { opensAt: null, closesAt: null }]) {
      assert.equal(change(eventOf(), same), null);
    }
  });
  it('keeps the phase', () => {
    assert.deepEqual(change(eventOf({ phase: 'paused' }), { name: 'Other' }), changed({ name: 'Other' }, 'paused'));
  });
  it('raises the capacity at any time, and lowers it to what is won', () => {
    for (const capacity of [4, 5, 11, 10_000_000])
      assert.deepEqual(change(eventOf(), { capacity }), changed({ capacity }));
    for (const capacity of [1, 3]) assert.equal(change(eventOf(), { capacity }), 'capacity_below_won');
  });
  it('moves the closing time, also to the past', () => {
    for (const closesAt of [now + 5, now, 1]) assert.deepEqual(change(eventOf(), { closesAt }), changed({ closesAt }));
  });

  const openings: [opensAt: number | null, to: number | null, allowed: boolean][] = [
    [now + 1, now + 2, true],
    [now + 1, now - 5, true],
    [now + 1, null, true],
    [now, now + 2, false],
    [now - 1, null, false],
    [null, now + 2, false],
    [null, null, true],
    [now, now, true],
  ];
  for (const [opensAt, to, allowed] of openings) {
    it(`of the opening from ${opensAt ?? 'at once'} to ${to ?? 'at once'} at ${now}: ${allowed ? 'allowed' : 'refused'}`, () => {
      for (const phase of ['active', 'paused'] as const) {
        const outcome = change(eventOf({ phase }, { opensAt }), { opensAt: to });
        const expected = opensAt === to ? null : changed({ opensAt: to }, phase);
        assert.deepEqual(outcome, allowed ? expected : 'already_open');
      }
    });
  }

  it('of nonsense is refused, also where the event has sold', () => {
    const bad: SpecChange[] = [
      { capacity: 0 },
      { capacity: 1.5 },
      { name: '' },
      { closesAt: -1 },
      { opensAt: now + 9, closesAt: now + 9 },
    ];
    for (const one of bad) assert.equal(change(eventOf(), one), 'invalid_request');
  });

  it('never leaves an event with less capacity than wins, nor another id or limit', () => {
    const time = fc.option(fc.integer({ min: -5, max: 2000 }), { nil: null });
    const any = fc.record(
      { name: fc.string(), capacity: fc.integer({ min: -2, max: 30 }), opensAt: time, closesAt: time },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(any, fc.nat(10), (one, won) => {
        const outcome = judge(eventOf({ won }), { act: 'change', change: one });
        if (outcome === null || typeof outcome === 'string') return;
        assert.ok(outcome.spec.capacity >= won);
        assert.deepEqual([outcome.spec.id, outcome.spec.limitPerUser], [spec.id, spec.limitPerUser]);
      }),
    );
  });

  it('says what stands against it', () => {
    const detailsOf = (act: () => unknown) => {
      try {
        act();
      } catch (error) {
        return error instanceof DibsError ? error.details : null;
      }
      return null;
    };
    assert.deepEqual(
      detailsOf(() => judgeCommand(eventOf(), { act: 'pause' }, 9, now)),
      { revision: 3 },
    );
    assert.deepEqual(
      detailsOf(() => judgeCommand(eventOf(), { act: 'change', change: { capacity: 1 } }, null, now)),
      { won: 4 },
    );
  });
});
