import assert from 'node:assert/strict';
import type { DibsError } from '../../core/errors.ts';
import type { Gate } from '../../core/gate.ts';
import { outboxEnd } from '../../core/record.ts';
import type { Win } from '../../core/win.ts';
import { troubleOf } from '../refusal.ts';
import { claim, crowd, drain, minuteMs, openEvent, seen, specOf, standing, verdict, winOf } from './acting.ts';
import { type GateConcern, needing } from './bench.ts';

const bySlot = (wins: readonly Win[]) => wins.toSorted((a, b) => a.slot - b.slot);

/** Scans to the end, about `limit` wins at a time, and gives each win once. */
async function scanned(gate: Gate, limit: number, eventId = 'drop'): Promise<Win[]> {
  const found = new Map<string, Win>();
  for (let cursor: string | null = null, pieces = 0; ; pieces += 1) {
    assert.ok(pieces <= 1_000, 'a scan comes to its end');
    const piece = await gate.scan(eventId, cursor, limit);
    for (const win of piece.wins) {
      assert.deepEqual(found.get(win.claimId) ?? win, win, 'a win that is given twice is the same');
      found.set(win.claimId, win);
    }
    if (piece.cursor === null) return bySlot([...found.values()]);
    cursor = piece.cursor;
  }
}

export const scanning: GateConcern = {
  concern: 'scanning all wins',
  cases: {
    'gives every win, in pieces of any size': async ({ gate }) => {
      await openEvent(gate, { capacity: 400, limitPerUser: 3 });
      const requests = Array.from({ length: 300 }, (_, at) => ({ userId: `user-${at % 140}`, key: `key-${at % 9}` }));
      await gate.admit('drop', requests);
      const wins = await gate.wins('drop', 0, 1_000);
      assert.ok(wins.length > 200);
      for (const limit of [1, 7, 100, 1_000]) assert.deepEqual(await scanned(gate, limit), wins, `${limit} at a time`);
    },
    'gives what repeats are judged by: each user’s own, in order of nth': async ({ gate }) => {
      await openEvent(gate, { capacity: 9, limitPerUser: 2 });
      for (const key of ['a', 'b']) await gate.admit('drop', crowd(3, 'user-', key));
      const wins = await scanned(gate, 10);
      for (const { userId } of crowd(3)) {
        const own = wins.filter((win) => win.userId === userId);
        assert.deepEqual(own, await gate.winsOfUser('drop', userId));
      }
    },
    'forgets none that the outbox has been trimmed of': async ({ gate }) => {
      await openEvent(gate, { capacity: 50 });
      const wins = (await gate.admit('drop', crowd(30))).map(winOf);
      await gate.trim('drop', outboxEnd(await standing(gate)));
      assert.deepEqual(await scanned(gate, 10), wins);
    },
    'of one event has none of another': async ({ gate }) => {
      await openEvent(gate, { id: 'one' });
      await openEvent(gate, { id: 'two' });
      await claim(gate, 'alice', null, 'one');
      const win = winOf(await claim(gate, 'alice', null, 'two'));
      assert.deepEqual(await scanned(gate, 10, 'two'), [win]);
    },
    'of an event without a win, or of none, is empty': async ({ gate }) => {
      await openEvent(gate);
      assert.deepEqual(await gate.scan('drop', null, 10), { wins: [], cursor: null });
      assert.deepEqual(await gate.scan('nowhere', null, 10), { wins: [], cursor: null });
    },
  },
};

export const covering: GateConcern = {
  concern: 'covering what others know',
  cases: {
    'an event that is served says whether it covers that, and stays as it is': async ({ gate }) => {
      await openEvent(gate);
      await gate.admit('drop', crowd(2));
      await gate.command('drop', { act: 'pause' }, null);
      const before = await seen(gate);
      for (const [won, revision, covers] of [
        [2, 2, true],
        [0, 0, true],
        [1, 2, true],
        [3, 2, false],
        [2, 3, false],
      ] as const)
        assert.equal(await gate.unfence('drop', { won, revision }), covers, `${won} won, revision ${revision}`);
      assert.deepEqual(await seen(gate), before);
    },
    'of an event that is not there is event_not_found': async ({ gate }) => {
      await troubleOf('event_not_found', () => gate.unfence('nowhere', { won: 0, revision: 0 }));
    },
  },
};

const isFenced = (trouble: DibsError) =>
  assert.equal(trouble.details['fenced'], true, 'the trouble says that the event is fenced');

