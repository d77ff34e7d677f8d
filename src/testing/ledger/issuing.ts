import assert from 'node:assert/strict';
import { batchOf, couponOf, couponsOf, failureOf, issue, issuedAs, ledgerEvent, seen, unchangedBy } from './acting.ts';
import { type LedgerConcern, needing } from './bench.ts';

export const issuing: LedgerConcern = {
  concern: 'issuing',
  cases: {
    'writes coupons as they are, events, failures and the position at once': async ({ ledger }) => {
      const coupons = couponsOf(1, 3);
      const failures = [failureOf(4)];
      const outcome = await ledger.issue(batchOf({ to: '4-0', events: [ledgerEvent(1)], coupons, failures }));
      const { issuedAt, ...rest } = outcome.outcome === 'issued' ? outcome : assert.fail(JSON.stringify(outcome));
      assert.deepEqual(rest, { outcome: 'issued', repeats: 0 });
      const written = coupons.map((coupon) => issuedAs(coupon, issuedAt));
      assert.deepEqual(await ledger.coupons('drop', 0, 10), written);
      assert.deepEqual(await ledger.event('drop'), ledgerEvent(1));
      assert.equal((await ledger.failures({ afterId: 0, limit: 10 })).length, 1);
      assert.equal(await ledger.position('drop'), '4-0');
      assert.deepEqual(await ledger.totals('drop'), { issued: 3, failed: 1, discarded: 0, lastSlot: 4 });
    },
    'dates coupons by its own clock': needing(['clock'], async ({ ledger, clock }) => {
      clock.step(777);
      const outcome = await ledger.issue(batchOf({ coupons: couponsOf(1, 2) }));
      assert.deepEqual(outcome, { outcome: 'issued', repeats: 0, issuedAt: clock.now() });
      const times = (await ledger.coupons('drop', 0, 10)).map((coupon) => coupon.issuedAt);
      assert.deepEqual(times, [clock.now(), clock.now()]);
    }),
    'of nothing moves the position alone': async ({ ledger }) => {
      assert.equal(await issue(ledger, { to: '0-1' }), 0);
      assert.equal(await ledger.position('drop'), '0-1');
      assert.deepEqual(await ledger.totals('drop'), { issued: 0, failed: 0, discarded: 0, lastSlot: 0 });
    },
    'writes 500 coupons at once': async ({ ledger }) => {
      const coupons = couponsOf(1, 500);
      await issue(ledger, { to: '500-0', coupons });
      assert.equal((await ledger.totals('drop')).issued, 500);
      const written = await ledger.coupons('drop', 0, 1000);
      const issuedAt = written[0]?.issuedAt ?? 0;
      assert.deepEqual(
        written,
        coupons.map((coupon) => issuedAs(coupon, issuedAt)),
      );
    },
    'keeps a coupon without a key without one': async ({ ledger }) => {
      await issue(ledger, { coupons: [couponOf(1, { key: null })] });
      assert.equal((await ledger.coupons('drop', 0, 1))[0]?.key, null);
    },
    'knows several events apart': async ({ ledger }) => {
      const coupons = ['drop', 'other'].flatMap((eventId) => [couponOf(1, { eventId }), couponOf(2, { eventId })]);
      await issue(ledger, { coupons });
      assert.equal((await ledger.coupons('drop', 0, 10)).length, 2);
      assert.equal((await ledger.totals('other')).issued, 2);
      assert.deepEqual(await ledger.coupons('none', 0, 10), []);
    },
    'counts several wins of a user as several coupons': async ({ ledger }) => {
      const coupons = [1, 2, 3].map((nth) => couponOf(nth, { userId: 'alice', nth, key: 'a' }));
      assert.equal(await issue(ledger, { coupons }), 0);
      assert.equal((await ledger.totals('drop')).issued, 3);
    },
  },
};

