/** The audit of stores that are three: whatever any one of them has lost or says otherwise is found, wherever its slot is. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Finding } from '../../src/core/invariants.ts';
import type { EventRecord, LogRecord, WinsRecord } from '../../src/core/record.ts';
import type { Win } from '../../src/core/win.ts';
import { wrapGate, wrapLedger, wrapLog } from '../../src/testing/canaries/wrap.ts';
import { type Fleet, one, openFleet, type Process, slotsFrom, two } from './fleet.ts';
import { unavailable } from './fixture.ts';

/**
 * An event with wins in each state: 1 to 4 are issued and out of the outbox; 5 to 7 are in the log and wait for the ledger;
 * 8 to 10 are in the outbox alone. With acts between them: revision 2 at slot 2, 3 at slot 6, 4 at slot 9.
 */
async function spread(fleet: Fleet): Promise<Process> {
  const away = { ledger: false, log: false };
  const api = await fleet.open('api', {
    log: (log) =>
      wrapLog(log, { append: (records) => (away.log ? unavailable() : (log.append?.(records) ?? unavailable())) }),
    ledger: (ledger) => wrapLedger(ledger, { issue: (batch) => (away.ledger ? unavailable() : ledger.issue(batch)) }),
  });
  let name = 0;
  const act = () => api.dibs.changeEvent(one, { name: `Named ${(name += 1)}` });
  await fleet.drop(api, one, 2, { capacity: 100, limitPerUser: 2 });
  await act();
  await fleet.win(api, one, 3, 4);
  await fleet.drop(api, two, 3);
  await fleet.sound(api);
  away.ledger = true;
  await fleet.win(api, one, 5, 6);
  await act();
  await fleet.win(api, one, 7, 7);
  await fleet.until('they are in the log', async () => (await fleet.logged()).some((record) => lastOf(record) === 7));
  away.log = true;
  await fleet.win(api, one, 8, 9);
  await act();
  await fleet.win(api, one, 10, 10);
  return api;
}

const lastOf = (record: LogRecord): number => (record.type === 'wins' ? (record.wins.at(-1)?.slot ?? 0) : record.won);

/** What happens to one win. */
type Damage = (win: Win) => readonly Win[];

const damages: Readonly<Record<string, Damage>> = {
  'is missing': () => [],
  'is of another user': (win) => [{ ...win, userId: 'mallory' }],
  'has another key': (win) => [{ ...win, key: 'another' }],
  'has none of its key': (win) => [{ ...win, key: null }],
  'says another number': (win) => [{ ...win, nth: 2 }],
  'is another claim': (win) => [{ ...win, claimId: `${win.slot}-ffffffffffff` }],
  'was won at another time': (win) => [{ ...win, wonAt: win.wonAt + 1 }],
  'stands there beside another of its slot': (win) => [
    win,
    { ...win, userId: 'mallory', claimId: `${win.slot}-ffffffffffff` },
  ],
};

/** Damages one win of a record; null where nothing is left of it. */
const spoil =
  (slot: number, damage: Damage) =>
  <One extends LogRecord>(record: One): One | null => {
    if (record.type !== 'wins' || record.eventId !== one) return record;
    const wins = record.wins.flatMap((win) => (win.slot === slot ? damage(win) : [win]));
    return wins.length === 0 ? null : { ...record, wins };
  };

/** How a win of each store is damaged, and which slots it has that the audit has to vouch for. */
const stores: Readonly<
  Record<string, { slots: readonly number[]; damage(fleet: Fleet, slot: number, damage: Damage): void }>
> = {
  'the gate’s users': {
    slots: slotsFrom(1, 10),
    damage(fleet, slot, damage) {
      const entry = fleet.entry();
      entry.wins = entry.wins.flatMap((win) => (win.slot === slot ? damage(win) : [win]));
    },
  },
  'the outbox': {
    slots: slotsFrom(5, 10),
    damage(fleet, slot, damage) {
      const entry = fleet.entry();
      entry.outbox = entry.outbox.map(spoil(slot, damage)).filter((record) => record !== null);
    },
  },
  'the log': {
    slots: slotsFrom(1, 7),
    damage(fleet, slot, damage) {
      fleet.alter = (record) => (record.type === 'poison' ? record : spoil(slot, damage)(record));
    },
  },
  'the ledger': {
    slots: slotsFrom(1, 4),
    damage(fleet, slot, damage) {
      fleet.data.coupons = fleet.data.coupons.flatMap((coupon) =>
        coupon.eventId === one && coupon.slot === slot
          ? damage(coupon).map((win) => ({ ...coupon, ...win }))
          : [coupon],
      );
    },
  },
};

