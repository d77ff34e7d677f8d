import assert from 'node:assert/strict';
import { troubleOf } from '../refusal.ts';
import { batchOf, couponOf, couponsOf, failureOf, issue, issuedAs, ledgerEvent, seen } from './acting.ts';
import { type LedgerConcern, needing } from './bench.ts';

export const reading: LedgerConcern = {
  concern: 'reading',
  cases: {
    'coupons come in slot order, in pages': async ({ ledger }) => {
      await issue(ledger, { to: '25-0', coupons: couponsOf(1, 25).toReversed() });
      const slots = async (after: number, limit: number) =>
        (await ledger.coupons('drop', after, limit)).map((coupon) => coupon.slot);
      assert.deepEqual(await slots(0, 12), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
      assert.deepEqual(await slots(12, 12), [13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24]);
      assert.deepEqual(await slots(24, 12), [25]);
      assert.deepEqual(await slots(25, 12), []);
    },
    'coupons by slot are those that are there': async ({ ledger }) => {
      await issue(ledger, { coupons: [couponOf(2), couponOf(10), couponOf(3, { eventId: 'other' })] });
      const found = await ledger.couponsBySlot('drop', [10, 3, 2, 99]);
      assert.deepEqual(
        found.map((coupon) => coupon.slot).toSorted((a, b) => a - b),
        [2, 10],
      );
      assert.deepEqual(await ledger.couponsBySlot('drop', []), []);
    },
    'many coupons by slot at once': async ({ ledger }) => {
      await issue(ledger, { coupons: couponsOf(1, 500) });
      const slots = Array.from({ length: 1000 }, (_, index) => index + 1);
      assert.equal((await ledger.couponsBySlot('drop', slots)).length, 500);
      assert.deepEqual(await ledger.failuresBySlot('drop', slots), []);
    },
    'totals of an event that is not there are nothing': async ({ ledger }) => {
      assert.deepEqual(await ledger.totals('none'), { issued: 0, failed: 0, discarded: 0, lastSlot: 0 });
      assert.deepEqual(await ledger.failuresBySlot('none', [1]), []);
    },
    'the last slot counts in failures as well': async ({ ledger }) => {
      await issue(ledger, { coupons: couponsOf(1, 9), failures: [failureOf(10), failureOf(11)] });
      assert.deepEqual(await ledger.totals('drop'), { issued: 9, failed: 2, discarded: 0, lastSlot: 11 });
      assert.equal(await ledger.lastSlot('drop'), 11);
    },
    'the last slot is the same by itself, of each event, in whatever table it is': async ({ ledger }) => {
      assert.equal(await ledger.lastSlot('drop'), 0);
      await issue(ledger, { coupons: [couponOf(2), couponOf(7, { eventId: 'other' })], failures: [failureOf(1)] });
      assert.equal(await ledger.lastSlot('drop'), 2);
      assert.equal(await ledger.lastSlot('other'), 7);
      assert.equal(await ledger.lastSlot('none'), 0);
    },
    'times and slots up to the greatest there are': async ({ ledger }) => {
      const coupon = couponOf(10_000_000, { nth: 100, wonAt: 253_402_300_799_999 });
      await issue(ledger, { coupons: [coupon] });
      const [written] = await ledger.coupons('drop', 9_999_999, 1);
      assert.deepEqual(written, issuedAs(coupon, written?.issuedAt ?? 0));
    },
  },
};

// Each a user, a key and a partition of its own: to a column with a collation, a trim or a length some are not.
const ids = [
  'alice',
  'ALICE',
  'alice.',
  'alice-',
  '__proto__',
  'constructor',
  '0',
  '00',
  '1e0',
  'null',
  'auth0|5f7c8ec7c33c6c004bbafe82',
  `it's`,
  '"',
  '\\',
  '\\\\',
  '%',
  '_',
  '$1',
  '?',
  ':id',
  '--',
  'u'.repeat(127),
  'u'.repeat(128),
  `${'u'.repeat(127)}v`,
  `${'u'.repeat(127)}U`,
];

export const byteExactIds: LedgerConcern = {
  concern: 'ids, byte for byte',
  cases: {
    'every user and key is one of its own, and comes back whole': async ({ ledger }) => {
      const coupons = ids.map((id, index) => couponOf(index + 1, { userId: id, key: id }));
      assert.equal(await issue(ledger, { coupons }), 0);
      const written = await ledger.coupons('drop', 0, 100);
      assert.deepEqual(
        written.map((coupon) => [coupon.userId, coupon.key]),
        ids.map((id) => [id, id]),
      );
    },
    'every event is one of its own': async ({ ledger }) => {
      const eventIds = [
        'alice',
        'ALICE',
        'alice.',
        'alice-',
        'alice_',
        'constructor',
        `a${'b'.repeat(63)}`,
        `a${'b'.repeat(62)}B`,
      ];
      await issue(ledger, { coupons: eventIds.map((eventId) => couponOf(1, { eventId })) });
      for (const eventId of eventIds) assert.equal((await ledger.totals(eventId)).issued, 1, eventId);
      for (const id of eventIds) await ledger.putEvent(ledgerEvent(1, { spec: { ...ledgerEvent(1).spec, id } }));
      assert.equal((await ledger.events(null, 100)).length, eventIds.length);
    },
    'every partition is one of its own': async ({ ledger }) => {
      for (const [index, partition] of ids.entries()) await issue(ledger, { partition, to: `${index}-0` });
      for (const [index, partition] of ids.entries()) assert.equal(await ledger.position(partition), `${index}-0`);
    },
    'failures of every user come back whole': async ({ ledger }) => {
      await issue(ledger, { failures: ids.map((userId, index) => failureOf(index + 1, { userId })) });
      const kept = await ledger.failures({ afterId: 0, limit: 100 });
      assert.deepEqual(
        kept.map((one) => one.userId),
        ids,
      );
    },
  },
};

export const checking: LedgerConcern = {
  concern: 'checking and closing',
  cases: {
    'a ledger that is migrated passes its check': async ({ ledger }) => {
      await ledger.check();
      assert.match(ledger.kind, /^[a-z]+$/);
    },
    'migrating again runs nothing and changes nothing': async ({ ledger }) => {
      await issue(ledger, { events: [ledgerEvent(1)], coupons: couponsOf(1, 3), failures: [failureOf(4)] });
      const before = await seen(ledger);
      assert.deepEqual(await ledger.migrate(), []);
      assert.deepEqual(await seen(ledger), before);
    },
    'what was written outlives the connection that wrote it': needing(['connections'], async ({ ledger, connect }) => {
      await issue(ledger, { events: [ledgerEvent(1)], coupons: couponsOf(1, 3), failures: [failureOf(4)] });
      const before = await seen(ledger);
      await ledger.close();
      const other = await connect();
      await other.check();
      assert.deepEqual(await seen(other), before);
    }),
    'a ledger that is closed is unavailable, and closing it twice is harmless': async ({ ledger }) => {
      await ledger.close();
      await ledger.close();
      await troubleOf('unavailable', () => ledger.issue(batchOf({})));
      await troubleOf('unavailable', () => ledger.totals('drop'));
    },
  },
};
