import assert from 'node:assert/strict';
import type { EventSnapshot } from '../../core/event-spec.ts';
import type { Gate, Restoration } from '../../core/gate.ts';
import { compareOutboxIds, type OutboxId, outboxEnd, outboxIdOf } from '../../core/record.ts';
import { claimIdOf } from '../../lib/claim-id.ts';
import {
  claim,
  commonOf,
  crowd,
  drain,
  folded,
  minuteMs,
  openEvent,
  seen,
  specOf,
  standing,
  verdict,
  winOf,
} from './acting.ts';
import { type GateConcern, needing } from './bench.ts';

/**
 * What recovery hands over once `gate` has been lost: the event as it stood there, with the act of recovery counted in as its
 * next revision and as the next record of its outbox.
 */
async function restorationOf(gate: Gate, eventId = 'drop'): Promise<Restoration & { readonly issuedUpTo: OutboxId }> {
  const stood = await standing(gate, eventId);
  const wins = await gate.wins(eventId, 0, 1000);
  const event = { ...stood, revision: stood.revision + 1, acts: stood.acts + 1 };
  return { event, wins, issuedUpTo: outboxEnd(stood) };
}

/** Runs `act` with what an event of five places with four wins comes back from, and with the gate that it was lost from. */
async function lost(gate: Gate, eventId = 'lost'): Promise<Awaited<ReturnType<typeof restorationOf>>> {
  await openEvent(gate, { id: eventId, capacity: 5, limitPerUser: 2 });
  await gate.admit(eventId, [{ userId: 'alice', key: 'a' }, ...crowd(2, 'user-', 'a'), { userId: 'alice', key: 'b' }]);
  return await restorationOf(gate, eventId);
}

/** The same restoration under another id, for a gate that has never seen it; the claims are named after their event. */
const movedTo = <T extends Restoration>(restoration: T, id: string): T => ({
  ...restoration,
  event: { ...restoration.event, spec: { ...restoration.event.spec, id } },
  wins: restoration.wins.map((win) => ({ ...win, claimId: claimIdOf(id, restoration.event.epoch, win) })),
});

