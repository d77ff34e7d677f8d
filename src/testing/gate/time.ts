import assert from 'node:assert/strict';
import { claim, commonOf, drain, folded, minuteMs, openEvent, standing, verdict, winOf } from './acting.ts';
import { type GateConcern, needing } from './bench.ts';

const tenMinutesMs = 10 * minuteMs;

export const opening: GateConcern = {
  concern: 'opening and closing by time',
  cases: {
    'opens at its opening time, to the millisecond': needing(['clock'], async ({ gate, clock }) => {
      await openEvent(gate, { opensAt: clock.now() + minuteMs });
      clock.step(minuteMs - 1);
      assert.equal(verdict(await claim(gate, 'alice')), 'not_open');
      clock.step(1);
      assert.equal(verdict(await claim(gate, 'alice')), 'won');
    }),
    'closes at its closing time, to the millisecond': needing(['clock'], async ({ gate, clock }) => {
      await openEvent(gate, { closesAt: clock.now() + minuteMs });
      clock.step(minuteMs - 1);
      assert.equal(verdict(await claim(gate, 'alice')), 'won');
      clock.step(1);
      assert.equal(verdict(await claim(gate, 'bob')), 'closed');
    }),
    'created behind its closing time is closed from the start': async ({ gate }) => {
      const now = await gate.now();
      await openEvent(gate, { opensAt: now - 2 * minuteMs, closesAt: now - minuteMs });
      assert.equal(verdict(await claim(gate, 'alice')), 'closed');
    },
    'a closing time put off before it came keeps the event open': needing(['clock'], async ({ gate, clock }) => {
      const closesAt = clock.now() + minuteMs;
      await openEvent(gate, { closesAt });
      await gate.command('drop', { act: 'change', change: { closesAt: closesAt + minuteMs } }, null);
      clock.step(minuteMs);
      assert.equal(verdict(await claim(gate, 'alice')), 'won');
    }),
    'a closing time brought forward to the past closes it': needing(['clock'], async ({ gate, clock }) => {
      await openEvent(gate, { closesAt: clock.now() + minuteMs });
      await gate.command('drop', { act: 'change', change: { closesAt: clock.now() } }, null);
      assert.equal(verdict(await claim(gate, 'alice')), 'closed');
    }),
    'writes the time of each win': needing(['clock'], async ({ gate, clock }) => {
      await openEvent(gate);
      clock.step(1234);
      assert.equal(winOf(await claim(gate, 'alice')).wonAt, clock.now());
      assert.equal((await standing(gate)).lastTime, clock.now());
    }),
    'its own end by time is a numbered revision and its record folds': needing(['clock'], async ({ gate, clock }) => {
      const closesAt = clock.now() + minuteMs;
      await openEvent(gate, { closesAt });
      await claim(gate, 'alice');
      clock.step(minuteMs);
      assert.equal(verdict(await claim(gate, 'bob')), 'closed');
      const event = await standing(gate);
      assert.deepEqual([event.phase, event.revision, event.won], ['closed', 2, 1]);
      assert.deepEqual(commonOf(folded(await drain(gate))), commonOf(event));
    }),
  },
};

export const clockSteps: GateConcern = {
  concern: 'steps of the clock',
  cases: {
    'ten minutes back: what is recorded never runs backwards': needing(['clock'], async ({ gate, clock }) => {
      await openEvent(gate, { limitPerUser: 2 });
      const first = winOf(await claim(gate, 'alice', 'a'));
      clock.step(-tenMinutesMs);
      assert.equal(winOf(await claim(gate, 'bob', 'a')).wonAt, first.wonAt);
      assert.equal((await gate.command('drop', { act: 'pause' }, null)).lastTime, first.wonAt);
      const times = (await drain(gate)).flatMap((one) =>
        one.type === 'event' ? [one.time] : one.wins.map((win) => win.wonAt),
      );
      assert.deepEqual(times, Array(4).fill(first.wonAt));
    }),
    'ten minutes back: an event that has sold stays open': needing(['clock'], async ({ gate, clock }) => {
      await openEvent(gate, { opensAt: clock.now() + minuteMs });
      clock.step(minuteMs);
      await claim(gate, 'alice');
      clock.step(-tenMinutesMs);
      assert.equal(verdict(await claim(gate, 'bob')), 'won');
    }),
    'ten minutes back: closed by time stays closed': needing(['clock'], async ({ gate, clock }) => {
      await openEvent(gate, { closesAt: clock.now() + minuteMs });
      clock.step(minuteMs);
      assert.equal(verdict(await claim(gate, 'alice')), 'closed');
      clock.step(-tenMinutesMs);
      assert.equal(verdict(await claim(gate, 'alice')), 'closed');
      assert.equal((await standing(gate)).phase, 'closed');
    }),
    'ten minutes back: what was shown as closed stays closed': needing(['clock'], async ({ gate, clock }) => {
      await openEvent(gate, { id: 'shown', closesAt: clock.now() + minuteMs });
      await openEvent(gate, { id: 'listed', closesAt: clock.now() + minuteMs });
      clock.step(minuteMs);
      await gate.events(['shown']);
      await gate.list('a', 1);
      clock.step(-tenMinutesMs);
      assert.equal(verdict(await claim(gate, 'alice', null, 'shown')), 'closed');
      assert.equal(verdict(await claim(gate, 'alice', null, 'listed')), 'closed');
    }),
    'ten minutes back, behind a reopening of the store: closed by time stays closed': needing(
      ['clock', 'reopen'],
      async (bench) => {
        await openEvent(bench.gate, { closesAt: bench.clock.now() + minuteMs });
        bench.clock.step(minuteMs);
        await claim(bench.gate, 'alice');
        bench.clock.step(-tenMinutesMs);
        assert.equal(verdict(await claim(await bench.reopen(), 'alice')), 'closed');
      },
    ),
    'ten minutes back, behind a reopening of the store: wins are not dated back': needing(
      ['clock', 'reopen'],
      async (bench) => {
        await openEvent(bench.gate);
        const { wonAt } = winOf(await claim(bench.gate, 'alice'));
        bench.clock.step(-tenMinutesMs);
        assert.equal(winOf(await claim(await bench.reopen(), 'bob')).wonAt, wonAt);
      },
    ),
    'ten minutes on opens and closes what is due': needing(['clock'], async ({ gate, clock }) => {
      await openEvent(gate, { id: 'opens', opensAt: clock.now() + tenMinutesMs });
      await openEvent(gate, { id: 'closes', closesAt: clock.now() + tenMinutesMs });
      clock.step(tenMinutesMs);
      assert.equal(verdict(await claim(gate, 'alice', null, 'opens')), 'won');
      assert.equal(verdict(await claim(gate, 'alice', null, 'closes')), 'closed');
    }),
    'a step on and back again leaves a scheduled event scheduled': needing(['clock'], async ({ gate, clock }) => {
      await openEvent(gate, { opensAt: clock.now() + minuteMs });
      clock.step(tenMinutesMs);
      clock.step(-tenMinutesMs);
      assert.equal(verdict(await claim(gate, 'alice')), 'not_open');
    }),
  },
};
