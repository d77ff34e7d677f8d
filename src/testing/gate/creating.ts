import assert from 'node:assert/strict';
import type { SpecChange } from '../../core/event-spec.ts';
import { troubleOf } from '../refusal.ts';
import { claim, commonOf, drain, folded, minuteMs, openEvent, seen, specOf, standing } from './acting.ts';
import { type GateConcern, needing } from './bench.ts';

export const creating: GateConcern = {
  concern: 'creating an event',
  cases: {
    'makes revision 1, open for claims, nothing won': async ({ gate }) => {
      const before = await gate.now();
      const { event, created } = await gate.create(specOf({ capacity: 10_000_000, limitPerUser: 100 }));
      assert.equal(created, true);
      const { createdAt, lastTime, ...rest } = event;
      assert.deepEqual(rest, {
        spec: specOf({ capacity: 10_000_000, limitPerUser: 100 }),
        phase: 'active',
        revision: 1,
        epoch: 1,
        won: 0,
        acts: 1,
      });
      assert.equal(createdAt, lastTime);
      assert.ok(createdAt >= before && createdAt <= (await gate.now()));
    },
    'writes its record into the outbox': async ({ gate }) => {
      const event = await openEvent(gate);
      const { epoch, spec, createdAt: time } = event;
      const begin = { v: 1, type: 'event', eventId: 'drop', epoch, revision: 1, act: 'create' };
      assert.deepEqual(await drain(gate), [{ ...begin, spec, phase: 'active', won: 0, n: 1, time }]);
    },
    'keeps every field as it was given': async ({ gate }) => {
      const now = await gate.now();
      const spec = specOf({ name: 'Ünïcödé 한정 판매 🎟️ "\\\'%_', opensAt: now - minuteMs, closesAt: now + minuteMs });
      await gate.create(spec);
      assert.deepEqual((await standing(gate)).spec, spec);
    },
    'keeps times up to the end of the year 9999': async ({ gate }) => {
      const spec = specOf({ opensAt: 0, closesAt: 253_402_300_799_999 });
      await gate.create(spec);
      assert.deepEqual((await standing(gate)).spec, spec);
    },
    'again with the same content gives the one that stands': async ({ gate }) => {
      await openEvent(gate);
      await claim(gate, 'alice');
      const before = await seen(gate);
      const { event, created } = await gate.create(specOf());
      assert.deepEqual({ event, created }, { event: await standing(gate), created: false });
      assert.deepEqual(await seen(gate), before);
    },
    'again with another content changes nothing and gives the one that stands': async ({ gate }) => {
      const stands = await openEvent(gate);
      const { event, created } = await gate.create(specOf({ capacity: 9, name: 'Other' }));
      assert.deepEqual({ event, created }, { event: stands, created: false });
      assert.deepEqual(await standing(gate), stands);
    },
    'at once and twice makes one': async ({ gate }) => {
      const made = await Promise.all([1, 2, 3, 4].map((capacity) => gate.create(specOf({ capacity }))));
      assert.equal(made.filter((one) => one.created).length, 1);
      assert.equal((await drain(gate)).length, 1);
    },
    'of another id stands apart from it': async ({ gate }) => {
      await openEvent(gate, { id: 'one' });
      await openEvent(gate, { id: 'two' });
      await claim(gate, 'alice', null, 'one');
      assert.equal((await standing(gate, 'two')).won, 0);
      assert.deepEqual(await gate.winsOfUser('two', 'alice'), []);
    },
  },
};