export const fencing: GateConcern = {
  concern: 'an event whose store is another process now',
  cases: {
    'is shown as fenced, and as it stands otherwise': needing(['fence'], async ({ gate, fence }) => {
      const event = await openEvent(gate);
      await openEvent(gate, { id: 'other' });
      await fence('drop');
      assert.deepEqual(await gate.events(['drop']), [{ ...event, fenced: true }]);
      const listed = (await gate.list(null, 10)).map((one) => [one.spec.id, one.fenced ?? false]);
      assert.deepEqual(listed, [
        ['drop', true],
        ['other', false],
      ]);
      assert.deepEqual(
        (await gate.extents(null, 10)).map((one) => [one.eventId, one.fenced]),
        listed,
      );
      assert.deepEqual(await gate.create(specOf()), { event: { ...event, fenced: true }, created: false });
    }),
    'decides nothing: neither claims, nor repeats, nor commands': needing(['fence'], async ({ gate, fence }) => {
      await openEvent(gate);
      await claim(gate, 'alice');
      await fence('drop');
      const before = await seen(gate);
      isFenced(await troubleOf('recovering', () => claim(gate, 'bob')));
      isFenced(await troubleOf('recovering', () => claim(gate, 'alice')));
      isFenced(await troubleOf('recovering', () => gate.command('drop', { act: 'pause' }, null)));
      assert.deepEqual(await seen(gate), before);
    }),
    'is not closed by time while it is fenced': needing(['fence', 'clock'], async ({ gate, fence, clock }) => {
      await openEvent(gate, { closesAt: clock.now() + minuteMs });
      await fence('drop');
      clock.step(minuteMs);
      assert.equal((await standing(gate)).revision, 1);
      assert.equal(await gate.unfence('drop', { won: 0, revision: 1 }), true);
      assert.deepEqual([(await standing(gate)).phase, (await standing(gate)).revision], ['closed', 2]);
    }),
    'still tells its wins and its outbox': needing(['fence'], async ({ gate, fence }) => {
      await openEvent(gate);
      const win = winOf(await claim(gate, 'alice'));
      const records = await drain(gate);
      await fence('drop');
      assert.deepEqual(await gate.winsOfUser('drop', 'alice'), [win]);
      assert.deepEqual(await gate.wins('drop', 0, 10), [win]);
      assert.deepEqual(await scanned(gate, 10), [win]);
      assert.deepEqual(await drain(gate), records);
    }),
    'is served on where it covers what is known, as it stood': needing(['fence'], async ({ gate, fence }) => {
      await openEvent(gate, { limitPerUser: 2 });
      const win = winOf(await claim(gate, 'alice', 'a'));
      const event = await standing(gate);
      await fence('drop');
      assert.equal(await gate.unfence('drop', { won: 1, revision: 1 }), true);
      assert.deepEqual(await standing(gate), event);
      assert.deepEqual(winOf(await claim(gate, 'alice', 'a')), win);
      assert.equal(winOf(await claim(gate, 'bob', 'a')).slot, 2);
    }),
    'stays fenced where it has less than is known, of wins or of revisions': needing(
      ['fence'],
      async ({ gate, fence }) => {
        await openEvent(gate);
        await claim(gate, 'alice');
        await fence('drop');
        const before = await seen(gate);
        assert.equal(await gate.unfence('drop', { won: 2, revision: 1 }), false);
        assert.equal(await gate.unfence('drop', { won: 1, revision: 2 }), false);
        assert.deepEqual(await seen(gate), before);
        isFenced(await troubleOf('recovering', () => claim(gate, 'bob')));
      },
    ),
    'is served on once, however many ask at once': needing(['fence'], async ({ gate, fence }) => {
      await openEvent(gate);
      await claim(gate, 'alice');
      await fence('drop');
      const asked = Array.from({ length: 8 }, () => gate.unfence('drop', { won: 1, revision: 1 }));
      assert.deepEqual(await Promise.all(asked), Array(8).fill(true));
      assert.equal(verdict(await claim(gate, 'bob')), 'won');
      assert.equal((await drain(gate)).length, 3, 'serving on is no revision');
    }),
    'leaves the other events alone': needing(['fence'], async ({ gate, fence }) => {
      await openEvent(gate);
      await openEvent(gate, { id: 'other' });
      await fence('drop');
      assert.equal(verdict(await claim(gate, 'alice', null, 'other')), 'won');
    }),
    'is served once it has been restored': needing(['fence'], async ({ gate, fence }) => {
      await openEvent(gate);
      const win = winOf(await claim(gate, 'alice'));
      await fence('drop');
      const { fenced: _, ...stood } = await standing(gate);
      const event = { ...stood, revision: stood.revision + 1, acts: stood.acts + 1 };
      assert.deepEqual(await gate.restore({ event, wins: [win] }), event);
      assert.equal(winOf(await claim(gate, 'bob')).slot, 2);
    }),
  },
};

export const attendance: GateConcern = {
  concern: 'attendance of workers',
  cases: {
    'gives all that are there, in byte order, the one that asks among them': async ({ gate }) => {
      assert.deepEqual(await gate.attend('b', minuteMs), ['b']);
      assert.deepEqual(await gate.attend('B', minuteMs), ['B', 'b']);
      assert.deepEqual(await gate.attend('a-1', minuteMs), ['B', 'a-1', 'b']);
      assert.deepEqual(await gate.attend('b', minuteMs), ['B', 'a-1', 'b']);
    },
    'is over at once for who leaves': async ({ gate }) => {
      await gate.attend('a', minuteMs);
      await gate.attend('b', minuteMs);
      await gate.leave('a');
      await gate.leave('nobody');
      assert.deepEqual(await gate.attend('b', minuteMs), ['b']);
      assert.deepEqual(await gate.attend('a', minuteMs), ['a', 'b'], 'and who comes back is there again');
    },
    'is over when its time has run out, and lasts for who goes on saying so': needing(
      ['clock'],
      async ({ gate, clock }) => {
        await gate.attend('a', minuteMs);
        await gate.attend('b', minuteMs);
        clock.step(minuteMs - 1);
        assert.deepEqual(await gate.attend('b', minuteMs), ['a', 'b']);
        clock.step(1);
        assert.deepEqual(await gate.attend('b', minuteMs), ['b']);
      },
    ),
    'has nothing to do with events': async ({ gate }) => {
      await openEvent(gate);
      await gate.attend('drop', minuteMs);
      await gate.leave('drop');
      assert.equal((await gate.list(null, 10)).length, 1);
    },
  },
};
