/** The acts that repair, against stores that need it. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { dibs, problemOf, serve, type TestServe, temporaryFolder } from './process.ts';

interface Items<T> {
  readonly items: readonly T[];
}
interface Failed {
  readonly id: number;
  readonly userId: string;
  readonly state: string;
  readonly reason: string | null;
}

/** Asks until the ledger has refused as many; each question is a whole command, so that none follows at once. */
async function failedOnes(server: TestServe, count: number): Promise<readonly Failed[]> {
  for (let attempts = 0; attempts < 100; attempts += 1) {
    const { items } = await server.json<Items<Failed>>('failed', 'list');
    if (items.length === count) return items;
  }
  throw new Error(`the ledger never refused ${count}`);
}

test('a gate that is gone is rebuilt from the ledger by one who says so', async (t) => {
  const folder = temporaryFolder(t);
  const first = await serve(t, folder);
  for (const user of ['a', 'b']) await first.run('claim', 'demo', user);
  await first.stop();
  for (const name of ['gate.db', 'gate.db-wal', 'gate.db-shm']) rmSync(join(folder, 'data', name), { force: true });

  const second = await serve(t, folder);
  assert.equal((await second.json<{ state: string }>('event', 'show', 'demo')).state, 'recovering');
  const waiting = await second.run('claim', 'demo', 'c', '--json');
  assert.deepEqual([waiting.code, problemOf(waiting).code], [1, 'recovering']);
  const silent = await second.run('recover', 'demo');
  assert.equal(silent.code, 2);
  assert.match(
    silent.stdout,
    /gate +has nothing of it\n +outbox +has no wins of it\n +ledger +2 won[^]*after +2 won, 98 remaining, next slot 3\n +lost/,
  );
  assert.ok(silent.stdout.split('\n').every((line) => line.length <= 80));
  const done = await second.json<{ recovered: boolean; event: { won: number } }>('recover', 'demo', '--yes');
  assert.deepEqual([done.recovered, done.event.won], [true, 2]);
  const { claim } = await second.json<{ claim: { slot: number } }>('claim', 'demo', 'c');
  assert.equal(claim.slot, 3);
});

test('all events of a gate that is gone are rebuilt in one go', async (t) => {
  const folder = temporaryFolder(t);
  const first = await serve(t, folder);
  await first.run('event', 'create', 'other', '--name', 'Other', '--capacity', '5');
  for (const event of ['demo', 'other']) await first.run('claim', event, 'a');
  await first.stop();
  for (const name of ['gate.db', 'gate.db-wal', 'gate.db-shm']) rmSync(join(folder, 'data', name), { force: true });

  const second = await serve(t, folder);
  for (const args of [[], ['demo', '--all']]) assert.equal((await second.run('recover', ...args)).code, 2);
  const audit = await second.run('audit');
  assert.deepEqual(
    [audit.code, audit.stdout.split('\n')],
    [1, ['demo  waits for recovery: dibs recover demo', 'other  waits for recovery: dibs recover other', '']],
  );
  const waiting = await second.run('claim', 'demo', 'b');
  assert.match(waiting.stderr, /The event waits for recovery\.\n`dibs recover demo` shows/);
  const silent = await second.run('recover', '--all');
  assert.equal(silent.code, 2);
  assert.match(silent.stdout, /demo waits for recovery\.[^]*other waits for recovery\./);
  const done = await second.json<{ recovered: { id: string; won: number }[]; left: unknown[] }>(
    'recover',
    '--all',
    '--yes',
  );
  assert.deepEqual(
    [done.recovered.map(({ id, won }) => [id, won]), done.left],
    [
      [
        ['demo', 1],
        ['other', 1],
      ],
      [],
    ],
  );
  const again = await second.run('recover', '--all');
  assert.deepEqual([again.code, again.stdout], [0, 'No event waits for recovery.\n']);
});

