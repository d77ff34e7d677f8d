/** What becomes of a ledger whose database has no room left. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { inspect } from 'node:util';
import { type StartOptions, startService } from '../../../services/services.ts';
import { batchOf, couponsOf, failureOf, issue, ledgerEvent, unchangedBy } from '../../../src/testing/ledger/acting.ts';
import { troubleOf } from '../../../src/testing/refusal.ts';
import { atEnd, opened } from './bench.ts';
import type { Subject } from './conformance.ts';
import { connectTo } from './operate.ts';

/** A server that can hold some 20 MB, and how an operator takes up all of it and gives it back. */
export interface Full {
  readonly options: StartOptions;
  readonly complaint: RegExp;
  /** Takes a little of it. */
  readonly hog: string;
  readonly giveBack: readonly string[];
}

export function registerFull(subject: Subject, { options, complaint, hog, giveBack }: Full): void {
  describe('a database that is full', () => {
    it('is unavailable, loses nothing and writes nothing by halves, and goes on once there is room', async (t) => {
      const service = await startService(subject.service, options);
      atEnd(t, () => service.stop());
      const ledger = await opened(t, subject, service.engineUrl);
      await ledger.migrate();
      await issue(ledger, { to: '100-0', events: [ledgerEvent(1)], coupons: couponsOf(1, 100) });
      const operator = await connectTo(service.engineUrl);
      atEnd(t, () => operator.end());
      await operator.run('CREATE TABLE hog (text TEXT)');
      // What cannot be made smaller.
      const failures = [0, 1].map((n) => failureOf(601 + n, { record: randomBytes(1_500_000).toString('base64') }));
      const rest = { from: '100-0', to: '602-0', events: [ledgerEvent(2)], coupons: couponsOf(99, 600), failures };
      // Not to the last page: an operator needs some to make room again.
      const goesWell = (act: () => Promise<unknown>) =>
        act().then(
          () => true,
          () => false,
        );
      const probe = batchOf({ ...rest, to: null });
      while (await goesWell(() => ledger.issue(probe))) {
        for (let time = 0; time < 10; time += 1) await goesWell(() => operator.run(hog));
      }
      for (let time = 0; time < 2; time += 1) {
        const act = () => ledger.issue(batchOf(rest));
        const trouble = await unchangedBy(ledger, () => troubleOf('unavailable', act));
        assert.match(trouble.message, complaint);
        // What is told to a log holds neither codes nor records.
        const told = inspect(trouble, { depth: 10, showHidden: true });
        assert.ok(told.length < 10_000 && !told.includes(couponsOf(99, 99)[0]?.code ?? ''), told.slice(0, 10_000));
      }
      for (const one of giveBack) await operator.run(one);
      // The server may take a while to sweep up.
      for (let tries = 0; tries < 100 && !(await goesWell(() => ledger.issue(probe))); tries += 1) await pause(100);
      assert.equal(await issue(ledger, rest), 2);
      assert.deepEqual(await ledger.totals('drop'), { issued: 600, failed: 2, discarded: 0, lastSlot: 602 });
      await ledger.check();
    });
  });
}
