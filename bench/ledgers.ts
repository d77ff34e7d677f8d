/**
 * How many coupons a second the ledgers in MariaDB and PostgreSQL take, and what a coupon costs the process that writes it.
 * Starts servers of its own unless `--url` names a database, in which it leaves its tables behind.
 */
import assert from 'node:assert/strict';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { type Service, startMariadb, startPostgres } from '../services/services.ts';
import type { NewCoupon } from '../src/core/coupon.ts';
import type { IssueRate } from '../src/core/issue-rate.ts';
import type { Ledger } from '../src/core/ledger.ts';
import { openMysqlLedger } from '../src/ledgers/mysql/ledger.ts';
import { openPostgresLedger } from '../src/ledgers/postgres/ledger.ts';

const { values } = parseArgs({
  options: {
    url: { type: 'string' },
    seconds: { type: 'string', default: '3' },
    connections: { type: 'string', default: '2' },
  },
});
const seconds = Number(values.seconds);
const connections = Number(values.connections);

const couponOf = (eventId: string, slot: number): NewCoupon => ({
  eventId,
  slot,
  userId: `user-${slot.toString(16).padStart(16, '0')}`,
  nth: 1,
  claimId: `${slot}-0123456789ab`,
  key: `key-${slot.toString(16).padStart(28, '0')}`,
  code: slot.toString(32).toUpperCase().padStart(16, 'A'),
  wonAt: 1_790_000_000_000 + slot,
});

interface Load {
  readonly size: number;
  readonly rate: IssueRate | null;
  /** Whether every coupon is written twice, the second time as a repeat. */
  readonly again: boolean;
}

let events = 0;

/** Issues coupons of an event of its own until the time is up; gives how many. */
async function issue(ledger: Ledger, { size, rate, again }: Load, until: number): Promise<number> {
  events += 1;
  const eventId = `bench-${process.pid}-${events}`;
  let from: string | null = null;
  let count = 0;
  while (performance.now() < until) {
    const coupons = Array.from({ length: size }, (_, index) => couponOf(eventId, count + index + 1));
    for (const to of again ? [`${count}-first`, `${count + size}`] : [`${count + size}`]) {
      const batch = { partition: eventId, from, to, events: [], coupons, failures: [], stops: [], rate };
      const outcome = await ledger.issue(batch);
      assert.equal(outcome.outcome, 'issued');
      from = to;
    }
    count += size;
  }
  return count;
}

async function measure(name: string, ledger: Ledger, load: Load): Promise<void> {
  await issue(ledger, load, performance.now() + 500);
  const [start, cpu] = [performance.now(), process.cpuUsage()];
  const until = start + seconds * 1000;
  const counts = await Promise.all(Array.from({ length: connections }, () => issue(ledger, load, until)));
  const ms = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  const count = counts.reduce((sum, one) => sum + one, 0);
  const kind = `${load.size} a transaction${load.rate === null ? '' : ', held to a rate'}${load.again ? ', each twice' : ''}`;
  const figures = `${Math.round((count * 1000) / ms)} coupons/s, ${((user + system) / count).toFixed(1)} µs of CPU each`;
  console.log(`${name}: ${kind}: ${figures}`);
}

async function run(url: string): Promise<void> {
  const open = url.startsWith('mysql:') ? openMysqlLedger : openPostgresLedger;
  const ledger = await open({ url });
  await ledger.migrate();
  const name = `${ledger.kind}, ${connections} connections`;
  for (const size of [1, 100, 500]) await measure(name, ledger, { size, rate: null, again: false });
  await measure(name, ledger, { size: 500, rate: { perSecond: 1e9, pieceMax: 500 }, again: false });
  await measure(name, ledger, { size: 500, rate: null, again: true });
  await ledger.close();
}

async function runOn(start: () => Promise<Service>): Promise<void> {
  const service = await start();
  try {
    await run(service.engineUrl);
  } finally {
    await service.stop();
  }
}

if (values.url === undefined) {
  await runOn(startMariadb);
  await runOn(startPostgres);
} else {
  await run(values.url);
}
