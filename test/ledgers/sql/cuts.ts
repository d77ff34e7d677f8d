/** What becomes of a call whose connection is lost, at every place where it can be. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DibsError } from '../../../src/core/errors.ts';
import type { Ledger } from '../../../src/core/ledger.ts';
import {
  batchOf,
  couponOf,
  couponsOf,
  failureOf,
  issue,
  ledgerEvent,
  seen,
  unchangedBy,
} from '../../../src/testing/ledger/acting.ts';
import { troubleOf } from '../../../src/testing/refusal.ts';
import { opened, proxied } from './bench.ts';
import type { Subject } from './conformance.ts';
import type { Fate, Proxy } from './proxy.ts';

const batch = batchOf({
  from: '1-0',
  to: '5-0',
  events: [ledgerEvent(2)],
  coupons: couponsOf(2, 4),
  failures: [failureOf(5)],
  stops: [{ eventId: 'other', cause: 'a gap' }],
  rate: { perSecond: 1000, pieceMax: 100 },
});

/** Not READ COMMITTED. */
const commits = (sent: string): boolean => /\bCOMMIT\b/.test(sent);

/** Gives the `number`th thing that is sent this fate, and tells whether it came to that. */
function strike(proxy: Proxy, number: number, fate: Fate): () => boolean {
  let sent = 0;
  proxy.rule = () => {
    sent += 1;
    return sent === number ? fate : 'pass';
  };
  return () => sent >= number;
}

async function codeOf(act: () => Promise<unknown>): Promise<string> {
  try {
    await act();
    return 'done';
  } catch (error) {
    if (error instanceof DibsError) return error.code;
    throw error;
  }
}

/** Whether a batch was written as a whole, or not at all. */
async function isWritten(ledger: Ledger, before: unknown): Promise<boolean> {
  const after = await seen(ledger);
  if (after.position === '1-0') {
    assert.deepEqual(after, before, 'nothing by halves');
    return false;
  }
  assert.equal(after.position, '5-0');
  assert.deepEqual([after.coupons.length, after.failures.length, after.stopped.length], [4, 1, 1]);
  return true;
}