describe('an audit of three stores', () => {
  it('finds nothing where each has what it is to have', async (t) => {
    const fleet = openFleet(t);
    const { dibs } = await spread(fleet);
    const { findings, ...counts } = await dibs.audit(one);
    assert.deepEqual(findings, []);
    assert.deepEqual(
      [counts.won, counts.logged, counts.issued, counts.unissued, counts.failed, counts.discarded],
      [10, 7, 4, 6, 0, 0],
    );
    assert.deepEqual(fleet.entry().outbox.map(lastOf), [6, 6, 7, 9, 9, 10]);
  });

  for (const [store, { slots, damage: damageStore }] of Object.entries(stores)) {
    for (const [name, damage] of Object.entries(damages)) {
      it(`finds a win that ${name} in ${store}, at any slot`, async (t) => {
        for (const slot of slots) {
          // A log that has lost what the ledger has been given has lost nothing; where it ends, the outbox has the rest.
          if (store === 'the log' && name === 'is missing' && (slot <= 4 || slot === 7)) continue;
          const fleet = openFleet(t);
          const { dibs } = await spread(fleet);
          damageStore(fleet, slot, damage);
          const { ok, findings } = await dibs.audit(one);
          assert.equal(ok, false, `slot ${slot} ${name}`);
          const words = new RegExp(`\\bslots? (${slot}|${slot + 1})\\b|its users|has \\d+ wins`);
          assert.ok(
            findings.some(({ message }) => words.test(message)),
            JSON.stringify(findings),
          );
          assert.ok(findings.length <= 8, `${findings.length} findings of one damage`);
          assert.deepEqual((await dibs.audit(two)).findings, [], 'the other event is as it was');
        }
      });
    }
  }

  it('finds a code that is not the win’s', async (t) => {
    const fleet = openFleet(t);
    const api = await spread(fleet);
    fleet.data.coupons = fleet.data.coupons.map((coupon) => (coupon.slot === 3 ? { ...coupon, code: 'X' } : coupon));
    await fleet.finds(api, 'I14', /slot 3 has another code in the ledger than its win gives/);
  });

  /** A planted fault that is no win's own. */
  const faults: Readonly<Record<string, [plant: (fleet: Fleet) => void, rule: Finding['rule'], message: RegExp]>> = {
    'a win of the ledger behind all that was won': [
      (fleet) => {
        const [coupon] = fleet.coupons();
        if (coupon !== undefined) fleet.data.coupons.push({ ...coupon, slot: 12, nth: 2 });
      },
      'I6',
      /the ledger knows slot 12, the gate has 10 wins/,
    ],
    'a failure beside a coupon': [
      (fleet) => {
        const record = JSON.stringify({ ...base(fleet), wins: [fleet.entry().wins[1]] });
        const state = { attempts: 1, nextAttemptAt: 1, state: 'waiting', reason: null } as const;
        fleet.data.failures.push({ id: 1, eventId: one, slot: 2, userId: 'u2', record, error: 'x', ...state });
      },
      'I12',
      /slot 2 has its coupon, and is waiting as failed issuance 1 as well/,
    ],
    'a revision that the ledger has not, and that is nowhere on its way': [
      (fleet) => {
        fleet.entry().outbox = fleet.entry().outbox.filter((record) => record.type === 'wins' || record.revision < 4);
      },
      'I14',
      /revision 4 is not in the ledger, and not on its way there/,
    ],
    'a revision that is missing at the outbox’s end': [
      (fleet) => {
        fleet.entry().outbox = fleet.entry().outbox.filter((record) => record.type === 'wins' || record.revision < 4);
      },
      'I8',
      /outbox: slot 10 was won at revision 4, behind 3/,
    ],
    'a revision that is missing in the outbox’s middle': [
      (fleet) => {
        fleet.entry().outbox = fleet.entry().outbox.filter((record) => record.type === 'wins' || record.revision !== 3);
      },
      'I8',
      /outbox: slot 7 was won at revision 3, behind 2/,
    ],
    'a revision that is missing in the log': [
      (fleet) => {
        fleet.alter = (record) => (record.type === 'event' && record.revision === 3 ? null : record);
      },
      'I8',
      /log: slot 7 was won at revision 3, behind 2/,
    ],
    'a revision that the ledger has otherwise': [
      ({ data }) => {
        const event = data.events.get(one);
        if (event !== undefined) data.events.set(one, { ...event, revision: 4 });
      },
      'I14',
      /revision 4 says otherwise in the ledger than in the gate/,
    ],
    'a ledger that is ahead of the gate': [
      ({ data }) => {
        const event = data.events.get(one);
        if (event !== undefined) data.events.set(one, { ...event, revision: 9 });
      },
      'I6',
      /the ledger is at revision 9, the gate at 4/,
    ],
    'a log that is ahead of the gate, by wins': [
      (fleet) => {
        const wins = [{ ...(fleet.entry().wins[9] as Win), slot: 11 }];
        fleet.alter = (record) => (lastSlot(record) === 7 ? { ...base(fleet), wins } : record);
      },
      'I6',
      /the log knows slot 11, the gate has 10 wins/,
    ],
    'a log that is ahead of the gate, by an act': [
      (fleet) => {
        fleet.alter = (record) =>
          record.type === 'event' && record.revision === 3 ? { ...record, revision: 5 } : record;
      },
      'I6',
      /the log is at revision 5, the gate at 4/,
    ],
    'an outbox that is gone': [
      (fleet) => {
        fleet.entry().outbox = [];
      },
      'I7',
      /drop has 10 wins, its outbox 0/,
    ],
    'an outbox that was trimmed beyond the ledger': [
      (fleet) => {
        fleet.entry().outbox = fleet.entry().outbox.slice(3);
      },
      'I8',
      /outbox: begins behind slot 7 and revision 3, which the ledger has not reached/,
    ],
    'an outbox without its end': [
      (fleet) => {
        fleet.entry().outbox = fleet.entry().outbox.slice(0, -1);
      },
      'I7',
      /drop has 10 wins, its outbox 9/,
    ],
    'records of the outbox that have changed places': [
      (fleet) => {
        const [first, second, third, ...rest] = fleet.entry().outbox as [LogRecord, LogRecord, LogRecord];
        fleet.entry().outbox = [third, first, second, ...rest];
      },
      'I8',
      /outbox: /,
    ],
    'a log that was cut at its front beyond the ledger': [
      (fleet) => {
        const partition = fleet.log.partitionOf(one);
        fleet.trimmed.set(partition, Number(fleet.data.positions.get(partition)) + 1);
      },
      'I8',
      /log: begins behind slot 6 and revision 2, which the ledger has not reached/,
    ],
  };
  const base = (fleet: Fleet): WinsRecord =>
    fleet.entry().outbox.find((record) => record.type === 'wins') as WinsRecord;
  const lastSlot = (record: { type: string }): number => (record.type === 'wins' ? lastOf(record as WinsRecord) : 0);

  for (const [name, [plant, rule, message]] of Object.entries(faults)) {
    it(`finds ${name}`, async (t) => {
      const fleet = openFleet(t);
      const api = await spread(fleet);
      plant(fleet);
      await fleet.finds(api, rule, message);
    });
  }

  it('finds a win that the ledger was given and has not, though the log has it still', async (t) => {
    const fleet = openFleet(t);
    const api = await spread(fleet);
    fleet.data.coupons = fleet.data.coupons.filter(({ eventId, slot }) => eventId !== one || slot !== 2);
    await fleet.finds(api, 'I14', /slot 2 is not in the ledger, and not on its way there/);
  });

  it('finds a revision that the ledger was given and has not, though the log has it still', async (t) => {
    const fleet = openFleet(t);
    const api = await fleet.open('api');
    await fleet.drop(api, one, 2);
    await api.dibs.pauseEvent(one);
    await fleet.sound(api);
    const event = fleet.data.events.get(one);
    if (event !== undefined) fleet.data.events.set(one, { ...event, revision: 1, phase: 'active' });
    await fleet.finds(api, 'I14', /revision 2 is not in the ledger, and not on its way there/);
  });

  it('finds what a trimmed outbox lacks: a revision alone, or what the ledger has and nothing has trimmed', async (t) => {
    const fleet = openFleet(t);
    const away = { ledger: false };
    const api = await fleet.open('api', {
      gate: (gate) => wrapGate(gate, { trim: async (...rest) => (away.ledger ? undefined : gate.trim(...rest)) }),
      ledger: (ledger) => wrapLedger(ledger, { issue: (batch) => (away.ledger ? unavailable() : ledger.issue(batch)) }),
    });
    await fleet.drop(api, one, 4);
    await fleet.sound(api);
    away.ledger = true;
    for (const name of ['A', 'B', 'C']) await api.dibs.changeEvent(one, { name });
    const entry = fleet.entry();
    const whole = entry.outbox;
    entry.outbox = whole.slice(1);
    await fleet.finds(api, 'I8', /outbox: begins behind slot 4 and revision 2, which the ledger has not reached/);
    // Everything is in the ledger now, and was not trimmed.
    entry.outbox = whole;
    away.ledger = false;
    const kept = wrapGate(fleet.gate, { trim: async () => undefined });
    const other = await fleet.open('other', { gate: () => ({ ...kept, close: async () => undefined }) });
    await api.close();
    await fleet.win(other, one, 5, 5);
    await fleet.win(other, one, 6, 6);
    await fleet.win(other, one, 7, 7);
    await fleet.sound(other);
    const { outbox } = fleet.entry();
    assert.deepEqual(outbox.map(lastOf), [4, 4, 4, 5, 6, 7]);
    fleet.entry().outbox = outbox.filter((record) => lastOf(record) !== 6);
    await fleet.finds(other, 'I8', /outbox: slot 7 follows slot 5/);
    fleet.entry().outbox = outbox.filter((record) => record.type === 'wins' || record.revision !== 3);
    await fleet.finds(other, 'I8', /outbox: revision 4 follows revision 2/);
  });

  it('finds what all stores agree upon, and which no gate may do', async (t) => {
    const fleet = openFleet(t);
    const api = await fleet.open('api');
    await fleet.drop(api, one, 6, { limitPerUser: 2 });
    await fleet.sound(api);
    // One click, two slots.
    const again: Damage = (win) => [{ ...win, userId: 'u3', key: 'k3', nth: 2 }];
    const entry = fleet.entry();
    entry.wins = entry.wins.flatMap((win) => (win.slot === 4 ? again(win) : [win]));
    fleet.alter = (record) => (record.type === 'poison' ? record : spoil(4, again)(record));
    const code = fleet.coupons()[3]?.code;
    fleet.data.coupons = fleet.data.coupons.map((coupon) =>
      coupon.slot === 4 ? { ...coupon, ...(again(coupon)[0] as Win) } : coupon,
    );
    assert.equal(fleet.coupons()[3]?.code, code);
    await fleet.finds(api, 'I4', /key k3 of u3 has two wins of drop/);
  });

  it('names one damage once, however often the log repeats what stands behind it', async (t) => {
    const fleet = openFleet(t);
    const { dibs } = await spread(fleet);
    const records = await fleet.logged();
    await fleet.log.append?.([...records, ...records]);
    fleet.alter = (record) => (record.type === 'poison' ? record : spoil(6, (win) => [{ ...win, nth: 2 }])(record));
    const { findings } = await dibs.audit(one);
    assert.ok(findings.length > 0);
    for (const { message } of findings) assert.match(message, /slot 6|win 2 of user u6/);
  });

  it('ends, though the log grows as fast as it is read, and the outbox too', async (t) => {
    const fleet = openFleet(t);
    const state = { isBusy: false, slot: 10 };
    const grow = async (): Promise<void> => {
      if (!state.isBusy) return;
      state.slot += 1;
      await fleet.gate.admit(one, [{ userId: `u${state.slot}`, key: `k${state.slot}` }]);
      await fleet.log.append?.(await fleet.gate.outbox(two, '0-0', 10));
    };
    const api = await fleet.open('api', {
      roles: ['claims'],
      gate: (gate) => wrapGate(gate, { outbox: (eventId, after) => grow().then(() => gate.outbox(eventId, after, 1)) }),
      log: (log) => wrapLog(log, { read: (...rest) => grow().then(() => log.read(...rest)) }),
    });
    await fleet.drop(api, one, 10);
    await fleet.drop(api, two, 1);
    state.isBusy = true;
    const report = await api.dibs.audit(one);
    state.isBusy = false;
    assert.deepEqual([report.findings, report.won], [[], 10]);
    assert.ok(state.slot < 60, `${state.slot} slots`);
  });

  it('vouches for a log that was cut at its front, as far as the ledger has been given it', async (t) => {
    const fleet = openFleet(t);
    const { dibs } = await spread(fleet);
    const partition = fleet.log.partitionOf(one);
    const given = Number(fleet.data.positions.get(partition));
    assert.ok(given >= 5, 'several records');
    for (let cut = 0; cut <= given; cut += 1) {
      fleet.trimmed.set(partition, cut);
      assert.deepEqual((await dibs.audit(one)).findings, [], `cut at ${cut}`);
      assert.deepEqual((await dibs.audit(two)).findings, [], `cut at ${cut}`);
    }
  });

  it('vouches for a log that has lost of its middle what the ledger was given, a raised capacity too', async (t) => {
    const fleet = openFleet(t);
    const api = await fleet.open('api');
    await fleet.drop(api, one, 5, { capacity: 5 });
    await api.dibs.changeEvent(one, { capacity: 50 });
    await fleet.win(api, one, 6, 8);
    await fleet.win(api, one, 9, 9);
    await fleet.sound(api);
    fleet.alter = (record) => {
      if (record.type === 'poison') return record;
      return record.revision === 2 && lastOf(record) < 9 ? null : record;
    };
    assert.deepEqual((await fleet.logged()).map(lastOf), [0, 5, 5, 8, 9]);
    assert.deepEqual((await api.dibs.audit(one)).findings, []);
  });

  it('vouches for a log that has everything several times, of relays that have overlapped', async (t) => {
    const fleet = openFleet(t);
    const { dibs } = await spread(fleet);
    const [first, second, third, ...rest] = (await fleet.logged()) as [EventRecord, WinsRecord, EventRecord];
    await fleet.log.append?.([first, second, third, ...rest, third, first, ...rest]);
    assert.deepEqual((await dibs.audit(one)).findings, []);
  });
});
