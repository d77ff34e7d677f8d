/** What becomes of a ledger whose database server is killed, stopped, full or set otherwise than it should be. */
import assert from 'node:assert/strict';
import { after, before, describe, it, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { type Service, startService } from '../../../services/services.ts';
import { DibsError } from '../../../src/core/errors.ts';
import type { Ledger } from '../../../src/core/ledger.ts';
import {
  batchOf,
  couponOf,
  couponsOf,
  failureOf,
  issue,
  seen,
  unchangedBy,
} from '../../../src/testing/ledger/acting.ts';
import { troubleOf } from '../../../src/testing/refusal.ts';
import { atEnd, type OpenOptions, opened } from './bench.ts';
import type { Subject } from './conformance.ts';
import { operate } from './operate.ts';
import { openProxy } from './proxy.ts';

/** How a server is made to write no more, and to write again. */
export interface ReadOnly {
  set(service: Service): Promise<void>;
  unset(service: Service): Promise<void>;
}

/** What is particular to the servers of one kind. */
export interface Servers {
  readonly readOnly: ReadOnly;
  /** Settings with which nothing is promised, and what is said of them: a commit that is not on the disk, first of all. */
  readonly unfit: readonly {
    readonly set: readonly string[];
    readonly unset: readonly string[];
    readonly named: RegExp;
  }[];
  /** Lets the user `dibs` have so many connections; 0 for as many as there are. */
  limit(connections: number): string;
}

const tables = 'coupons events failed_issuances issue_rates log_positions stopped_events'.split(' ');
const commits = (sent: string): boolean => /\bCOMMIT\b/.test(sent);

export function registerServers(subject: Subject, servers: Servers): void {
  describe('a server of its own', () => {
    let service: Service;
    before(async () => {
      service = await startService(subject.service);
    });
    after(() => service.stop());

    /** A migrated and empty ledger on it. */
    async function fresh(t: TestContext, options: OpenOptions = {}): Promise<Ledger> {
      const ledger = await opened(t, subject, service.engineUrl, options);
      await ledger.migrate();
      for (const table of tables) await operate(service.engineUrl, `DELETE FROM ${table}`);
      return ledger;
    }

    for (const [name, moment, code] of [
      ['before it has written', /INTO coupons/, 'unavailable'],
      ['when it has written half', /INTO failed_issuances/, 'unavailable'],
      ['when it is to commit', /\bCOMMIT\b/, 'unknown_outcome'],
    ] as const) {
      it(`that is killed ${name} leaves all or nothing, and the ledger comes back by itself`, async (t) => {
        const direct = await fresh(t);
        const proxy = await openProxy(service.engineUrl);
        atEnd(t, () => proxy.close());
        const ledger = await opened(t, subject, proxy.url);
        await issue(direct, { to: '1-0', coupons: [couponOf(1)] });
        const before = await seen(direct);
        const next = batchOf({ from: '1-0', to: '100-0', coupons: couponsOf(2, 99), failures: [failureOf(100)] });
        proxy.rule = (sent) => {
          if (moment.test(sent)) service.signal('SIGKILL');
          return 'pass';
        };
        await troubleOf(code, () => ledger.issue(next));
        await troubleOf('unavailable', () => ledger.position('drop'));
        await troubleOf('unavailable', () => ledger.check());
        await service.restart();
        if (code === 'unavailable') assert.deepEqual(await seen(ledger), before);
        await ledger.check();
        const { outcome } = await direct.issue(next);
        assert.ok(outcome === 'issued' || (code === 'unknown_outcome' && outcome === 'moved'), outcome);
        assert.deepEqual(await direct.totals('drop'), { issued: 99, failed: 1, discarded: 0, lastSlot: 100 });
      });
    }

    it('that is killed again and again loses nothing it has acknowledged, and writes nothing twice', async (t) => {
      const ledger = await fresh(t);
      const told = { issued: 0, moved: 0, unavailable: 0, unknown_outcome: 0 };
      let isOver = false;
      let acknowledged = 0;
      const work = async (): Promise<number> => {
        let from: string | null = null;
        for (let done = 0; ; ) {
          if (isOver) return done;
          const batch = batchOf({ from, to: `${done + 50}-0`, coupons: couponsOf(done + 1, done + 50) });
          try {
            const { outcome } = await ledger.issue(batch);
            assert.ok(outcome === 'issued' || outcome === 'moved', outcome);
            told[outcome] += 1;
            done += 50;
            from = batch.to;
            acknowledged = done;
          } catch (error) {
            if (!(error instanceof DibsError) || !error.retryable) throw error;
            told[error.code as 'unavailable' | 'unknown_outcome'] += 1;
            await pause(20);
          }
        }
      };
      const working = work();
      for (let kill = 0; kill < 5; kill += 1) {
        const goal = acknowledged + 200;
        const isThere = (): boolean => acknowledged >= goal;
        while (!isThere()) await pause(5);
        await pause(Math.random() * 30);
        service.signal('SIGKILL');
        await service.restart();
        const { issued } = await (await opened(t, subject, service.engineUrl)).totals('drop');
        assert.ok(issued >= goal, `${issued} of ${goal} acknowledged`);
      }
      isOver = true;
      const done = await working;
      assert.equal((await ledger.totals('drop')).issued, done);
      assert.equal(await ledger.position('drop'), `${done}-0`);
      assert.ok(told.unavailable + told.unknown_outcome >= 1, JSON.stringify(told));
    });

    it('that is stopped holds nobody up for longer than a call may take', async (t) => {
      const ledger = await fresh(t, { timeoutMs: 1_000, connectionsMax: 3 });
      await issue(ledger, { to: '1-0', coupons: [couponOf(1)] });
      const before = await seen(ledger);
      const next = batchOf({ from: '1-0', to: '2-0', coupons: [couponOf(2)] });
      service.signal('SIGSTOP');
      try {
        const acts = [
          () => ledger.issue(next),
          () => ledger.issue(next),
          () => ledger.totals('drop'),
          () => ledger.check(),
        ];
        await Promise.all([...acts, ...acts].map((act) => troubleOf('unavailable', act)));
        const other = await opened(t, subject, service.engineUrl, { timeoutMs: 1_000 });
        await troubleOf('unavailable', () => other.issue(next));
        await other.close();
      } finally {
        service.signal('SIGCONT');
      }
      assert.deepEqual(await seen(ledger), before);
      assert.equal((await ledger.issue(next)).outcome, 'issued');
    });

    it('that is stopped while it commits leaves the outcome unknown, and the same call tells', async (t) => {
      const direct = await fresh(t);
      const proxy = await openProxy(service.engineUrl);
      atEnd(t, () => proxy.close());
      const ledger = await opened(t, subject, proxy.url, { timeoutMs: 1_000 });
      await ledger.check();
      proxy.rule = (sent) => {
        if (commits(sent)) service.signal('SIGSTOP');
        return 'pass';
      };
      const batch = batchOf({ coupons: couponsOf(1, 3) });
      try {
        await troubleOf('unknown_outcome', () => ledger.issue(batch));
      } finally {
        service.signal('SIGCONT');
      }
      proxy.rule = () => 'pass';
      const outcome = await ledger.issue(batch);
      assert.ok(['issued', 'moved'].includes(outcome.outcome), JSON.stringify(outcome));
      assert.equal((await direct.totals('drop')).issued, 3);
    });

    it('that is down is unavailable at once, and a wrong password is not shown', async (t) => {
      const ledger = await fresh(t);
      const wrong = new URL(service.engineUrl);
      wrong.password = 's3cret-and-wrong';
      const stranger = await opened(t, subject, wrong.href);
      const error = await troubleOf('unavailable', () => stranger.check());
      assert.match(error.message, /password|denied/);
      assert.doesNotMatch(error.message, /s3cret/);
      service.signal('SIGKILL');
      const error2 = await troubleOf('unavailable', () => ledger.issue(batchOf({ coupons: [couponOf(1)] })));
      assert.match(error2.message, new RegExp(`${subject.kind} ledger at 127.0.0.1:${wrong.port}/dibs`));
      await troubleOf('unavailable', () => ledger.check());
      await service.restart();
      await ledger.check();
    });

    it('that lets nothing be written is unavailable, to who has written and to who has not', async (t) => {
      const ledger = await fresh(t);
      await issue(ledger, { to: '1-0', coupons: [couponOf(1)] });
      const next = batchOf({ from: '1-0', to: '2-0', coupons: [couponOf(2)] });
      await servers.readOnly.set(service);
      try {
        const newcomer = await opened(t, subject, service.engineUrl);
        await troubleOf('unavailable', () => newcomer.check());
        await unchangedBy(ledger, () => troubleOf('unavailable', () => ledger.issue(next)));
        await troubleOf('unavailable', () => ledger.check());
        assert.equal((await ledger.totals('drop')).issued, 1, 'reading goes on');
      } finally {
        await servers.readOnly.unset(service);
      }
      assert.equal((await ledger.issue(next)).outcome, 'issued');
      await ledger.check();
    });

    it('that gives no more connections is unavailable, until it does', async (t) => {
      const ledger = await fresh(t);
      await operate(service.url, servers.limit(1));
      try {
        const [first, second] = [
          await opened(t, subject, service.engineUrl, { connectionsMax: 1 }),
          await opened(t, subject, service.engineUrl, { connectionsMax: 1, timeoutMs: 1_000 }),
        ];
        await ledger.close();
        await first.check();
        await troubleOf('unavailable', () => second.check());
        await first.close();
        for (let tries = 0; ; tries += 1) {
          // The server takes a moment to see that the first has gone.
          const gone = await second.check().then(
            () => true,
            () => false,
          );
          if (gone) break;
          assert.ok(tries < 100);
          await pause(20);
        }
      } finally {
        await operate(service.url, servers.limit(0));
      }
    });

    for (const { set, unset, named } of servers.unfit) {
      it(`whose settings promise nothing is refused: ${named.source}`, async (t) => {
        await fresh(t);
        for (const one of set) await operate(service.url, one);
        try {
          // PostgreSQL tells its processes a moment later.
          await pause(200);
          const ledger = await opened(t, subject, service.engineUrl);
          for (const act of [() => ledger.check(), () => ledger.issue(batchOf({})), () => ledger.migrate()])
            assert.match((await troubleOf('store_unfit', act)).message, named);
        } finally {
          for (const one of unset) await operate(service.url, one);
        }
      });
    }
  });
}