export function registerCuts(subject: Subject): void {
  describe('a connection that is lost', () => {
    for (const fate of ['drop', 'answerless'] as const) {
      it(`at any moment of an issue (${fate}) leaves all of it or nothing, and says which it knows`, async (t) => {
        const codes = new Set<string>();
        for (let number = 1, reached = true; reached; number += 1) {
          const { proxy, ledger, direct } = await proxied(t, subject, { connectionsMax: 1 });
          await issue(direct, { to: '1-0', events: [ledgerEvent(1)], coupons: [couponOf(1)] });
          if (number % 2 === 0) await ledger.check();
          const before = await seen(direct);
          const struck = strike(proxy, number, fate);
          const code = await codeOf(() => ledger.issue(batch));
          codes.add(code);
          reached = struck();
          proxy.rule = () => 'pass';
          const written = await isWritten(direct, before);
          if (code === 'unavailable') assert.equal(written, false, 'unavailable promises that nothing was done');
          if (code === 'done') assert.equal(written, true);
          const again = await ledger.issue(batch);
          assert.equal(again.outcome, written ? 'moved' : 'issued', `${code}, then ${JSON.stringify(again)}`);
          assert.equal(await isWritten(direct, before), true);
          await Promise.all([ledger.close(), direct.close()]);
        }
        assert.deepEqual(codes, new Set(['unavailable', 'unknown_outcome', 'done']));
      });
    }

    it('between a commit and its answer makes the outcome unknown, and the same call tells', async (t) => {
      const { proxy, ledger, direct } = await proxied(t, subject);
      await ledger.check();
      proxy.rule = (sent) => (commits(sent) ? 'answerless' : 'pass');
      const coupons = couponsOf(1, 3);
      await troubleOf('unknown_outcome', () => ledger.issue(batchOf({ to: '3-0', coupons })));
      proxy.rule = () => 'pass';
      assert.deepEqual(await ledger.issue(batchOf({ to: '3-0', coupons })), { outcome: 'moved', position: '3-0' });
      assert.equal(await issue(ledger, { from: '3-0', to: '3-1', coupons }), 3, 'all of them repeats');
      assert.equal((await direct.totals('drop')).issued, 3);
    });

    it('between a commit and its answer leaves a failure reissued once', async (t) => {
      const { proxy, ledger, direct } = await proxied(t, subject);
      await issue(ledger, { failures: [failureOf(7)] });
      const [failure] = await ledger.failures({ afterId: 0, limit: 1 });
      const reissue = () => ledger.reissue(failure?.id ?? 0, couponOf(7), null);
      proxy.rule = (sent) => (commits(sent) ? 'answerless' : 'pass');
      await troubleOf('unknown_outcome', reissue);
      proxy.rule = () => 'pass';
      const again = await reissue();
      assert.deepEqual([again.outcome, again.outcome === 'issued' && again.repeats], ['issued', 1]);
      assert.deepEqual(await direct.totals('drop'), { issued: 1, failed: 0, discarded: 0, lastSlot: 7 });
    });

    it('while it lay idle is not noticed by the next call', async (t) => {
      const { proxy, ledger } = await proxied(t, subject);
      await issue(ledger, { to: '1-0', coupons: [couponOf(1)] });
      const broken: string[] = [];
      // What the pool holds breaks at the first word; what is made anew does not.
      proxy.rule = (sent) => {
        const begins = /START TRANSACTION|BEGIN|SELECT/.test(sent) && broken.length === 0;
        if (begins) broken.push(sent);
        return begins ? 'drop' : 'pass';
      };
      await issue(ledger, { from: '1-0', to: '2-0', coupons: [couponOf(2)] });
      assert.equal(broken.length, 1);
      broken.length = 0;
      assert.equal((await ledger.totals('drop')).issued, 2);
      assert.equal(broken.length, 1);
    });
  });

  describe('an answer that does not come', () => {
    it('is unavailable within the time of a call, and everything goes on', async (t) => {
      const { proxy, ledger, direct } = await proxied(t, subject, { timeoutMs: 600, connectionsMax: 2 });
      await issue(ledger, { to: '1-0', coupons: [couponOf(1)] });
      proxy.rule = () => 'hold';
      const next = batchOf({ from: '1-0', to: '2-0', coupons: [couponOf(2)] });
      const acts = [
        () => ledger.issue(next),
        () => ledger.totals('drop'),
        () => ledger.check(),
        () => ledger.putEvent(ledgerEvent(1)),
        () => ledger.failures({ afterId: 0, limit: 1 }),
      ];
      await unchangedBy(direct, () => Promise.all(acts.map((act) => troubleOf('unavailable', act))));
      proxy.rule = () => 'pass';
      assert.equal((await ledger.issue(next)).outcome, 'issued');
      await ledger.check();
    });

    it('to a commit makes the outcome unknown', async (t) => {
      const { proxy, ledger, direct } = await proxied(t, subject, { timeoutMs: 300 });
      await ledger.check();
      proxy.rule = (sent) => (commits(sent) ? 'hold' : 'pass');
      await troubleOf('unknown_outcome', () => ledger.issue(batchOf({ coupons: [couponOf(1)] })));
      assert.equal((await direct.totals('drop')).issued, 1);
    });

    it('when it connects is unavailable as well, and closing does not wait for it', async (t) => {
      const { proxy, url } = await proxied(t, subject);
      proxy.rule = () => 'hold';
      const ledger = await opened(t, subject, proxy.url, { timeoutMs: 300 });
      const trouble = await troubleOf('unavailable', () => ledger.check());
      const { password } = new URL(url);
      assert.ok(password !== '' && !trouble.message.includes(password), trouble.message);
      await ledger.close();
    });
  });
}
