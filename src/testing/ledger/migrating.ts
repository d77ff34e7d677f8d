import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ledger } from '../../core/ledger.ts';
import { troubleOf } from '../refusal.ts';
import { openRemote, type ProcessStore, type Remote } from '../remote.ts';
import { reasonToSkip } from '../suite.ts';
import { batchOf, couponOf } from './acting.ts';
import type { LedgerDriver, LedgerSetup } from './bench.ts';
import { assertHeld, issueInPieces } from './rates.ts';

/** Tests of a database that nobody has migrated yet, by one connection and by several processes at once. */
export function registerMigrating(driver: LedgerDriver): void {
  const { processes, lacks = {} } = driver;
  const skip = reasonToSkip(['processes'], lacks);
  describe('before migrating', () => {
    it('a check says store_not_migrated', () => withSetup(driver, checkFirst));
    it('migrating gives the names of what was run, and the check passes', () => withSetup(driver, migrateFirst));
  });
  describe('across processes', () => {
    it('migrating twice at once is harmless', { skip }, () => withStore(processes, migrateAtOnce));
    it('of four that issue at one position exactly one wins, each time', { skip }, () =>
      withStore(processes, issueAtOnce),
    );
    it('two that issue at one rate are held to it together', { skip }, () => withStore(processes, issueAtOneRate));
  });
}

async function withSetup(driver: LedgerDriver, run: (setup: LedgerSetup) => Promise<void>): Promise<void> {
  const setup = await driver.setup();
  try {
    await run(setup);
  } finally {
    await setup.teardown();
  }
}

async function checkFirst({ ledger }: LedgerSetup): Promise<void> {
  const error = await troubleOf('store_not_migrated', () => ledger.check());
  assert.match(error.remedy, /dibs migrate/);
}

async function migrateFirst({ ledger }: LedgerSetup): Promise<void> {
  const names = await ledger.migrate();
  assert.ok(names.length > 0);
  assert.equal(new Set(names).size, names.length);
  await ledger.check();
}

type Open = (count: number) => Promise<Remote<Ledger>[]>;

async function withStore(store: ProcessStore | undefined, run: (open: Open) => Promise<void>): Promise<void> {
  if (store === undefined) return;
  const { at, remove } = await store.make();
  const opened: Remote<Ledger>[] = [];
  try {
    await run(async (count) => {
      await Promise.all(
        Array.from({ length: count }, async () => opened.push(await openRemote<Ledger>(store.module, at))),
      );
      return opened;
    });
  } finally {
    await Promise.all(opened.map((remote) => remote.kill()));
    await remove();
  }
}

async function migrateAtOnce(open: Open): Promise<void> {
  const both = await open(2);
  const names = await Promise.all(both.map(({ port }) => port.migrate()));
  assert.equal(names.filter((one) => one.length > 0).length, 1, 'one runs them, the other finds them run');
  for (const { port } of both) await port.check();
}

async function issueAtOnce(open: Open): Promise<void> {
  const racers = await open(4);
  await racers[0]?.port.migrate();
  let from: string | null = null;
  for (let round = 1; round <= 25; round += 1) {
    const to = `${round}-0`;
    // Each has a win of its own for the slot: were two of them written, one of them would be somebody's loss.
    const outcomes = await Promise.all(
      racers.map(({ port }, racer) =>
        port.issue(batchOf({ from, to, coupons: [couponOf(round, { userId: `racer-${racer}-${round}` })] })),
      ),
    );
    assert.deepEqual(outcomes.map((one) => one.outcome).toSorted(), ['issued', 'moved', 'moved', 'moved']);
    from = to;
  }
  const [first] = racers;
  assert.equal((await first?.port.totals('drop'))?.issued, 25);
}

async function issueAtOneRate(open: Open): Promise<void> {
  const rate = { perSecond: 200, pieceMax: 20 };
  const both = (await open(2)).map(({ port }) => port);
  await both[0]?.migrate();
  const eventIds = both.map((_, index) => `event-${index}`);
  await Promise.all(
    both.map((ledger, index) => issueInPieces({ ledger, eventId: eventIds[index] ?? '', count: 100 }, rate, sleep)),
  );
  const coupons = await Promise.all(eventIds.map(async (eventId) => (await both[0]?.coupons(eventId, 0, 200)) ?? []));
  assert.equal(coupons.flat().length, 200);
  assertHeld(coupons.flat(), rate);
}
