import assert from 'node:assert/strict';
import { DibsError } from '../../core/errors.ts';
import type { Gate } from '../../core/gate.ts';
import { outboxIdOf } from '../../core/record.ts';
import { troubleOf } from '../refusal.ts';
import { claim, commonOf, crowd, drain, folded, openEvent, seen, specOf, standing, verdict, winOf } from './acting.ts';
import { type GateConcern, needing } from './bench.ts';

/** Everything of a gate with two events, as one value. */
const allSeen = async (gate: Gate) => ({
  list: await gate.list(null, 10),
  drop: await seen(gate),
  other: await seen(gate, 'other'),
  wins: await gate.winsOfUser('drop', 'user-2'),
});

export const reopening: GateConcern = {
  concern: 'reopening the store',
  cases: {
    'finds everything as it was': needing(['reopen'], async (bench) => {
      const { gate } = bench;
      await openEvent(gate, { capacity: 20, limitPerUser: 3, closesAt: (await gate.now()) + 1e9 });
      await openEvent(gate, { id: 'other', name: '한정' });
      await gate.admit('drop', crowd(9, 'user-', 'a'));
      await gate.command('drop', { act: 'pause' }, null);
      await gate.admit('other', crowd(2));
      const before = await allSeen(gate);
      assert.deepEqual(await allSeen(await bench.reopen()), before);
    }),
    'finds what was answered last, whatever it was': needing(['reopen'], async (bench) => {
      await openEvent(bench.gate, { capacity: 40 });
      let { gate } = bench;
      for (let round = 1; round <= 8; round += 1) {
        const decisions = await gate.admit('drop', crowd(round, `r${round}-`));
        gate = await bench.reopen();
        const wins = await gate.wins('drop', (await standing(gate)).won - round, 1000);
        assert.deepEqual(wins, decisions.map(winOf));
      }
    }),
    'finds the last command': needing(['reopen'], async (bench) => {
      await openEvent(bench.gate);
      let { gate } = bench;
      for (const act of ['pause', 'resume', 'close'] as const) {
        const event = await gate.command('drop', { act }, null);
        gate = await bench.reopen();
        assert.deepEqual(await standing(gate), event);
      }
      await troubleOf('closed', () => gate.command('drop', { act: 'resume' }, null));
    }),
    'finds an event that was only just created': needing(['reopen'], async (bench) => {
      const event = await openEvent(bench.gate);
      const gate = await bench.reopen();
      assert.deepEqual(await gate.create(specOf()), { event, created: false });
    }),
    'goes on with the next slot, and replays what was won before': needing(['reopen'], async (bench) => {
      await openEvent(bench.gate, { capacity: 5, limitPerUser: 2 });
      const first = winOf(await claim(bench.gate, 'alice', 'a'));
      const gate = await bench.reopen();
      assert.deepEqual(await claim(gate, 'alice', 'a'), { outcome: 'won', replayed: true, win: first });
      const second = winOf(await claim(gate, 'alice', 'b'));
      assert.deepEqual([second.slot, second.nth], [2, 2]);
      assert.equal(verdict(await claim(gate, 'alice', 'c')), 'limit_reached');
    }),
    'a sold-out event stays sold out': needing(['reopen'], async (bench) => {
      await openEvent(bench.gate, { capacity: 3 });
      await bench.gate.admit('drop', crowd(9));
      assert.equal(verdict(await claim(await bench.reopen(), 'late')), 'sold_out');
    }),
    'the outbox goes on where it was read to': needing(['reopen'], async (bench) => {
      await openEvent(bench.gate, { capacity: 30 });
      await bench.gate.admit('drop', crowd(10));
      const read = await drain(bench.gate);
      await bench.gate.admit('drop', crowd(20));
      const gate = await bench.reopen();
      await gate.command('drop', { act: 'pause' }, null);
      const rest = await drain(gate, 'drop', outboxIdOf(read.at(-1)!));
      assert.deepEqual(commonOf(folded(rest, folded(read))), commonOf(await standing(gate)));
    }),
  },
};

export const checking: GateConcern = {
  concern: 'checking and closing',
  cases: {
    'a gate that is open passes its check': async ({ gate }) => {
      assert.deepEqual(await gate.check(), []);
      assert.match(gate.kind, /^[a-z]+$/);
    },
    'its clock is that which judges': needing(['clock'], async ({ gate, clock }) => {
      assert.equal(await gate.now(), clock.now());
      clock.step(5);
      assert.equal(await gate.now(), clock.now());
    }),
    'a gate that is closed is unavailable, and closing it twice is harmless': async ({ gate }) => {
      await openEvent(gate);
      await gate.close();
      await gate.close();
      await troubleOf('unavailable', () => claim(gate, 'alice'));
      await troubleOf('unavailable', () => gate.events(['drop']));
      await troubleOf('unavailable', () => gate.check());
    },
    'trouble tells whether to try again': async ({ gate }) => {
      const error = await troubleOf('event_not_found', () => claim(gate, 'alice'));
      assert.ok(error instanceof DibsError);
      assert.equal(error.retryable, false);
      assert.match(error.remedy, /\.$/);
    },
  },
};
