/** What is in the log and is no record: set aside once, whatever else happens to its piece, and in nobody's way. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DibsError } from '../../src/core/errors.ts';
import type { IssueOutcome } from '../../src/core/ledger.ts';
import { wrapLedger } from '../../src/testing/canaries/wrap.ts';
import { troubleOf } from '../../src/testing/refusal.ts';
import { type Fleet, one, openFleet, type Process, slotsFrom, three, two } from './fleet.ts';

const poisons = [
  '{"v":1,"type":"wi',
  'no record at all',
  '{"v":2,"type":"wins","eventId":"drop","epoch":1,"revision":1,"wins":[]}',
  '{"v":1,"type":"wins","eventId":"drop","epoch":1,"revision":1,"wins":[{"slot":"1"}]}',
  'null',
];

async function api(fleet: Fleet): Promise<Process> {
  return fleet.open('api', { roles: ['claims'] });
}

const kept = (fleet: Fleet): string[] => fleet.failures(null).map(({ record }) => record);

describe('what is no record', () => {
  it('is kept as it is, and the events of its partition go on', async (t) => {
    const fleet = openFleet(t);
    const claims = await api(fleet);
    const worker = await fleet.open('worker', { roles: ['issuing'] });
    await fleet.drop(claims, one, 5);
    await fleet.sound(worker);
    for (const poison of poisons) await fleet.poison(one, poison);
    await fleet.drop(claims, two, 5);
    await fleet.win(claims, one, 6, 9);
    await fleet.drop(claims, three, 5);
    await fleet.sound(worker);
    assert.deepEqual(kept(fleet), poisons);
    for (const [id, won] of [
      [one, 9],
      [two, 5],
      [three, 5],
    ] as const)
      assert.deepEqual(fleet.slots(id), slotsFrom(1, won));
    assert.deepEqual([...fleet.data.stopped], []);
    const told = worker.alarms.filter((alarm) => alarm.includes('cannot be read'));
    assert.equal(
      told.reduce((sum, alarm) => sum + Number(/\d+/.exec(alarm)?.[0]), 0),
      poisons.length,
    );
    assert.deepEqual((await claims.dibs.figures()).failedIssuances, { waiting: 5, reissued: 0, discarded: 0 });
  });

  it('names nobody, is never issued, and may be given up', async (t) => {
    const fleet = openFleet(t);
    const claims = await api(fleet);
    await fleet.open('worker', { roles: ['issuing'] });
    await fleet.drop(claims, one, 1);
    await fleet.poison(one, poisons[0] ?? '');
    await fleet.until('it is set aside', () => kept(fleet).length === 1);
    const [failure] = (await claims.dibs.listFailedIssuances()).items;
    assert.deepEqual(
      [failure?.eventId, failure?.slot, failure?.userId, failure?.record, failure?.state],
      [null, null, null, poisons[0], 'waiting'],
    );
    const trouble = await troubleOf('reissue_refused', () => claims.dibs.reissue(failure?.id ?? 0));
    assert.equal(trouble.message, failure?.error);
    await fleet.pass(10_000);
    assert.deepEqual(fleet.slots(), [1]);
    assert.equal((await claims.dibs.discard(failure?.id ?? 0, 'a test of the organiser')).state, 'discarded');
    assert.deepEqual((await claims.dibs.audit(one)).findings, []);
  });

  it('that reads like a win, but stands where none belongs, is issued neither by the clock nor by hand', async (t) => {
    const fleet = openFleet(t);
    const claims = await api(fleet);
    const worker = await fleet.open('worker', { roles: ['issuing'] });
    await fleet.drop(claims, one, 4);
    await fleet.sound(worker);
    // As a Kafka log gives a whole record that somebody else wrote under no key, or into another event's partition.
    const win = { slot: 900, userId: 'mallory', nth: 1, claimId: '900-aaaaaaaaaaaa', key: null, wonAt: 1 };
    const raw = JSON.stringify({ v: 1, type: 'wins', eventId: one, epoch: 1, revision: 1, wins: [win] });
    const error = 'its key is not its event drop';
    fleet.alter = (record) => (record.type === 'poison' ? { type: 'poison', raw, error } : record);
    await fleet.poison(one, 'in its place');
    await fleet.until('it is set aside', () => kept(fleet).length === 1);
    await fleet.pass(10_000);
    assert.deepEqual(fleet.slots(one), slotsFrom(1, 4), 'nobody has won slot 900');
    const [failure] = (await claims.dibs.listFailedIssuances()).items;
    await troubleOf('reissue_refused', () => claims.dibs.reissue(failure?.id ?? 0));
    assert.deepEqual(fleet.slots(one), slotsFrom(1, 4));
  });

  it('goes on saying what was wrong with it, however often the clock has tried', async (t) => {
    const fleet = openFleet(t);
    const claims = await api(fleet);
    await fleet.open('worker', { roles: ['issuing'] });
    await fleet.drop(claims, one, 1);
    await fleet.poison(one, poisons[0] ?? '');
    await fleet.until('it is set aside', () => kept(fleet).length === 1);
    const [{ error: said } = { error: '' }] = fleet.failures(null);
    await fleet.pass(10_000);
    assert.equal(fleet.failures(null)[0]?.error, said);
  });

  /** What comes between the first time that it is read and the time that it is set aside. */
  const between: Record<string, (asked: number) => IssueOutcome | Error | null> = {
    'a ledger that is away for a while': (asked) => (asked < 5 ? new DibsError('unavailable') : null),
    'commits of which nothing is known': (asked) => (asked < 5 ? new DibsError('unknown_outcome') : null),
    'a rate that is used up': (asked) => (asked < 5 ? { outcome: 'throttled', waitMs: 50 } : null),
    'another worker who was first': (asked) => (asked < 3 ? { outcome: 'moved', position: null } : null),
    'an event that contradicts the ledger': (asked) =>
      asked === 1 ? { outcome: 'conflict', eventId: two, slot: 1, message: 'planted' } : null,
  };
  for (const [name, comes] of Object.entries(between)) {
    it(`is set aside once, where there comes between ${name}`, async (t) => {
      const fleet = openFleet(t);
      const claims = await api(fleet);
      await fleet.poison(one, poisons[0] ?? '');
      await fleet.drop(claims, one, 5);
      let asked = 0;
      await fleet.open('worker', {
        roles: ['issuing'],
        ledger: (ledger) =>
          wrapLedger(ledger, {
            async issue(batch) {
              if (!batch.failures.some(({ eventId }) => eventId === null)) return ledger.issue(batch);
              const outcome = comes((asked += 1));
              // Nothing is known of it by who asked; it was done all the same.
              if (outcome instanceof DibsError && outcome.code === 'unknown_outcome' && asked === 3)
                await ledger.issue(batch);
              if (outcome instanceof Error) throw outcome;
              return outcome ?? ledger.issue(batch);
            },
          }),
      });
      await fleet.until('all is issued', () => fleet.slots().length === 5);
      assert.deepEqual(kept(fleet), [poisons[0]]);
      assert.ok(asked > 1, 'it came between');
    });
  }

  it('is set aside once beside coupons of its piece that the ledger refuses', async (t) => {
    const fleet = openFleet(t);
    const claims = await api(fleet);
    await fleet.drop(claims, one, 5);
    for (const slot of [2, 4]) fleet.data.refused.add(`${one} ${slot}`);
    // All of it in one piece.
    await fleet.log.append?.(await fleet.gate.outbox(one, '0-0', 10));
    await fleet.poison(one, poisons[1] ?? '');
    await fleet.open('late', { roles: ['issuing'] });
    await fleet.until('the others are issued', () => fleet.slots().length === 3);
    assert.deepEqual(kept(fleet), [poisons[1]]);
    assert.deepEqual(
      fleet.failures().map(({ slot }) => slot),
      [2, 4],
    );
  });

  it('in the place of wins stops their event at the next, and is of no harm once these have come again', async (t) => {
    const fleet = openFleet(t);
    const claims = await api(fleet);
    const worker = await fleet.open('worker', { roles: ['issuing'] });
    await fleet.drop(claims, one, 4);
    await fleet.sound(worker);
    // The next record of the partition is spoilt on its way.
    const spoilt = Number(fleet.data.positions.get(fleet.log.partitionOf(one)));
    fleet.alter = (record, at) => (at === spoilt ? { type: 'poison', raw: 'spoilt', error: 'planted' } : record);
    await fleet.win(claims, one, 5, 6);
    await fleet.until('it is set aside', () => kept(fleet).length === 1);
    assert.deepEqual([fleet.slots().length, fleet.data.stopped.size], [4, 0], 'nothing is missed yet');
    await fleet.win(claims, one, 7, 9);
    await fleet.until('the event is stopped', () => fleet.data.stopped.size === 1);
    await worker.close();
    const next = await fleet.open('next', { roles: ['issuing'] });
    await fleet.until('all that was missed is kept', () => fleet.failures().length === 5);
    await fleet.pass(2_100);
    await claims.dibs.recover(one);
    await fleet.pass(2_100);
    await fleet.until('all come home', () => fleet.slots().length === 9);
    await fleet.sound(next);
    assert.deepEqual(kept(fleet), ['spoilt']);
  });
});