export const restoring: GateConcern = {
  concern: 'restoring an event',
  cases: {
    'puts it back as it is given, and shows it so': async ({ gate }) => {
      const { event, wins } = movedTo(await lost(gate), 'drop');
      assert.deepEqual(await gate.restore({ event, wins }), event);
      assert.deepEqual(await standing(gate), event);
      assert.deepEqual(
        (await gate.list(null, 10)).map((one) => one.spec.id),
        ['drop', 'lost'],
      );
      assert.deepEqual(await gate.winsOfUser('drop', 'alice'), [wins[0], wins[3]]);
    },
    'writes one recover record, behind all that has been read': async ({ gate }) => {
      const { event, wins, issuedUpTo } = movedTo(await lost(gate), 'drop');
      await gate.restore({ event, wins });
      const records = await drain(gate, 'drop', issuedUpTo);
      const { spec, phase, epoch, revision, won, acts: n } = event;
      assert.equal(records.length, 1);
      const { time, ...record } = records[0]?.type === 'event' ? records[0] : assert.fail('no event record');
      assert.deepEqual(record, {
        v: 1,
        type: 'event',
        eventId: 'drop',
        epoch,
        revision,
        act: 'recover',
        spec,
        phase,
        won,
        n,
      });
      assert.ok(time >= (wins.at(-1)?.wonAt ?? 0));
    },
    'its record folds upon what was read before': async ({ gate }) => {
      const { issuedUpTo, ...restoration } = await lost(gate);
      const before = folded(await drain(gate, 'lost'));
      await gate.restore(restoration);
      const state = folded(await drain(gate, 'lost', issuedUpTo), before);
      assert.deepEqual(commonOf(state), commonOf(await standing(gate, 'lost')));
    },
    'its outbox folds from its start': async ({ gate }) => {
      const { event, wins } = movedTo(await lost(gate), 'drop');
      await gate.restore({ event, wins });
      const records = await drain(gate);
      assert.deepEqual(commonOf(folded(records)), commonOf(event));
      assert.deepEqual(
        records.flatMap((one) => (one.type === 'wins' ? one.wins : [])),
        wins,
      );
      const acts = records.flatMap((one) => (one.type === 'event' ? [[one.act, one.revision, one.won, one.n]] : []));
      const { revision, won, acts: n } = event;
      assert.deepEqual(acts, [
        ['recover', revision - 1, 0, 1],
        ['recover', revision, won, n],
      ]);
    },
    'replays its wins and counts them': async ({ gate }) => {
      const { event, wins } = movedTo(await lost(gate), 'drop');
      await gate.restore({ event, wins });
      assert.deepEqual(await claim(gate, 'alice', 'a'), { outcome: 'won', replayed: true, win: wins[0] });
      assert.equal(verdict(await claim(gate, 'alice', 'c')), 'limit_reached');
      const next = winOf(await claim(gate, 'user-1', 'b'));
      assert.deepEqual([next.slot, next.nth], [5, 2]);
      assert.equal(verdict(await claim(gate, 'late', 'a')), 'sold_out');
    },
    'goes on in order behind its record': async ({ gate }) => {
      const { event, wins, issuedUpTo } = movedTo(await lost(gate), 'drop');
      await gate.restore({ event, wins });
      await claim(gate, 'late', 'a');
      await gate.command('drop', { act: 'close' }, null);
      const records = await drain(gate, 'drop', issuedUpTo);
      const acts = records.map((one) => (one.type === 'event' ? one.act : one.wins.map((win) => win.slot)));
      assert.deepEqual(acts, ['recover', [5], 'close']);
      const places = records.map(outboxIdOf);
      assert.deepEqual(places, places.toSorted(compareOutboxIds));
    },
    'stands in place of all that stood there': async ({ gate }) => {
      await openEvent(gate, { capacity: 50 });
      await gate.admit('drop', crowd(30, 'gone-'));
      await gate.command('drop', { act: 'pause' }, null);
      const { event, wins } = movedTo(await lost(gate), 'drop');
      const created: EventSnapshot = { ...event, createdAt: event.createdAt - minuteMs };
      assert.deepEqual(await gate.restore({ event: created, wins }), created);
      assert.deepEqual(await standing(gate), created);
      assert.deepEqual(await gate.winsOfUser('drop', 'gone-1'), []);
      assert.equal(winOf(await claim(gate, 'gone-1', 'a')).slot, 5);
    },
    'twice is harmless': async ({ gate }) => {
      const { event, wins, issuedUpTo } = movedTo(await lost(gate), 'drop');
      await gate.restore({ event, wins });
      assert.deepEqual(await gate.restore({ event, wins }), event);
      assert.equal((await drain(gate, 'drop', issuedUpTo)).length, 1);
    },
    'goes by what has to stand there still: nothing': async ({ gate }) => {
      const { event, wins } = movedTo(await lost(gate), 'drop');
      assert.deepEqual(await gate.restore({ event, wins, ifStanding: null }), event);
      // Somebody else has put it back meanwhile, and it goes on.
      const next = winOf(await claim(gate, 'late', 'a'));
      const before = await seen(gate);
      assert.equal(await gate.restore({ event, wins, ifStanding: null }), null);
      assert.deepEqual(await seen(gate), before);
      assert.deepEqual(winOf(await claim(gate, 'late', 'a')), next);
    },
    'goes by what has to stand there still: an event that has come just so far': async ({ gate }) => {
      const { event, wins } = movedTo(await lost(gate), 'drop');
      const { won, acts, revision } = event;
      assert.equal(await gate.restore({ event, wins, ifStanding: { won, acts, revision } }), null);
      assert.deepEqual(await gate.events(['drop']), [null]);
      await gate.restore({ event, wins });
      const before = await seen(gate);
      for (const other of [
        { won: won - 1, acts, revision },
        { won, acts: acts + 1, revision },
        { won, acts, revision: revision - 1 },
        null,
      ]) {
        assert.equal(await gate.restore({ event, wins, ifStanding: other }), null, JSON.stringify(other));
        assert.deepEqual(await seen(gate), before);
      }
      const next = { ...event, revision: revision + 1, acts: acts + 1 };
      assert.deepEqual(await gate.restore({ event: next, wins, ifStanding: { won, acts, revision } }), next);
    },
    'of an event without any win': async ({ gate }) => {
      await openEvent(gate, { id: 'lost' });
      const { event, wins } = movedTo(await restorationOf(gate, 'lost'), 'drop');
      assert.deepEqual(await gate.restore({ event, wins }), event);
      assert.equal(winOf(await claim(gate, 'alice')).slot, 1);
    },
    'of a closed event leaves it closed': async ({ gate }) => {
      await openEvent(gate, { id: 'lost' });
      await gate.command('lost', { act: 'close' }, null);
      await gate.restore(movedTo(await restorationOf(gate, 'lost'), 'drop'));
      assert.equal(verdict(await claim(gate, 'alice')), 'closed');
    },
    'leaves the other events alone': async ({ gate }) => {
      const restoration = await lost(gate);
      await openEvent(gate, specOf({ id: 'other' }));
      await claim(gate, 'alice', null, 'other');
      const other = await standing(gate, 'other');
      await gate.restore(restoration);
      assert.deepEqual(await standing(gate, 'other'), other);
      assert.equal((await gate.winsOfUser('other', 'alice')).length, 1);
    },
    'outlives a reopening of the store': needing(['reopen'], async (bench) => {
      const { event, wins } = movedTo(await lost(bench.gate), 'drop');
      await bench.gate.restore({ event, wins });
      const gate = await bench.reopen();
      assert.deepEqual(await standing(gate), event);
      assert.deepEqual(await claim(gate, 'alice', 'b'), { outcome: 'won', replayed: true, win: wins[3] });
    }),
  },
};