export const positions: LedgerConcern = {
  concern: 'the position of a partition',
  cases: {
    'is null before anything was issued': async ({ ledger }) => {
      assert.equal(await ledger.position('drop'), null);
    },
    'moves from where it is': async ({ ledger }) => {
      await issue(ledger, { from: null, to: '3-0' });
      await issue(ledger, { from: '3-0', to: '3-1' });
      assert.equal(await ledger.position('drop'), '3-1');
    },
    'moved by another: says where it is, and writes nothing': async ({ ledger }) => {
      await issue(ledger, { to: '3-0', coupons: couponsOf(1, 3) });
      const rest = { to: '9-0', events: [ledgerEvent(2)], coupons: couponsOf(4, 9), failures: [failureOf(10)] };
      for (const from of ['2-0', '3-1', '', null]) {
        const outcome = await unchangedBy(ledger, () => ledger.issue(batchOf({ from, ...rest })));
        assert.deepEqual(outcome, { outcome: 'moved', position: '3-0' });
      }
    },
    'expected where there is none: says so, and writes nothing': async ({ ledger }) => {
      const batch = batchOf({ from: '3-0', to: '4-0', coupons: [couponOf(4)] });
      const outcome = await unchangedBy(ledger, () => ledger.issue(batch));
      assert.deepEqual(outcome, { outcome: 'moved', position: null });
    },
    'may stay where it is': async ({ ledger }) => {
      await issue(ledger, { to: '3-0' });
      await issue(ledger, { from: '3-0', to: '3-0', coupons: [couponOf(1)] });
      assert.equal(await ledger.position('drop'), '3-0');
      assert.equal((await ledger.totals('drop')).issued, 1);
    },
    'of one partition says nothing of another': async ({ ledger }) => {
      await issue(ledger, { partition: 'one', to: '3-0' });
      await issue(ledger, { partition: 'two', to: '5-0' });
      assert.deepEqual([await ledger.position('one'), await ledger.position('two')], ['3-0', '5-0']);
    },
    'moved by another is said before a conflict is looked for': async ({ ledger }) => {
      await issue(ledger, { to: '1-0', coupons: [couponOf(1)] });
      const stale = batchOf({ from: null, to: '1-0', coupons: [couponOf(1, { claimId: '1-ffffffffffff' })] });
      assert.equal((await ledger.issue(stale)).outcome, 'moved');
    },
    'two connections at once: exactly one moves it': needing(['connections'], async ({ ledger, connect }) => {
      const both = [ledger, await connect()];
      let from: string | null = null;
      for (let round = 1; round <= 10; round += 1) {
        const to = `${round}-0`;
        const batch = batchOf({ from, to, coupons: [couponOf(round)] });
        const outcomes = await Promise.all(both.map((one) => one.issue(batch)));
        assert.deepEqual(outcomes.map((one) => one.outcome).toSorted(), ['issued', 'moved']);
        const moved = outcomes.find((one) => one.outcome === 'moved');
        assert.deepEqual(moved, { outcome: 'moved', position: to });
        from = to;
      }
      assert.equal((await ledger.totals('drop')).issued, 10);
    }),
    'what one connection has written the other sees': needing(['connections'], async ({ ledger, connect }) => {
      const other = await connect();
      await issue(ledger, { events: [ledgerEvent(1)], coupons: couponsOf(1, 2), failures: [failureOf(3)] });
      assert.deepEqual(await seen(other), await seen(ledger));
    }),
  },
};

export const events: LedgerConcern = {
  concern: 'events',
  cases: {
    'are there as they were put': async ({ ledger }) => {
      assert.equal(await ledger.event('drop'), null);
      const spec = { ...ledgerEvent(1).spec, name: `한정 🎟️ "'\\%_ ${'🎟'.repeat(150)}`, opensAt: 0 };
      await ledger.putEvent(ledgerEvent(1, { spec, phase: 'paused', epoch: 3 }));
      assert.deepEqual(await ledger.event('drop'), ledgerEvent(1, { spec, phase: 'paused', epoch: 3 }));
    },
    'go on to later revisions, and keep when they were created': async ({ ledger }) => {
      await ledger.putEvent(ledgerEvent(1));
      const { spec } = ledgerEvent(2);
      const later = { spec: { ...spec, capacity: 7 }, phase: 'closed' as const, createdAt: 5 };
      await ledger.putEvent(ledgerEvent(4, later));
      assert.deepEqual(await ledger.event('drop'), ledgerEvent(4, { ...later, createdAt: ledgerEvent(1).createdAt }));
    },
    'never go back to an earlier revision, put or issued': async ({ ledger }) => {
      await ledger.putEvent(ledgerEvent(5));
      const older = [4, 1].map((revision) => ledgerEvent(revision, { phase: 'closed' }));
      for (const event of older) await ledger.putEvent(event);
      await issue(ledger, { events: older });
      assert.deepEqual(await ledger.event('drop'), ledgerEvent(5));
    },
    'put again change nothing': async ({ ledger }) => {
      await ledger.putEvent(ledgerEvent(5));
      await unchangedBy(ledger, () => ledger.putEvent(ledgerEvent(5)));
    },
    'several revisions of one batch leave the last': async ({ ledger }) => {
      await issue(ledger, { events: [ledgerEvent(1), ledgerEvent(2), ledgerEvent(3, { phase: 'closed' })] });
      assert.deepEqual(await ledger.event('drop'), ledgerEvent(3, { phase: 'closed' }));
    },
    'come in byte order of their ids, in pages': async ({ ledger }) => {
      const ids = [
        '0',
        '10',
        '9',
        'ALICE',
        'a',
        'a-b',
        'a.b',
        'a_b',
        'aa',
        'alice',
        'constructor',
        `z${'y'.repeat(63)}`,
      ];
      for (const id of ids.toReversed())
        await ledger.putEvent(ledgerEvent(1, { spec: { ...ledgerEvent(1).spec, id } }));
      for (const limit of [1, 5, 12, 100]) {
        const listed: string[] = [];
        for (let after: string | null = null; ; after = listed.at(-1) ?? null) {
          const page = await ledger.events(after, limit);
          assert.ok(page.length <= limit);
          listed.push(...page.map((event) => event.spec.id));
          if (page.length === 0) break;
        }
        assert.deepEqual(listed, ids);
      }
    },
  },
};
