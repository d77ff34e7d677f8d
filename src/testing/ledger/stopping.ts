import assert from 'node:assert/strict';
import { batchOf, couponOf, failureOf, issue, ledgerEvent, unchangedBy } from './acting.ts';
import { type LedgerConcern, needing } from './bench.ts';

const stop = (eventId: string, cause = `${eventId} contradicts itself`) => ({ eventId, cause });

export const stopping: LedgerConcern = {
  concern: 'stopped events',
  cases: {
    'are none at first': async ({ ledger }) => {
      await issue(ledger, { events: [ledgerEvent(1)], coupons: [couponOf(1)] });
      assert.deepEqual(await ledger.stopped(), []);
    },
    'are kept with the batch that stops them, in byte order': async ({ ledger }) => {
      const cause = `slot 3 “겹침” 🎟️ '"\\ ${'x'.repeat(10_000)}`;
      await issue(ledger, { to: '1-0', stops: [stop('drop'), stop('Drop'), stop('a', cause)] });
      await issue(ledger, { from: '1-0', to: '2-0', stops: [stop('b'), stop('9')] });
      assert.deepEqual(await ledger.stopped(), [stop('9'), stop('Drop'), stop('a', cause), stop('b'), stop('drop')]);
    },
    'keep their first cause': async ({ ledger }) => {
      await issue(ledger, { to: '1-0', stops: [stop('drop', 'the first'), stop('drop', 'the second')] });
      await issue(ledger, { from: '1-0', to: '2-0', stops: [stop('drop', 'the third')] });
      assert.deepEqual(await ledger.stopped(), [stop('drop', 'the first')]);
    },
    'are written with the position, or not at all': async ({ ledger }) => {
      await issue(ledger, { to: '1-0', coupons: [couponOf(1)] });
      const conflicting = [couponOf(1, { claimId: '1-ffffffffffff' })];
      for (const other of [{ from: '9-0' }, { to: null }, { coupons: conflicting }]) {
        const batch = batchOf({ from: '1-0', to: '2-0', stops: [stop('drop')], ...other });
        await unchangedBy(ledger, () => ledger.issue(batch));
      }
      assert.deepEqual(await ledger.stopped(), []);
    },
    'go on once they are let, alone': async ({ ledger }) => {
      await issue(ledger, { stops: [stop('drop'), stop('DROP'), stop('other')] });
      await ledger.unstop('drop');
      assert.deepEqual(await ledger.stopped(), [stop('DROP'), stop('other')]);
      await ledger.unstop('drop');
      await ledger.unstop('none');
      assert.deepEqual(await ledger.stopped(), [stop('DROP'), stop('other')]);
    },
    'have what was kept of them due at once, and nothing else': async ({ ledger }) => {
      const later = 9_000_000_000_000;
      const failures = [
        failureOf(1, { nextAttemptAt: later }),
        failureOf(2, { nextAttemptAt: later }),
        failureOf(1, { eventId: 'DROP', nextAttemptAt: later }),
      ];
      await issue(ledger, { stops: [stop('drop')], failures });
      const [first, second] = await ledger.failures({ afterId: 0, limit: 10 });
      await ledger.changeFailure(second!.id, { state: 'discarded', reason: 'given up' });
      await ledger.unstop('drop');
      const due = await ledger.failures({ dueAt: 1, afterId: 0, limit: 10 });
      assert.deepEqual(
        due.map(({ id }) => id),
        [first!.id],
      );
    },
    'may be stopped again, for another cause': async ({ ledger }) => {
      await issue(ledger, { to: '1-0', stops: [stop('drop')] });
      await ledger.unstop('drop');
      await issue(ledger, { from: '1-0', to: '2-0', stops: [stop('drop', 'another')] });
      assert.deepEqual(await ledger.stopped(), [stop('drop', 'another')]);
    },
    'are stopped for every connection': needing(['connections'], async ({ ledger, connect }) => {
      const other = await connect();
      await issue(ledger, { stops: [stop('drop')] });
      assert.deepEqual(await other.stopped(), [stop('drop')]);
      await other.unstop('drop');
      assert.deepEqual(await ledger.stopped(), []);
    }),
  },
};
