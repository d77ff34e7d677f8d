/** Live figures and readiness: what an operator sees, also while a store is away. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DibsError } from '../../src/core/errors.ts';
import { wrapGate, wrapLedger } from '../../src/testing/canaries/wrap.ts';
import { latch, openRig, turns, unavailable, until } from './fixture.ts';

describe('a store that is away', () => {
  it('is a figure, not an error: the ledger', async (t) => {
    let isDown = false;
    const down = <T>(act: () => Promise<T>): Promise<T> => (isDown ? unavailable() : act());
    const rig = await openRig(t, {
      ledger: (ledger) =>
        wrapLedger(ledger, {
          check: () => down(() => ledger.check()),
          lastSlot: (eventId) => down(() => ledger.lastSlot(eventId)),
          failureTotals: () => down(() => ledger.failureTotals()),
          issue: (batch) => down(() => ledger.issue(batch)),
        }),
    });
    await rig.drop({ capacity: 10 }, 3);
    await rig.caughtUp();
    isDown = true;
    await rig.win('drop', 4, 5);
    const { events, stores } = await rig.dibs.figures();
    assert.deepEqual(
      stores.map(({ store, up }) => [store, up]),
      [
        ['gate:sqlite', true],
        ['ledger:sqlite', false],
      ],
    );
    assert.match(stores[1]?.message ?? '', /away/);
    assert.deepEqual([events[0]?.won, events[0]?.unissued], [5, 2]);
    assert.deepEqual(await rig.dibs.readiness(), { ready: true, missing: [] }, 'claims need the gate alone');
    isDown = false;
    await rig.soundAudit();
  });

  it('is a figure, not an error: the gate, without which no claim is decided', async (t) => {
    let isDown = false;
    const rig = await openRig(t, {
      gate: (gate) => wrapGate(gate, { check: () => (isDown ? unavailable() : gate.check()) }),
    });
    await rig.drop({}, 1);
    assert.deepEqual(await rig.dibs.readiness(), { ready: true, missing: [] });
    isDown = true;
    assert.deepEqual(await rig.dibs.readiness(), {
      ready: false,
      missing: [{ store: 'gate:sqlite', message: 'It is away.' }],
    });
    const { events, stores } = await rig.dibs.figures();
    assert.deepEqual(events, []);
    assert.equal(stores[0]?.up, false);
  });

  for (const role of ['claims', 'issuing'] as const) {
    it(`is told where it is but a part of the gate, and whoever does the ${role} stays ready`, async (t) => {
      const rig = await openRig(t, {
        roles: [role],
        gate: (gate) => wrapGate(gate, { check: () => Promise.resolve(['One is away.', 'Another is unfit.']) }),
      });
      assert.deepEqual(await rig.dibs.readiness(), {
        ready: true,
        missing: [
          { store: 'gate:sqlite', message: 'One is away.' },
          { store: 'gate:sqlite', message: 'Another is unfit.' },
        ],
      });
      const { stores } = await rig.dibs.figures();
      assert.deepEqual(stores[0], { store: 'gate:sqlite', up: false, message: 'One is away. Another is unfit.' });
    });
  }

  it('keeps whoever issues from being ready, be it gate or ledger', async (t) => {
    const away = { gate: false, ledger: false };
    const rig = await openRig(t, {
      roles: ['issuing'],
      gate: (gate) => wrapGate(gate, { check: () => (away.gate ? unavailable() : gate.check()) }),
      ledger: (ledger) => wrapLedger(ledger, { check: () => (away.ledger ? unavailable() : ledger.check()) }),
    });
    assert.equal((await rig.dibs.readiness()).ready, true);
    Object.assign(away, { gate: true, ledger: true });
    const { ready, missing } = await rig.dibs.readiness();
    assert.deepEqual([ready, missing.map(({ store }) => store)], [false, ['gate:sqlite', 'ledger:sqlite']]);
  });

  it('is said of a closed engine', async (t) => {
    const rig = await openRig(t);
    const { dibs } = rig;
    await rig.close();
    assert.equal((await dibs.readiness()).ready, false);
    for (const act of [() => dibs.claim({ eventId: 'drop', userId: 'u1' }), () => dibs.getEvent('drop')])
      await assert.rejects(act, (error) => error instanceof DibsError && error.code === 'unavailable');
    await dibs.close();
  });
});

describe('figures', () => {
  it('follow an event from its wins to its coupons', async (t) => {
    const { opened, open } = latch();
    let isHeld = false;
    const rig = await openRig(t, {
      ledger: (ledger) =>
        wrapLedger(ledger, {
          issue: async (batch) => {
            if (isHeld) await opened;
            return ledger.issue(batch);
          },
        }),
    });
    await rig.drop({ capacity: 5 }, 2);
    await rig.caughtUp();
    isHeld = true;
    await rig.win('drop', 3, 4);
    rig.clock.step(2000);
    await rig.win('drop', 5, 5);
    await rig.win('drop', 1, 1);
    await rig.dibs.claim({ eventId: 'drop', userId: 'late' });
    const before = await rig.dibs.figures();
    assert.deepEqual(before.events, [
      {
        eventId: 'drop',
        state: 'open',
        capacity: 5,
        won: 5,
        unissued: 3,
        oldestUnissuedSeconds: 2,
        claims: { won: 5, replayed: 1, sold_out: 1 },
      },
    ]);
    assert.deepEqual([before.issued, before.queueDepth, before.at.getTime()], [2, 0, rig.clock.now()]);
    open();
    await rig.caughtUp();
    const [after] = (await rig.dibs.figures()).events;
    assert.deepEqual([after?.unissued, after?.oldestUnissuedSeconds], [0, 0]);
    assert.equal((await rig.dibs.figures()).issued, 5);
  });

  it('count the claims that wait', async (t) => {
    const { opened, open } = latch();
    const rig = await openRig(t, {
      gate: (gate) =>
        wrapGate(gate, {
          admit: async (...rest) => {
            await opened;
            return gate.admit(...rest);
          },
        }),
    });
    await rig.drop();
    const wins = rig.win('drop', 1, 7);
    await until('they wait', async () => (await rig.dibs.figures()).queueDepth === 7);
    open();
    await wins;
    await until('none waits', async () => (await rig.dibs.figures()).queueDepth === 0);
  });

  it('begin with what the ledger has, before the issuer has looked', async (t) => {
    const rig = await openRig(t);
    await rig.drop({ capacity: 5 }, 2);
    await rig.caughtUp();
    await rig.reopen({ roles: ['claims'] });
    await rig.win('drop', 3, 3);
    const [event] = (await rig.dibs.figures()).events;
    assert.deepEqual([event?.won, event?.unissued, event?.claims], [3, 1, { won: 1 }]);
  });

  it('keep nothing of events that do not exist', async (t) => {
    const rig = await openRig(t);
    for (let one = 0; one < 50; one += 1)
      await rig.dibs.claim({ eventId: `none-${one}`, userId: 'u1' }).catch(() => undefined);
    assert.deepEqual((await rig.dibs.figures()).events, []);
  });
});

describe('the roles of a process', () => {
  it('that only decides claims issues nothing, and issuing goes on where there is one that does', async (t) => {
    const rig = await openRig(t, { roles: ['claims'] });
    await rig.drop({}, 5);
    for (let passed = 0; passed < 20; passed += 1) {
      rig.clock.step(10_000);
      await turns(5);
    }
    assert.deepEqual(await rig.couponSlots(), []);
    assert.equal((await rig.dibs.audit('drop')).unissued, 5);
    await rig.reopen({ roles: ['issuing'] });
    assert.equal((await rig.soundAudit()).issued, 5);
  });

  it('tell whoever measures the sizes of batches', async (t) => {
    const rig = await openRig(t);
    await rig.drop({}, 40);
    await rig.caughtUp();
    assert.equal(
      rig.issued.reduce((sum, size) => sum + size, 0),
      40,
    );
    assert.ok(rig.issued.every((size) => size > 0));
  });
});
