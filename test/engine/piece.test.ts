/** What a piece of the log asks of the ledger: each win once, whatever comes twice, out of place, or of no sense at all. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FailedIssuanceState } from '../../src/core/coupon.ts';
import type { LogRecord, PoisonRecord, WinsRecord } from '../../src/core/record.ts';
import type { StoppedEvent } from '../../src/core/ledger.ts';
import type { Win } from '../../src/core/win.ts';
import { createCouponMaker } from '../../src/engine/coupon-code.ts';
import type { Piece } from '../../src/engine/issue-batch.ts';
import { pieceOf } from '../../src/engine/piece.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { emptyLedgerData, type LedgerData, openModelLedger } from '../../src/testing/model-ledger.ts';
import { slotsFrom } from './fleet.ts';

const couponOf = createCouponMaker('a-secret-of-the-tests');

const winAt = (slot: number, userId = `u${slot}`): Win => ({
  slot,
  userId,
  nth: 1,
  claimId: `${slot}-${userId === `u${slot}` ? '0' : 'f'}00000000000`,
  key: null,
  wonAt: 1,
});

const winsOf = (wins: readonly Win[], eventId = 'drop'): WinsRecord => ({
  v: 1,
  type: 'wins',
  eventId,
  epoch: 1,
  revision: 1,
  wins,
});

const slots = (first: number, last: number, eventId = 'drop'): WinsRecord =>
  winsOf(
    slotsFrom(first, last).map((slot) => winAt(slot)),
    eventId,
  );

const act = (won: number): LogRecord => {
  const spec = { id: 'drop', name: 'A drop', capacity: 99, limitPerUser: 1, opensAt: null, closesAt: null };
  const head = { v: 1, type: 'event', eventId: 'drop', epoch: 1, revision: 7, act: 'change' } as const;
  return { ...head, spec, phase: 'active', won, n: 1, time: 5 };
};

/** A ledger that has the slots up to `last`, those of `kept` as failures in this state. */
interface Given {
  readonly last?: number;
  readonly kept?: Readonly<Record<number, FailedIssuanceState>>;
  readonly record?: string;
  readonly stops?: readonly StoppedEvent[];
  readonly stopped?: string | null;
  /** What the gate says of a win; it cannot tell where absent. */
  readonly isWon?: (win: Win) => boolean | null;
}

async function take(records: readonly (LogRecord | PoisonRecord)[], given: Given = {}): Promise<Piece> {
  const { last = 0, kept = {}, stops = [], stopped = null } = given;
  const data: LedgerData = { ...emptyLedgerData(), migrated: true };
  for (const slot of slotsFrom(1, last)) {
    const state = kept[slot];
    const { userId } = winAt(slot);
    const record = given.record ?? JSON.stringify(slots(slot, slot));
    const rest = { userId, record, error: 'planted', attempts: 1, nextAttemptAt: 1, reason: null };
    if (state !== undefined) data.failures.push({ id: slot, eventId: 'drop', slot, state, ...rest });
    if (state === undefined || state === 'reissued')
      data.coupons.push({ ...couponOf('drop', winAt(slot)), issuedAt: 1 });
  }
  const ledger = openModelLedger(new ManualClock(), data);
  return pieceOf(
    records,
    {
      ledger,
      couponOf,
      lastSlotOf: (eventId) => ledger.lastSlot(eventId),
      causeOf: (eventId) => (eventId === 'drop' ? stopped : null),
      isWon: async (_eventId, win) => given.isWon?.(win) ?? null,
      nextAttemptAt: () => 99,
    },
    stops,
  );
}

const issued = ({ coupons }: Piece): number[] => coupons.map(({ coupon }) => coupon.slot);
const keptSlots = ({ failures }: Piece): (number | null)[] => failures.map(({ slot }) => slot);

