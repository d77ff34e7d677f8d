/** Events as organisers make and change them: every fault refused with nothing changed, every act a numbered revision. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { DibsError } from '../../src/core/errors.ts';
import type { EventChange, NewEvent, TimeInput } from '../../src/engine/views.ts';
import { wrapGate, wrapLedger } from '../../src/testing/canaries/wrap.ts';
import { troubleOf } from '../../src/testing/refusal.ts';
import { openRig, unavailable } from './fixture.ts';

const minute = 60_000;
const drop: NewEvent = { id: 'drop', name: 'A drop', capacity: 3 };
const pathsOf = (trouble: DibsError) => (trouble.details.errors ?? []).map((fault) => fault.path);

describe('creating an event', () => {
  it('is refused with every fault at once, and nothing is made', async (t) => {
    const { dibs } = await openRig(t);
    const odd: [NewEvent, string[]][] = [
      [{ ...drop, name: '', capacity: 0, limitPerUser: 101 }, ['/name', '/capacity', '/limitPerUser']],
      [{ ...drop, id: '.hidden', capacity: 10_000_001 }, ['/capacity', '/id']],
      [{ ...drop, id: 'a'.repeat(65) }, ['/id']],
      [{ ...drop, id: '' }, ['/id']],
      [{ ...drop, id: 'a/b' }, ['/id']],
      [{ ...drop, name: '   ' }, ['/name']],
      [{ ...drop, name: 'a\u0000b' }, ['/name']],
      [{ ...drop, name: '\ud800' }, ['/name']],
      [{ ...drop, name: '한'.repeat(201) }, ['/name']],
      [{ ...drop, capacity: 1.5, limitPerUser: 0 }, ['/capacity', '/limitPerUser']],
      [{ ...drop, capacity: Number.NaN }, ['/capacity']],
    ];
    for (const [input, paths] of odd) {
      const trouble = await troubleOf('invalid_request', () => dibs.createEvent(input));
      assert.deepEqual(pathsOf(trouble).toSorted(), paths.toSorted(), JSON.stringify(input));
    }
    assert.deepEqual((await dibs.listEvents()).items, []);
  });

  it('is refused where a time is none, or the window would be empty', async (t) => {
    const { dibs } = await openRig(t);
    const at = new Date('2026-12-01T12:00:00Z');
    const odd: [Partial<NewEvent>, string][] = [
      [{ opensAt: 'tomorrow' }, '/opensAt'],
      [{ opensAt: '2026-12-01T12:00:00' }, '/opensAt'],
      [{ opensAt: new Date(Number.NaN) }, '/opensAt'],
      [{ opensAt: 1_796_126_400_000 as unknown as TimeInput }, '/opensAt'],
      [{ opensAt: new Date(-1) }, '/opensAt'],
      [{ closesAt: '2026-02-30T12:00:00Z' }, '/closesAt'],
      [{ closesAt: new Date(253_402_300_800_000) }, '/closesAt'],
      [{ opensAt: at, closesAt: at }, '/closesAt'],
      [{ opensAt: at, closesAt: new Date(at.getTime() - 1) }, '/closesAt'],
      [{ opensAt: '2026-12-01T12:00:00Z', closesAt: '2026-12-01T20:59:59+09:00' }, '/closesAt'],
    ];
    for (const [times, path] of odd) {
      const trouble = await troubleOf('invalid_request', () => dibs.createEvent({ ...drop, ...times }));
      assert.deepEqual(pathsOf(trouble), [path], JSON.stringify(times));
    }
    await troubleOf('event_not_found', () => dibs.getEvent('drop'));
  });

  it('gives the same one that stands, and refuses another content under its id', async (t) => {
    const { dibs } = await openRig(t);
    const times = { opensAt: '2026-12-01T21:00:00+09:00', closesAt: '2026-12-02T21:00:00+09:00' };
    const first = await dibs.createEvent({ ...drop, ...times });
    assert.equal(first.created, true);
    assert.equal(first.event.revision, 1);
    const sameTimes = { opensAt: new Date('2026-12-01T12:00:00Z'), closesAt: '2026-12-02T12:00:00.000Z' };
    const again = await dibs.createEvent({ ...drop, limitPerUser: 1, ...sameTimes });
    assert.deepEqual(again, { event: first.event, created: false });
    for (const other of [
      { name: 'B' },
      { capacity: 4 },
      { limitPerUser: 2 },
      { opensAt: null },
      { closesAt: null },
      { opensAt: new Date('2026-12-01T12:00:00.001Z') },
    ])
      await troubleOf('event_exists', () => dibs.createEvent({ ...drop, ...times, ...other }));
    assert.deepEqual(await dibs.getEvent('drop'), first.event);
  });

  it('at once by many with different contents makes one of them', async (t) => {
    const { dibs } = await openRig(t);
    const asked = Array.from({ length: 10 }, (_, at) => dibs.createEvent({ ...drop, capacity: (at % 2) + 1 }));
    const outcomes = await Promise.allSettled(asked);
    const made = outcomes.filter((one) => one.status === 'fulfilled');
    assert.equal(made.length, 5);
    assert.equal(made.filter((one) => one.value.created).length, 1);
    for (const one of outcomes)
      if (one.status === 'rejected') assert.equal((one.reason as DibsError).code, 'event_exists');
  });

  it('makes up an id where none is given, another each time', async (t) => {
    const { dibs } = await openRig(t);
    const ids = [];
    for (let count = 0; count < 3; count += 1)
      ids.push((await dibs.createEvent({ name: 'A drop', capacity: 1 })).event.id);
    assert.equal(new Set(ids).size, 3);
    for (const id of ids) assert.equal((await dibs.getEvent(id)).id, id);
  });

  it('of an id that the gate has lost is refused: it is never made anew', async (t) => {
    const rig = await openRig(t);
    await rig.drop(drop, 2);
    await rig.caughtUp();
    await rig.close();
    await rig.lose('gate.db');
    await rig.open();
    await troubleOf('recovering', () => rig.dibs.createEvent(drop));
    await troubleOf('recovering', () => rig.dibs.createEvent({ ...drop, name: 'Another' }));
    assert.deepEqual(await rig.gate.events(['drop']), [null]);
  });

  it('of an id that is lost while the engine runs is refused as well', async (t) => {
    let isLost = false;
    const rig = await openRig(t, {
      gate: (gate) =>
        wrapGate(gate, {
          events: async (ids) => (isLost ? ids.map(() => null) : gate.events(ids)),
          create: async (spec) => (isLost ? assert.fail('made anew') : gate.create(spec)),
        }),
    });
    await rig.drop(drop);
    isLost = true;
    await troubleOf('recovering', () => rig.dibs.createEvent(drop));
    assert.equal((await rig.dibs.getEvent('drop')).state, 'recovering');
    await troubleOf('recovering', () => rig.dibs.claim({ eventId: 'drop', userId: 'u1' }));
  });

  it('that stands makes nothing, though it be lost in that very moment', async (t) => {
    const rig = await openRig(t, {
      gate: (gate) => {
        let isMade = false;
        return wrapGate(gate, {
          create: async (spec) => {
            assert.equal(isMade, false, 'made anew');
            isMade = true;
            return gate.create(spec);
          },
        });
      },
    });
    await rig.drop(drop, 2);
    const { event, created } = await rig.dibs.createEvent(drop);
    assert.deepEqual([event.won, created], [2, false]);
    await troubleOf('event_exists', () => rig.dibs.createEvent({ ...drop, name: 'Another' }));
  });

  it('is answered only once the ledger knows the event, and can be asked for again', async (t) => {
    let isDown = true;
    const rig = await openRig(t, {
      roles: ['claims'],
      ledger: (ledger) =>
        wrapLedger(ledger, {
          putEvent: async (event) => (isDown ? unavailable() : ledger.putEvent(event)),
        }),
    });
    await troubleOf('unavailable', () => rig.dibs.createEvent(drop));
    assert.equal(await rig.ledger.event('drop'), null);
    isDown = false;
    const { created } = await rig.dibs.createEvent(drop);
    assert.equal(created, false);
    assert.deepEqual((await rig.ledger.event('drop'))?.spec, {
      ...drop,
      limitPerUser: 1,
      opensAt: null,
      closesAt: null,
    });
  });
});

describe('reading an event', () => {
  it('throws event_not_found for what there is not, well formed or not', async (t) => {
    const { dibs } = await openRig(t);
    for (const id of ['none', '', '../drop', '.', 'a b', 'é', 'a'.repeat(65), "' OR 1=1 --", '\u0000'])
      await troubleOf('event_not_found', () => dibs.getEvent(id));
    const acts = [
      'pauseEvent',
      'resumeEvent',
      'closeEvent',
      'audit',
      'recoveryPlan',
      'recover',
      'listCoupons',
    ] as const;
    for (const act of acts) await troubleOf('event_not_found', () => dibs[act]('none'));
    await troubleOf('event_not_found', () => dibs.changeEvent('none', { name: 'B' }));
    await troubleOf('event_not_found', () => dibs.listClaims('none', 'u1'));
  });

  it('shows it as the contract says, with the time of the gate', async (t) => {
    const rig = await openRig(t);
    const now = rig.clock.now();
    await rig.dibs.createEvent({ ...drop, opensAt: new Date(now + minute), closesAt: new Date(now + 2 * minute) });
    const scheduled = {
      id: 'drop',
      name: 'A drop',
      state: 'scheduled',
      capacity: 3,
      won: 0,
      remaining: 3,
      limitPerUser: 1,
      opensAt: new Date(now + minute),
      closesAt: new Date(now + 2 * minute),
      revision: 1,
      serverTime: new Date(now),
    };
    assert.deepEqual(await rig.dibs.getEvent('drop'), scheduled);
    rig.clock.step(minute);
    await rig.win('drop', 1, 2);
    const open = { ...scheduled, state: 'open', won: 2, remaining: 1, serverTime: new Date(now + minute) };
    assert.deepEqual(await rig.dibs.getEvent('drop'), open);
    assert.deepEqual((await rig.dibs.listEvents()).items, [open]);
  });
});

describe('changing an event', () => {
  it('refuses what cannot be, and nothing changes', async (t) => {
    const rig = await openRig(t);
    await rig.drop(drop, 2);
    const before = await rig.dibs.getEvent('drop');
    const now = rig.clock.now();
    const odd: [EventChange, Parameters<typeof troubleOf>[0]][] = [
      [{}, 'invalid_request'],
      [{ name: '' }, 'invalid_request'],
      [{ capacity: 0 }, 'invalid_request'],
      [{ opensAt: 'soon' }, 'invalid_request'],
      [{ opensAt: new Date(now + 2 * minute), closesAt: new Date(now + minute) }, 'invalid_request'],
      [{ capacity: 1 }, 'capacity_below_won'],
      [{ opensAt: new Date(now + minute) }, 'already_open'],
      [{ opensAt: new Date(now - minute) }, 'already_open'],
    ];
    for (const [change, code] of odd) await troubleOf(code, () => rig.dibs.changeEvent('drop', change));
    assert.deepEqual(await rig.dibs.getEvent('drop'), before);
  });

  it('takes the name, both times and the capacity, each as one revision', async (t) => {
    const rig = await openRig(t);
    const { dibs, clock } = rig;
    const opensAt = new Date(clock.now() + minute);
    await rig.drop({ ...drop, opensAt });
    const closesAt = new Date(clock.now() + 5 * minute);
    const changes: [EventChange, object][] = [
      [{ name: '새 이름' }, { name: '새 이름' }],
      [{ opensAt: new Date(clock.now() + 2 * minute) }, { opensAt: new Date(clock.now() + 2 * minute) }],
      [{ closesAt: closesAt.toISOString() }, { closesAt }],
      [
        { opensAt: null, capacity: 5 },
        { opensAt: null, capacity: 5, remaining: 5, state: 'open' },
      ],
      [{ closesAt: null }, { closesAt: null }],
      [{ capacity: 2 }, { capacity: 2, remaining: 2 }],
    ];
    let expected: object = await dibs.getEvent('drop');
    for (const [at, [change, then]] of changes.entries()) {
      expected = { ...expected, ...then, revision: at + 2 };
      assert.deepEqual(await dibs.changeEvent('drop', change), expected);
      assert.deepEqual(await dibs.changeEvent('drop', change), expected, 'what it is already is no revision');
    }
    assert.deepEqual(await dibs.getEvent('drop'), expected);
  });

  it('is refused where the revision is not the one that was meant', async (t) => {
    const rig = await openRig(t);
    const { dibs } = rig;
    await rig.drop(drop);
    assert.equal((await dibs.changeEvent('drop', { name: 'B' }, { ifRevision: 1 })).revision, 2);
    const acts = [
      (ifRevision: number) => dibs.changeEvent('drop', { name: 'C' }, { ifRevision }),
      (ifRevision: number) => dibs.pauseEvent('drop', { ifRevision }),
      (ifRevision: number) => dibs.resumeEvent('drop', { ifRevision }),
      (ifRevision: number) => dibs.closeEvent('drop', { ifRevision }),
    ];
    for (const act of acts) {
      for (const stale of [0, 1, 3]) {
        const trouble = await troubleOf('revision_mismatch', () => act(stale));
        assert.equal(trouble.details['revision'], 2);
      }
    }
    assert.equal((await dibs.getEvent('drop')).name, 'B');
    const both = await Promise.allSettled([
      dibs.changeEvent('drop', { name: 'D' }, { ifRevision: 2 }),
      dibs.changeEvent('drop', { name: 'E' }, { ifRevision: 2 }),
    ]);
    assert.deepEqual(both.map((one) => one.status).toSorted(), ['fulfilled', 'rejected']);
    assert.equal((await dibs.closeEvent('drop', { ifRevision: 3 })).state, 'closed');
  });

  it('pauses, goes on and closes for ever', async (t) => {
    const rig = await openRig(t);
    const { dibs } = rig;
    await rig.drop(drop);
    assert.equal((await dibs.resumeEvent('drop')).revision, 1, 'it is not paused');
    const paused = await dibs.pauseEvent('drop');
    assert.deepEqual([paused.state, paused.revision], ['paused', 2]);
    assert.deepEqual(await dibs.pauseEvent('drop'), paused);
    const resumed = await dibs.resumeEvent('drop');
    assert.deepEqual([resumed.state, resumed.revision], ['open', 3]);
    await dibs.pauseEvent('drop');
    const closed = await dibs.closeEvent('drop');
    assert.deepEqual([closed.state, closed.revision], ['closed', 5]);
    for (const act of [dibs.pauseEvent, dibs.resumeEvent, dibs.closeEvent])
      await troubleOf('closed', () => act('drop'));
    await troubleOf('closed', () => dibs.changeEvent('drop', { capacity: 9 }));
    await troubleOf('closed', () => dibs.changeEvent('drop', { closesAt: null }));
    assert.deepEqual(await dibs.getEvent('drop'), closed);
    assert.equal((await dibs.createEvent(drop)).created, false);
  });

  it('raises the capacity for those who were refused', async (t) => {
    const rig = await openRig(t);
    await rig.drop(drop, 3);
    const refused = await rig.dibs.claim({ eventId: 'drop', userId: 'late' });
    assert.deepEqual(refused, { outcome: 'rejected', reason: 'sold_out', opensAt: null, claims: [] });
    await rig.dibs.changeEvent('drop', { capacity: 4 });
    const decision = await rig.dibs.claim({ eventId: 'drop', userId: 'late' });
    assert.equal(decision.outcome === 'won' && decision.claim.slot, 4);
  });
});

describe('time', () => {
  it('closes an event for ever, though the clock is set back ten minutes', async (t) => {
    const rig = await openRig(t);
    await rig.drop({ ...drop, closesAt: new Date(rig.clock.now() + minute) }, 1);
    rig.clock.step(minute);
    assert.equal((await rig.dibs.getEvent('drop')).state, 'closed');
    rig.clock.step(-10 * minute);
    const { state, revision, serverTime, closesAt } = await rig.dibs.getEvent('drop');
    assert.deepEqual([state, revision, serverTime], ['closed', 2, closesAt]);
    const late = await rig.dibs.claim({ eventId: 'drop', userId: 'late' });
    assert.equal(late.outcome === 'rejected' && late.reason, 'closed');
    await troubleOf('closed', () => rig.dibs.changeEvent('drop', { closesAt: null }));
    rig.clock.step(10 * minute);
    await rig.caughtUp();
    const event = await rig.ledger.event('drop');
    assert.deepEqual([event?.phase, event?.revision], ['closed', 2], 'the ledger is told as well');
    await rig.reopen();
    rig.clock.step(-20 * minute);
    assert.equal((await rig.dibs.getEvent('drop')).state, 'closed');
  });

  it('closes an event that nobody looks at, and the ledger is told', async (t) => {
    const rig = await openRig(t);
    await rig.drop({ ...drop, closesAt: new Date(rig.clock.now() + minute) }, 1);
    await rig.caughtUp();
    rig.clock.step(minute);
    await rig.until('the ledger has it closed', async () => (await rig.ledger.event('drop'))?.phase === 'closed');
  });

  it('never runs back for an event that has recorded it', async (t) => {
    const rig = await openRig(t);
    const opensAt = new Date(rig.clock.now() + minute);
    await rig.drop({ ...drop, opensAt });
    rig.clock.step(minute);
    const [first] = await rig.win('drop', 1, 1);
    rig.clock.step(-10 * minute);
    assert.equal((await rig.dibs.getEvent('drop')).state, 'open', 'what has been won shows that it has opened');
    const [second] = await rig.win('drop', 2, 2);
    assert.deepEqual([first?.wonAt, second?.wonAt], [opensAt, opensAt]);
  });

  it('opens and closes each event at its own millisecond', async (t) => {
    const rig = await openRig(t, { roles: ['claims'] });
    const span = fc.integer({ min: 1, max: 5000 });
    let count = 0;
    await fc.assert(
      fc.asyncProperty(span, span, async (opensIn, opensFor) => {
        const id = `drop-${(count += 1)}`;
        const opensAt = rig.clock.now() + opensIn;
        const closesAt = opensAt + opensFor;
        await rig.dibs.createEvent({ ...drop, id, opensAt: new Date(opensAt), closesAt: new Date(closesAt) });
        const claim = async (userId: string) => {
          const decision = await rig.dibs.claim({ eventId: id, userId });
          return decision.outcome === 'won' ? 'won' : decision.reason;
        };
        rig.clock.step(opensIn - 1);
        assert.equal(await claim('early'), 'not_open');
        rig.clock.step(1);
        assert.equal(await claim('first'), 'won');
        rig.clock.step(opensFor - 1);
        assert.equal(await claim('last'), 'won');
        rig.clock.step(1);
        assert.equal(await claim('late'), 'closed');
      }),
      { numRuns: 20 },
    );
  });
});
