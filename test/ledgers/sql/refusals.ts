/** Many rows that the database refuses, by way of the issuer's own search for them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Issuable, issuePiece, type Place } from '../../../src/engine/issue-batch.ts';
import { batchOf, couponOf, couponsOf, ledgerEvent } from '../../../src/testing/ledger/acting.ts';
import { migrated } from './bench.ts';
import type { Subject } from './conformance.ts';
import { operate } from './operate.ts';

const pieceSize = 500;

export function registerRefusals(subject: Subject): void {
  describe('a thousand rows that are refused', () => {
    it('are each found and kept, all others are issued, and all of them once the cause is gone', async (t) => {
      const { ledger, url } = await migrated(t, subject);
      await subject.planting.plant(url, 'NEW.slot > 250 AND NEW.slot <= 1250');
      let failed = 0;
      let from: string | null = null;
      for (let first = 1; first <= 2000; first += pieceSize) {
        const coupons = couponsOf(first, first + pieceSize - 1).map(
          (coupon): Issuable => ({ coupon, record: JSON.stringify({ slot: coupon.slot }) }),
        );
        const place: Place = { partition: 'drop', from, to: `${first + pieceSize - 1}-0`, rate: null };
        const piece = { events: [ledgerEvent(first)], coupons, failures: [], stops: [] };
        const done = await issuePiece(ledger, place, piece, () => 1);
        assert.equal(done.outcome.outcome, 'issued');
        failed += done.failed;
        from = place.to;
      }
      assert.equal(failed, 1000);
      assert.deepEqual(await ledger.totals('drop'), { issued: 1000, failed: 1000, discarded: 0, lastSlot: 2000 });
      const kept = await ledger.failures({ state: 'waiting', afterId: 0, limit: 2000 });
      assert.deepEqual(
        kept.map(({ slot, record }) => [slot, record]),
        couponsOf(251, 1250).map(({ slot }) => [slot, JSON.stringify({ slot })]),
      );
      assert.match(kept[0]?.error ?? '', /planted/);

      const [first] = kept;
      assert.equal((await ledger.reissue(first?.id ?? 0, couponOf(251), null)).outcome, 'refused');
      await subject.planting.unplant(url);
      for (const { id, slot } of kept) await ledger.reissue(id, couponOf(slot ?? 0), null);
      assert.deepEqual(await ledger.totals('drop'), { issued: 2000, failed: 0, discarded: 0, lastSlot: 2000 });
      assert.deepEqual(await ledger.failureTotals(), { waiting: 0, reissued: 1000, discarded: 0 });
    });
  });

  describe('the time of a coupon', () => {
    it('is that of the server', async (t) => {
      const { ledger, url } = await migrated(t, subject);
      const before = await serverTime(subject, url);
      const outcome = await ledger.issue(batchOf({ coupons: couponsOf(1, 2) }));
      const after = await serverTime(subject, url);
      const issuedAt = outcome.outcome === 'issued' ? outcome.issuedAt : 0;
      assert.ok(
        Number.isInteger(issuedAt) && before <= issuedAt && issuedAt <= after,
        `${before} ${issuedAt} ${after}`,
      );
      assert.deepEqual(
        (await ledger.coupons('drop', 0, 10)).map((coupon) => coupon.issuedAt),
        [issuedAt, issuedAt],
      );
    });
  });
}

async function serverTime(subject: Subject, url: string): Promise<number> {
  const sql = {
    mysql: 'SELECT UNIX_TIMESTAMP(NOW(3)) AS time',
    postgres: "SELECT extract(epoch FROM date_trunc('milliseconds', clock_timestamp())) AS time",
  };
  const [row] = await operate(url, sql[subject.kind]);
  return Math.round(Number(row?.['time']) * 1000);
}