describe('a piece of the log', () => {
  it('is a coupon for each win and a revision for each act, event by event', async () => {
    const piece = await take([act(0), slots(1, 3), slots(1, 2, 'b'), act(3), slots(4, 5)]);
    assert.deepEqual(issued(piece), [1, 2, 3, 1, 2, 4, 5]);
    assert.deepEqual(
      piece.events.map(({ revision, updatedAt }) => [revision, updatedAt]),
      [
        [7, 5],
        [7, 5],
      ],
    );
    assert.deepEqual([piece.failures, piece.stops], [[], []]);
    assert.deepEqual(piece.coupons[0]?.coupon, couponOf('drop', winAt(1)));
  });

  it('has a win once that its records have twice, and leaves to the ledger what it may have issued', async () => {
    assert.deepEqual(issued(await take([slots(1, 3), slots(2, 3), slots(1, 4)])), [1, 2, 3, 4]);
    const repeated = await take([slots(1, 4)], { last: 3 });
    assert.deepEqual([issued(repeated), repeated.stops], [[1, 2, 3, 4], []]);
  });

  for (const [state, is] of [
    ['waiting', 'not issued beside its failure'],
    ['discarded', 'not issued after all'],
  ] as const) {
    it(`that has a win again which is ${state} leaves it so: ${is}`, async () => {
      const piece = await take([slots(1, 5)], { last: 4, kept: { 2: state, 4: state } });
      assert.deepEqual([issued(piece), piece.failures, piece.stops], [[1, 3, 5], [], []]);
    });
  }

  it('leaves to the ledger what was reissued, and to a person what cannot be read', async () => {
    assert.deepEqual(issued(await take([slots(1, 4)], { last: 3, kept: { 2: 'reissued' } })), [1, 2, 3, 4]);
    for (const record of ['cut {"v', '{}', JSON.stringify(act(1))]) {
      const piece = await take([slots(1, 4)], { last: 3, kept: { 2: 'waiting' }, record });
      assert.deepEqual([issued(piece), piece.failures, piece.stops], [[1, 3, 4], [], []], record);
    }
  });

  it('that has another win of a slot which is kept stops the event, and keeps that win beside it', async () => {
    for (const state of ['waiting', 'discarded'] as const) {
      const records = [winsOf([winAt(1), winAt(2, 'mallory'), winAt(3), winAt(4)])];
      const piece = await take(records, { last: 3, kept: { 2: state } });
      assert.deepEqual(issued(piece), [1]);
      assert.deepEqual(piece.stops, [
        {
          eventId: 'drop',
          cause: 'slot 2 is 2-f00000000000 of mallory in the log, and was 2-000000000000 of u2 before',
        },
      ]);
      assert.deepEqual(keptSlots(piece), [null, 4], 'the ledger has slot 3 already');
      const [other] = piece.failures;
      assert.deepEqual([other?.eventId, other?.userId], ['drop', 'mallory']);
      assert.deepEqual(JSON.parse(other?.record ?? ''), winsOf([winAt(2, 'mallory')]));
      assert.match(other?.error ?? '', /^The event is stopped: slot 2 is 2-f/);
    }
  });

  it('that has two wins of one slot stops the event, and keeps the second and what follows', async () => {
    const piece = await take([slots(1, 3), winsOf([winAt(2, 'mallory')]), slots(4, 5), slots(1, 1, 'b')]);
    assert.deepEqual(issued(piece), [1, 2, 3, 1]);
    assert.deepEqual(keptSlots(piece), [null, 4, 5]);
    assert.equal(piece.stops.length, 1);
    const stopped = await take([slots(1, 2), winsOf([winAt(2, 'mallory')])], { stopped: 'before' });
    assert.deepEqual([issued(stopped), keptSlots(stopped), stopped.stops], [[], [1, 2, null], []]);
  });

  it('that leaves a gap stops the event from there on, and no other', async () => {
    const piece = await take([slots(1, 2), winsOf([winAt(3), winAt(5)]), slots(6, 7), slots(1, 2, 'b')]);
    assert.deepEqual(
      [issued(piece), keptSlots(piece)],
      [
        [1, 2, 3, 1, 2],
        [5, 6, 7],
      ],
    );
    assert.deepEqual(piece.stops, [{ eventId: 'drop', cause: 'the log goes on at slot 5 behind slot 3' }]);
    const late = await take([slots(4, 4)], { last: 2 });
    assert.deepEqual([issued(late), keptSlots(late)], [[], [4]]);
  });

  it('that has an act behind wins which never came stops the event, whose revision goes on', async () => {
    const piece = await take([slots(1, 2), act(3), slots(4, 4)]);
    assert.deepEqual([issued(piece), keptSlots(piece), piece.events.length], [[1, 2], [4], 1]);
    assert.deepEqual(piece.stops, [{ eventId: 'drop', cause: 'the log is at slot 3 behind slot 2' }]);
    const repeated = await take([act(2), act(0)], { last: 5 });
    assert.deepEqual(repeated.stops, [], 'an act that comes again late is behind nothing');
  });

  it('of an event that the ledger contradicts is kept whole, but for what stands there the same', async () => {
    const stops = [{ eventId: 'drop', cause: 'planted' }];
    const piece = await take([slots(2, 5), slots(1, 2, 'b')], { last: 3, stops });
    assert.deepEqual([issued(piece), keptSlots(piece), piece.stops], [[1, 2], [4, 5], stops]);
    assert.deepEqual(new Set(piece.failures.map(({ error }) => error)), new Set(['The event is stopped: planted']));
    assert.deepEqual(new Set(piece.failures.map(({ nextAttemptAt }) => nextAttemptAt)), new Set([99]));
  });

  it('that has what the gate gave to nobody keeps it beside all slots, and those who have won hold theirs', async () => {
    const isWon = (win: Win): boolean => win.userId !== 'mallory';
    // On a slot with a coupon, on one that is kept, and on the next three, before and behind those who have won them.
    const evil = [1, 2, 4, 5, 900].map((slot) => winAt(slot, 'mallory'));
    const records = [winsOf(evil.slice(0, 3)), slots(4, 6), winsOf(evil.slice(3)), slots(7, 7)];
    for (const state of ['waiting', 'discarded'] as const) {
      const given = { last: 3, kept: { 2: state }, stops: [{ eventId: 'drop', cause: 'planted' }], isWon };
      const piece = await take(records, given);
      assert.deepEqual([issued(piece), keptSlots(piece)], [[], [null, null, null, 4, 5, 6, null, null, 7]]);
      for (const { slot, userId, error } of piece.failures) {
        assert.equal(userId === 'mallory', slot === null);
        assert.match(
          error,
          slot === null ? /^The gate has no win \d+-f0+ of mallory\. The event/ : /^The event is stopped: /,
        );
      }
    }
  });

  it('that has a slot far away, of nobody, stops the event, and takes no other slot for a repeat afterwards', async () => {
    const isWon = (win: Win): boolean => win.userId !== 'mallory';
    const piece = await take([slots(1, 2), winsOf([winAt(900, 'mallory')]), slots(3, 3), slots(5, 5)], { isWon });
    assert.deepEqual(
      [issued(piece), keptSlots(piece)],
      [
        [1, 2],
        [null, 3, 5],
      ],
    );
    assert.equal(piece.stops[0]?.cause, 'the log goes on at slot 900 behind slot 2');
  });

  it('keeps who has won at the slot, where another was issued there just before', async () => {
    const isWon = (win: Win): boolean => win.userId !== 'mallory';
    const piece = await take([winsOf([winAt(1), winAt(2, 'mallory')]), slots(2, 3)], { isWon });
    assert.deepEqual(
      [issued(piece), keptSlots(piece)],
      [
        [1, 2],
        [2, 3],
      ],
    );
  });

  it('keeps another user under the claim id of a win, and is not fooled by what it has of the claim id', async () => {
    const fake = { ...winAt(2), userId: 'mallory' };
    const kept = await take([winsOf([fake])], { last: 3, kept: { 2: 'waiting' }, isWon: () => false });
    assert.deepEqual([issued(kept), keptSlots(kept), kept.stops.length], [[], [null], 1]);
    const stops = [{ eventId: 'drop', cause: 'planted' }];
    const beside = await take([winsOf([fake, winAt(3)])], {
      last: 3,
      stops,
      isWon: ({ userId }) => userId !== 'mallory',
    });
    assert.deepEqual(keptSlots(beside), [null], 'slot 3 is issued, and is no second win');
  });

  it('keeps beside its slot what the ledger has a failed issuance of, in whatever state', async () => {
    const stops = [{ eventId: 'drop', cause: 'planted' }];
    const piece = await take([winsOf([winAt(2, 'mallory')])], { last: 3, kept: { 2: 'reissued' }, stops });
    assert.deepEqual(keptSlots(piece), [null], 'a second of the slot would not be kept at all');
  });

  it('that no gate can have written is set aside as it is, and stops nothing', async () => {
    const impossible = [
      winsOf([winAt(0)]),
      winsOf([winAt(10_000_001)]),
      winsOf([{ ...winAt(1), nth: 101 }]),
      winsOf([{ ...winAt(1), userId: 'a b' }]),
      winsOf([{ ...winAt(1), userId: 'u'.repeat(129) }]),
      winsOf([{ ...winAt(1), key: '' }]),
      winsOf([winAt(1)], 'e'.repeat(65)),
    ];
    const piece = await take([...impossible, slots(1, 2)]);
    assert.deepEqual([issued(piece), piece.stops], [[1, 2], []]);
    assert.deepEqual(
      piece.failures.map(({ eventId, slot, userId, record }) => [eventId, slot, userId, record]),
      impossible.map((record) => [null, null, null, JSON.stringify(record)]),
    );
  });

  it('of an event that is stopped already is kept, and stops nothing anew', async () => {
    const piece = await take([slots(1, 2), slots(5, 5), act(9)], { stopped: 'before' });
    assert.deepEqual([issued(piece), keptSlots(piece), piece.stops], [[], [1, 2, 5], []]);
  });

  it('that is no record is kept as it is, of no event and no slot, and the rest goes on', async () => {
    const piece = await take([slots(1, 1), { type: 'poison', raw: 'cut {"v', error: 'no JSON' }, slots(2, 2)]);
    assert.deepEqual(issued(piece), [1, 2]);
    assert.deepEqual(piece.failures, [
      { eventId: null, slot: null, userId: null, record: 'cut {"v', error: 'no JSON', nextAttemptAt: 99 },
    ]);
  });
});