test('a win that the ledger refuses is seen, reissued when the cause is gone, or discarded for a reason', async (t) => {
  const folder = temporaryFolder(t);
  await (await serve(t, folder)).stop();
  const ledger = join(folder, 'data/ledger.db');
  const change = (sql: string): void => {
    const database = new DatabaseSync(ledger);
    database.exec(sql);
    database.close();
  };
  change(`CREATE TRIGGER refuse BEFORE INSERT ON coupons WHEN NEW.user_id LIKE 'bad%'
          BEGIN SELECT RAISE(ABORT, 'planted'); END`);

  const second = await serve(t, folder);
  for (const user of ['good', 'bad1', 'bad2']) await second.run('claim', 'demo', user);
  const [one, two] = await failedOnes(second, 2);
  assert.ok(one !== undefined && two !== undefined);
  assert.match(
    (await second.run('failed', 'list')).stdout,
    /^ID {2}EVENT {2}SLOT {2}USER {2}STATE .*\n +1 {2}demo +2 {2}bad1 {2}waiting.*planted/,
  );
  const still = await second.run('failed', 'reissue', String(one.id), '--json');
  assert.deepEqual([still.code, problemOf(still).code], [1, 'reissue_refused']);
  const silent = await second.run('failed', 'discard', String(two.id), '--reason', 'a test');
  assert.equal(silent.code, 2);
  assert.match(silent.stdout, /never issued\.[^]*user +bad2[^]*your reason +a test/);
  const discarded = await second.json<Failed>('failed', 'discard', String(two.id), '--reason', 'a test', '--yes');
  assert.deepEqual([discarded.state, discarded.reason], ['discarded', 'a test']);
  assert.match((await second.run('audit', 'demo')).stdout, /won +3 = 1 issued \+ 0 waiting \+ 1 failed \+ 1 discarded/);
  await second.stop();

  change('DROP TRIGGER refuse');
  const third = await serve(t, folder);
  // The issuer may have been first: it tries again by itself.
  const { code, stderr } = await third.run('failed', 'reissue', String(one.id), '--json');
  if (code !== 0) assert.match(stderr, /not_failed/);
  const { items } = await third.json<Items<{ userId: string }>>('coupons', 'demo');
  assert.deepEqual(
    items.map(({ userId }) => userId),
    ['good', 'bad1'],
  );
});

test('what is no win is discarded for a reason, and nobody is told that it costs a coupon', async (t) => {
  const folder = temporaryFolder(t);
  const server = await serve(t, folder);
  await server.run('claim', 'demo', 'good');
  const wins = [{ slot: 1, userId: 'evil', nth: 1, claimId: '1-x', key: null, wonAt: 1 }];
  const record = JSON.stringify({ v: 1, type: 'wins', eventId: 'demo', epoch: 1, revision: 1, wins });
  const database = new DatabaseSync(join(folder, 'data/ledger.db'));
  database.exec(`INSERT INTO failed_issuances (event_id, slot, user_id, record, error, attempts, next_attempt_at, state)
                 VALUES ('demo', NULL, 'evil', '${record}', 'planted', 1, 9e15, 'waiting'),
                        (NULL, NULL, NULL, 'cut {"v', 'it is not JSON', 1, 9e15, 'waiting')`);
  database.close();
  const [own, poison] = await failedOnes(server, 2);
  const refused = await server.run('audit', 'demo');
  assert.equal(refused.code, 1);
  assert.match(refused.stdout, /I2: slot 1 is .* of good in the\s+gate,\s+1-x\s+of\s+evil\s+in\s+failed\s+issuance/);
  for (const [one, meaning, done] of [
    [
      own,
      /holds no slot of demo[^]*\n +slot +none\n +user +evil\n +record +\{.*"claimId":"1-x"/,
      /no such win, and every win of demo is as it was/,
    ],
    [
      poison,
      /no record of a win[^]*\n +event +unknown\n[^]*record +cut \{"v\n/,
      /was no record of a win, and every win is as it was/,
    ],
  ] as const) {
    const discard = ['failed', 'discard', String(one?.id), '--reason', 'written by hand'];
    const silent = await server.run(...discard);
    assert.match(silent.stdout, meaning);
    const said = await server.run(...discard, '--yes');
    assert.match(said.stdout, done);
    for (const { stdout } of [silent, said]) assert.doesNotMatch(stdout, /\?|stays counted|gets no coupon/);
  }
  const { code, stdout } = await server.run('audit', 'demo');
  assert.equal(code, 0, stdout);
  assert.match(stdout, /won +1 = 1 issued \+ 0 waiting \+ 0 failed \+ 0 discarded/);
});

test('a ledger is brought to this version, once', async (t) => {
  const cwd = temporaryFolder(t);
  const migrate = async () =>
    JSON.parse((await dibs(['migrate', '--json'], { cwd })).stdout) as { migrations: string[] };
  assert.ok((await migrate()).migrations.length > 0);
  assert.deepEqual((await migrate()).migrations, []);
});
