/** A win that somebody else writes into the topic: its event comes back by the commands of Dibs alone, and nobody loses a coupon. */
import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { partitionIndexOf } from '../../../src/logs/kafka/place.ts';
import { write } from '../../logs/kafka/rig.ts';
import { failedOnes, totals, users } from '../cases/issuances.ts';
import { until } from '../server.ts';
import { type FleetSite, partitions } from '../site.ts';

interface Found {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What an operator sees of a command that ends with 1. */
async function refusedRun({ fleet }: FleetSite, ...args: readonly string[]): Promise<Found> {
  const ended = await fleet.run(...args).then(
    () => assert.fail(`${args.join(' ')} ended with 0`),
    (error: Found) => error,
  );
  assert.equal(ended.code, 1, ended.stderr);
  return ended;
}

/** A win of slot `slot`, as nobody but a gate may write one. */
async function writeEvil({ fleet }: FleetSite, id: string, slot: number): Promise<void> {
  const [, kafka = '', topic = ''] = /^(kafka:\/\/[^/]+)\/([^?]+)/.exec(fleet.env['DIBS_LOG'] ?? '') ?? [];
  const wins = [{ slot, userId: 'evil', nth: 1, claimId: `${slot}-x`, key: null, wonAt: 1 }];
  const value = Buffer.from(JSON.stringify({ v: 1, type: 'wins', eventId: id, epoch: 1, revision: 1, wins }));
  await write(kafka, topic, partitionIndexOf(id, partitions), [{ key: id, value }]);
}

/** Every process has heard that the event is stopped. */
async function stopped(site: FleetSite, id: string): Promise<void> {
  for (const server of site.servers()) {
    await until(
      () => server.claim(id, 'user-6'),
      ({ status, body }) => status === 503 && body.code === 'recovering',
    );
  }
}

/** The event is recovered, sells out, and its stores agree. */
async function comesHome({ front, fleet }: FleetSite, id: string): Promise<void> {
  const url = (): readonly string[] => ['--url', front.next().url];
  await fleet.run('recover', id, '--yes', ...url());
  await front.claimAll(users(20, id), 4);
  const home = await until(
    () => front.settled(id),
    ({ issued }) => issued === 20,
  );
  assert.deepEqual(totals(home), { ok: true, won: 20, issued: 20, failed: 0, discarded: 0 });
  await fleet.run('audit', id, ...url());
}

/** The statements that docs/many-machines.md has an operator run, for one event and slot. */
function statementsOfDocs(
  eventId: string,
  slot: number,
  { claimId, code }: { claimId: string; code: string },
): string[] {
  const docs = readFileSync(new URL('../../../docs/many-machines.md', import.meta.url), 'utf8');
  const [, sql = ''] = /```sql\n([^]*?)```/.exec(docs) ?? [];
  return sql
    .replaceAll('EVENT', eventId)
    .replaceAll('slot = 5', `slot = ${slot}`)
    .replaceAll('"slot":5', `"slot":${slot}`)
    .replaceAll('USER', 'evil')
    .replaceAll('CLAIM', claimId)
    .replaceAll('CODE', code)
    .replaceAll('1790000000000', '1')
    .split(/;\n/)
    .filter((text) => text.trim() !== '');
}

const cases = [
  { what: 'on a slot that is issued', id: 'contradicted', slot: 2 },
  { what: 'on a slot far behind a gap', id: 'overreached', slot: 900 },
] as const;

/** Registers them in the suite in which it is called; the log is Kafka. */
export function registerContradictions(open: () => Promise<FleetSite>): void {
  for (const { what, id, slot } of cases) {
    test(`a win that nobody has won, ${what}: seen, discarded, recovered, and the audit is clean`, async () => {
      const site = await open();
      const { front, fleet } = site;
      const url = (): readonly string[] => ['--url', front.next().url];
      await front.create({ id, capacity: 20 });
      await front.claimAll(users(5, id), 1);
      await front.settled(id);
      await writeEvil(site, id, slot);
      await stopped(site, id);
      const audited = await refusedRun(site, 'audit', id, ...url());
      assert.match(audited.stdout, /won +[56] = 5 issued \+ [01] waiting \+ [01] failed \+ 0 discarded/);
      const kept = (await failedOnes(front, id)).find(({ userId }) => userId === 'evil');
      assert.equal(kept?.slot, null);
      const number = String(kept?.id);
      const refused = await refusedRun(site, 'recover', id, '--yes', ...url());
      assert.match(
        refused.stderr,
        new RegExp(`failed\\s+issuance\\s+${number},\\s+which\\s+waits\\s+to\\s+be\\s+discarded`),
      );
      await refusedRun(site, 'failed', 'reissue', number, ...url());
      const discarded = await fleet.run('failed', 'discard', number, '--reason', 'by hand', '--yes', ...url());
      assert.match(discarded, new RegExp(`the gate has no such win, and every win of ${id} is as it was`));
      await comesHome(site, id);
      assert.ok((await front.coupons(id)).every(({ userId }) => userId !== 'evil'));
    });
  }
  test('a win that nobody has won and that has a coupon: taken away by a person, and the right one is issued', async () => {
    const [site, id] = [await open(), 'forestalled'];
    const { front } = site;
    const url = (): readonly string[] => ['--url', front.next().url];
    await front.create({ id, capacity: 20 });
    await front.claimAll(users(5, id), 1);
    await front.settled(id);
    await writeEvil(site, id, 6);
    const coupons = await until(
      () => front.coupons(id),
      (all) => all.length === 6,
    );
    const evil = coupons.find(({ userId }) => userId === 'evil') ?? assert.fail('it has no coupon');
    await front.claimAll(users(6, id), 1);
    await stopped(site, id);
    const audited = await refusedRun(site, 'audit', id, ...url());
    assert.match(audited.stdout, /slot 6 is \S+ of user-6 in the gate, 6-x of evil in\s+the ledger/);
    await refusedRun(site, 'recover', id, '--yes', ...url());
    await site.ledger.run(...statementsOfDocs(id, 6, { claimId: '6-x', code: evil.code }));
    await comesHome(site, id);
    assert.equal((await front.coupons(id)).find(({ slot }) => slot === 6)?.userId, 'user-6');
  });
}