export const commands: GateConcern = {
  concern: 'commands',
  cases: {
    'are numbered, recorded and fold to what stands': async ({ gate }) => {
      await openEvent(gate);
      const paused = await gate.command('drop', { act: 'pause' }, null);
      assert.deepEqual([paused.phase, paused.revision], ['paused', 2]);
      const resumed = await gate.command('drop', { act: 'resume' }, null);
      assert.deepEqual([resumed.phase, resumed.revision], ['active', 3]);
      const renamed = await gate.command('drop', { act: 'change', change: { name: 'Other', capacity: 5 } }, null);
      assert.deepEqual([renamed.spec.name, renamed.spec.capacity, renamed.revision], ['Other', 5, 4]);
      const closed = await gate.command('drop', { act: 'close' }, null);
      assert.deepEqual([closed.phase, closed.revision], ['closed', 5]);
      const records = await drain(gate);
      const acts = records.map((record) => (record.type === 'event' ? record.act : 'wins'));
      assert.deepEqual(acts, ['create', 'pause', 'resume', 'change', 'close']);
      assert.deepEqual(commonOf(folded(records)), commonOf(closed));
    },
    'give what stands afterwards': async ({ gate }) => {
      await openEvent(gate);
      await claim(gate, 'alice');
      assert.deepEqual(await gate.command('drop', { act: 'pause' }, null), await standing(gate));
    },
    'that change nothing are no revision': async ({ gate }) => {
      await openEvent(gate);
      const before = await seen(gate);
      await gate.command('drop', { act: 'resume' }, null);
      await gate.command('drop', { act: 'change', change: {} }, null);
      await gate.command('drop', { act: 'change', change: { ...specOf() } }, null);
      assert.deepEqual(await seen(gate), before);
      await gate.command('drop', { act: 'pause' }, null);
      const paused = await seen(gate);
      await gate.command('drop', { act: 'pause' }, null);
      assert.deepEqual(await seen(gate), paused);
    },
    'change only what they name': async ({ gate }) => {
      const closesAt = (await gate.now()) + minuteMs;
      await openEvent(gate, { closesAt });
      const named = await gate.command('drop', { act: 'change', change: { name: 'Other' } }, null);
      assert.deepEqual(named.spec, specOf({ closesAt, name: 'Other' }));
      const unlimited = await gate.command('drop', { act: 'change', change: { closesAt: null } }, null);
      assert.deepEqual(unlimited.spec, specOf({ name: 'Other' }));
    },
    'number their records anew after each win': async ({ gate }) => {
      await openEvent(gate);
      await gate.command('drop', { act: 'pause' }, null);
      await gate.command('drop', { act: 'resume' }, null);
      assert.equal((await standing(gate)).acts, 3);
      await claim(gate, 'alice');
      assert.equal((await standing(gate)).acts, 0);
      await gate.command('drop', { act: 'pause' }, null);
      const places = (await drain(gate)).map((one) => (one.type === 'event' ? [one.won, one.n] : 'wins'));
      assert.deepEqual(places, [[0, 1], [0, 2], [0, 3], 'wins', [1, 1]]);
    },
    'guarded by the revision that stands are done': async ({ gate }) => {
      await openEvent(gate);
      assert.equal((await gate.command('drop', { act: 'pause' }, 1)).revision, 2);
      assert.equal((await gate.command('drop', { act: 'pause' }, 2)).revision, 2);
      assert.equal((await gate.command('drop', { act: 'resume' }, 2)).revision, 3);
    },
    'move the opening of an event that has not opened': async ({ gate }) => {
      const opensAt = (await gate.now()) + minuteMs;
      await openEvent(gate, { opensAt });
      const later = await gate.command('drop', { act: 'change', change: { opensAt: opensAt + 1 } }, null);
      assert.equal(later.spec.opensAt, opensAt + 1);
      const atOnce = await gate.command('drop', { act: 'change', change: { opensAt: null } }, null);
      assert.equal(atOnce.spec.opensAt, null);
      assert.equal((await claim(gate, 'alice')).outcome, 'won');
    },
  },
};

export const refusedCommands: GateConcern = {
  concern: 'refused commands leave everything unchanged',
  cases: {
    event_not_found: async ({ gate }) => {
      await troubleOf('event_not_found', () => gate.command('drop', { act: 'pause' }, null));
      await troubleOf('event_not_found', () => gate.admit('drop', [{ userId: 'alice', key: null }]));
      assert.deepEqual(await gate.events(['drop']), [null]);
      assert.deepEqual(await drain(gate), []);
    },
    'revision_mismatch, before every other reason': async ({ gate }) => {
      await openEvent(gate);
      await gate.command('drop', { act: 'close' }, null);
      const before = await seen(gate);
      for (const revision of [0, 1, 3]) {
        await troubleOf('revision_mismatch', () => gate.command('drop', { act: 'pause' }, revision));
      }
      assert.deepEqual(await seen(gate), before);
    },
    'closed, for whatever is asked of it, closing again included': async ({ gate }) => {
      await openEvent(gate);
      await gate.command('drop', { act: 'close' }, null);
      const before = await seen(gate);
      for (const act of ['pause', 'resume', 'close'] as const) {
        await troubleOf('closed', () => gate.command('drop', { act }, null));
      }
      await troubleOf('closed', () => gate.command('drop', { act: 'change', change: { capacity: 9 } }, null));
      assert.deepEqual(await seen(gate), before);
    },
    already_open: async ({ gate }) => {
      const now = await gate.now();
      await openEvent(gate, { opensAt: now - minuteMs });
      const before = await seen(gate);
      for (const opensAt of [now + minuteMs, now - 2 * minuteMs, null]) {
        await troubleOf('already_open', () => gate.command('drop', { act: 'change', change: { opensAt } }, null));
      }
      assert.deepEqual(await seen(gate), before);
    },
    'already_open, also while it is paused': async ({ gate }) => {
      await openEvent(gate);
      await gate.command('drop', { act: 'pause' }, null);
      const opensAt = (await gate.now()) + minuteMs;
      await troubleOf('already_open', () => gate.command('drop', { act: 'change', change: { opensAt } }, null));
    },
    invalid_request: async ({ gate }) => {
      const opensAt = (await gate.now()) + minuteMs;
      await openEvent(gate, { opensAt });
      const before = await seen(gate);
      const bad: SpecChange[] = [{ capacity: 0 }, { capacity: 10_000_001 }, { name: '' }, { closesAt: opensAt }];
      for (const change of bad) {
        await troubleOf('invalid_request', () => gate.command('drop', { act: 'change', change }, null));
      }
      assert.deepEqual(await seen(gate), before);
    },
    'a change is done whole or not at all': async ({ gate }) => {
      await openEvent(gate);
      await claim(gate, 'alice');
      await claim(gate, 'bob');
      const before = await seen(gate);
      const change = { name: 'Other', capacity: 1 };
      await troubleOf('capacity_below_won', () => gate.command('drop', { act: 'change', change }, null));
      assert.deepEqual(await seen(gate), before);
    },
    'closed, once time has closed it': needing(['clock'], async ({ gate, clock }) => {
      await openEvent(gate, { closesAt: clock.now() + minuteMs });
      clock.step(minuteMs);
      await troubleOf('closed', () => gate.command('drop', { act: 'pause' }, null));
    }),
  },
};
