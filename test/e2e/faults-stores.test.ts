/** Stores that are lost, put back older, held by somebody else, full or broken. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { describe, test } from 'node:test';
import { checkHistory } from '../../src/core/history.ts';
import type { HistoryEntry } from '../../src/load/history.ts';
import { fileAccess } from './ledger-access.ts';
import { lockLedger } from './ledger-file.ts';
import { NotStarted, scene, type TestServer, until } from './server.ts';
import { outcomesOf, slotsOf, upTo } from './tallies.ts';

const users = (from: number, to: number, eventId: string) =>
  upTo(to)
    .slice(from - 1)
    .map((n) => ({ eventId, userId: `user-${n}`, key: null }));

/** Removes a store with all that SQLite keeps beside it. */
async function removeStore(data: string, name: 'gate.db' | 'ledger.db'): Promise<void> {
  for (const ending of ['', '-wal', '-shm']) await rm(join(data, name + ending), { force: true });
}

/** Copies a store of a server that has been stopped. */
async function copyStore(from: string, to: string, name: 'gate.db' | 'ledger.db'): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const ending of ['', '-wal']) {
    const path = join(from, name + ending);
    const exists = await stat(path).then(
      () => true,
      () => false,
    );
    if (exists) await copyFile(path, join(to, name + ending));
  }
}

/** An event that the gate no longer covers is refused in every way that could sell a slot again. */
async function refusedAsRecovering(server: TestServer, spec: { readonly id: string; readonly capacity: number }) {
  const { body } = await server.call('GET', `/v1/events/${spec.id}`);
  assert.equal(body['state'], 'recovering');
  const claimed = await server.claim(spec.id, 'newcomer');
  assert.deepEqual([claimed.status, claimed.body.code, claimed.headers.has('retry-after')], [503, 'recovering', true]);
  const created = await server.call('POST', '/v1/events', { body: { id: spec.id, name: 'Anew', capacity: 5 } });
  assert.deepEqual([created.status, created.body.code], [503, 'recovering']);
  const same = await server.call('POST', '/v1/events', { body: { name: 'Event of a test', ...spec } });
  assert.deepEqual([same.status, same.body.code], [503, 'recovering']);
  for (const act of ['pause', 'resume', 'close']) {
    assert.equal((await server.call('POST', `/v1/events/${spec.id}/${act}`)).status, 503);
  }
}

/** All wins that the clients were told, against the coupons of an event that is sold out. */
async function complete(server: TestServer, spec: Parameters<typeof checkHistory>[0]['spec'], history: HistoryEntry[]) {
  const { ok, issued, findings } = await server.settled(spec.id);
  assert.deepEqual({ ok, issued, findings }, { ok: true, issued: spec.capacity, findings: [] });
  const coupons = await server.coupons(spec.id);
  assert.deepEqual(slotsOf(coupons), upTo(spec.capacity));
  assert.deepEqual(checkHistory({ spec, history, coupons, isWhole: true }), []);
}

describe('stores that are gone or older', () => {
  test('gate.db is gone while ledger.db stands: recovering, never sold from slot 1; recovered, it goes on at the next slot', async (t) => {
    const { start, data } = await scene(t);
    const first = await start();
    const spec = await first.create({ id: 'drop', capacity: 30 });
    const history = [...(await first.claimAll(users(1, 20, spec.id), 8)).history];
    await first.settled(spec.id);
    const before = await first.coupons(spec.id);
    await first.stop();
    await removeStore(data, 'gate.db');
    const server = await start();
    await refusedAsRecovering(server, spec);
    // Other events are not held up by it.
    await server.create({ id: 'neighbour', capacity: 1 });
    assert.equal((await server.claim('neighbour', 'alice')).status, 201);
    const plan = (await server.call('GET', `/v1/events/${spec.id}/recovery`)).body;
    assert.deepEqual(
      [plan['needed'], plan['gate'], plan['after']],
      [true, null, { won: 20, remaining: 10, nextSlot: 21 }],
    );
    // Not by a restart either.
    await server.kill();
    const next = await start();
    await refusedAsRecovering(next, spec);
    const recovered = await next.call('POST', `/v1/events/${spec.id}/recover`);
    assert.deepEqual([recovered.status, recovered.body['state'], recovered.body['won']], [200, 'open', 20]);
    assert.equal((await next.claim(spec.id, 'newcomer')).body.claim?.slot, 21);
    assert.deepEqual(
      (await next.claim(spec.id, 'user-4')).body.claim?.code,
      before.find(({ userId }) => userId === 'user-4')?.code,
    );
    const { status, body } = await next.call('POST', `/v1/events/${spec.id}/recover`);
    assert.deepEqual([status, body.code], [409, 'not_recovering']);
    history.push(
      ...(await next.claimAll([{ eventId: spec.id, userId: 'newcomer', key: null }, ...users(1, 60, spec.id)], 8))
        .history,
    );
    await complete(next, spec, history);
    assert.deepEqual((await next.coupons(spec.id)).slice(0, 20), before);
  });

  test('gate.db is gone with wins that had not reached the ledger: the plan says from which slot on wins are lost', async (t) => {
    const { start, data } = await scene(t);
    const first = await start();
    const spec = await first.create({ id: 'drop', capacity: 30 });
    await first.claimAll(users(1, 10, spec.id), 4);
    await first.settled(spec.id);
    const lock = lockLedger(data);
    await first.claimAll(users(11, 15, spec.id), 4);
    await first.kill();
    lock.release();
    await removeStore(data, 'gate.db');
    const server = await start();
    const plan = (await server.call('GET', `/v1/events/${spec.id}/recovery`)).body;
    assert.match(String(plan['lost']), /behind slot 10\b/);
    assert.deepEqual(plan['after'], { won: 10, remaining: 20, nextSlot: 11 });
  });

  test('an older gate.db is put back: recovering; recovered from both stores, every told win stands', async (t) => {
    const { start, data, folder } = await scene(t);
    const first = await start();
    const spec = await first.create({ id: 'drop', capacity: 40, limitPerUser: 1 });
    const history = [...(await first.claimAll(users(1, 10, spec.id), 4)).history];
    await first.settled(spec.id);
    await first.stop();
    await copyStore(data, join(folder, 'copy'), 'gate.db');
    const second = await start();
    history.push(...(await second.claimAll(users(11, 25, spec.id), 4)).history);
    await second.call('POST', `/v1/events/${spec.id}/pause`);
    await second.settled(spec.id);
    await until(
      () => fileAccess(data).run(`SELECT state FROM events WHERE event_id = '${spec.id}'`),
      (state) => state === 'paused',
    );
    await second.stop();
    await removeStore(data, 'gate.db');
    await copyStore(join(folder, 'copy'), data, 'gate.db');
    const server = await start();
    await refusedAsRecovering(server, spec);
    const recovered = await server.call('POST', `/v1/events/${spec.id}/recover`);
    assert.deepEqual([recovered.status, recovered.body['state'], recovered.body['won']], [200, 'paused', 25]);
    await server.call('POST', `/v1/events/${spec.id}/resume`);
    history.push(...(await server.claimAll(users(1, 80, spec.id), 8)).history);
    await complete(server, spec, history);
  });

  test('ledger.db is gone while gate.db stands: every coupon is issued again, with the same code, and claims never stop', async (t) => {
    const { start, data } = await scene(t);
    const first = await start();
    const spec = await first.create({ id: 'drop', capacity: 50, limitPerUser: 1 });
    const history = [...(await first.claimAll(users(1, 30, spec.id), 8)).history];
    await first.settled(spec.id);
    const before = await first.coupons(spec.id);
    await first.stop();
    await removeStore(data, 'ledger.db');
    const server = await start();
    history.push(...(await server.claimAll(users(1, 90, spec.id), 8)).history);
    await complete(server, spec, history);
    const codes = (await server.coupons(spec.id)).map(({ slot, userId, claimId, code }) => ({
      slot,
      userId,
      claimId,
      code,
    }));
    assert.deepEqual(
      codes.slice(0, 30),
      before.map(({ slot, userId, claimId, code }) => ({ slot, userId, claimId, code })),
    );
    // What stands in the ledger again is as good a witness as the first was.
    await server.stop();
    await removeStore(data, 'gate.db');
    await refusedAsRecovering(await start(), spec);
  });

  test('an older ledger.db is put back: what it lacks is issued again, the same', async (t) => {
    const { start, data, folder } = await scene(t);
    const first = await start();
    const spec = await first.create({ id: 'drop', capacity: 40, limitPerUser: 1 });
    const history = [...(await first.claimAll(users(1, 10, spec.id), 4)).history];
    await first.settled(spec.id);
    await first.stop();
    await copyStore(data, join(folder, 'copy'), 'ledger.db');
    const second = await start();
    history.push(...(await second.claimAll(users(1, 60, spec.id), 4)).history);
    await complete(second, spec, history);
    const before = await second.coupons(spec.id);
    await second.stop();
    await removeStore(data, 'ledger.db');
    await copyStore(join(folder, 'copy'), data, 'ledger.db');
    const server = await start();
    await complete(server, spec, history);
    assert.deepEqual(
      (await server.coupons(spec.id)).map(({ code }) => code),
      before.map(({ code }) => code),
    );
  });
});

describe('stores that are held, full or broken', () => {
  test('a second process on the same data folder ends with store_locked, and the first goes on undisturbed', async (t) => {
    const { start } = await scene(t);
    const server = await start();
    const { id } = await server.create({ id: 'drop', capacity: 10 });
    await server.claim(id, 'alice');
    await assert.rejects(start(), (error) => {
      assert.ok(error instanceof NotStarted, String(error));
      const { code, signal, output } = error.ended;
      assert.deepEqual([code, signal], [1, null]);
      assert.match(output, /"store_locked"/);
      assert.match(output, /Another process, or this one a second time, holds/);
      assert.doesNotMatch(output, /\bat .*\.ts:\d+/, 'no stack trace');
      return true;
    });
    assert.equal((await server.claim(id, 'bob')).body.claim?.slot, 2);
    assert.equal((await server.settled(id)).ok, true);
  });

  test('files that may not grow: 503 and never 500, every told win stands, and the next start goes on', async (t) => {
    const { start } = await scene(t);
    // In blocks of 512 bytes. Node ignores the signal, so that a write fails as it does on a broken disk.
    const small = ['/bin/sh', '-c', 'ulimit -f 700; exec "$0" "$@"'];
    const broken = await start({ wrapper: small });
    const spec = await broken.create({ id: 'drop', capacity: 2_000 });
    const { history } = await broken.claimAll(users(1, 2_400, spec.id), 64, 0);
    const told = history.filter(({ outcome }) => outcome === 'won').length;
    assert.ok(told > 0 && told < 2_000, `${told} were won`);
    onlyTrouble(history);
    assert.equal((await broken.call('GET', '/readyz', { as: 'nobody' })).status, 503);
    assert.equal((await broken.call('GET', '/livez', { as: 'nobody' })).status, 200);
    // Nor does it fill another disk by saying so for each claim.
    const { code, output } = await broken.stop();
    assert.ok(code === 0 && output.length < 100_000, `${output.length} characters of log`);
    const server = await start();
    const again = await server.claimAll(users(1, 2_400, spec.id), 64);
    await complete(server, spec, [...history, ...again.history]);
  });

  const needsMount = process.getuid?.() === 0 && canMount() ? false : 'a small disk can be mounted by root alone';
  test('the disk of the gate is full: 503, replays and status go on; with room again it sells on without a restart', {
    skip: needsMount,
  }, async (t) => {
    const disk = await smallDisk(t);
    const { start } = await scene(t);
    const server = await start({ flags: ['--gate', `sqlite:${join(disk.path, 'gate.db')}`] });
    const spec = await server.create({ id: 'drop', capacity: 2_000 });
    const { history } = await server.claimAll(users(1, 2_400, spec.id), 64, 0);
    const told = history.filter(({ outcome }) => outcome === 'won');
    assert.ok(told.length > 0 && told.length < 2_000, `${told.length} were won`);
    onlyTrouble(history);
    const trouble = new Set(history.flatMap(({ trouble }) => (trouble === null ? [] : [trouble])));
    assert.deepEqual([...trouble], ['unavailable']);
    // What needs no room goes on.
    const [winner] = told;
    const replay = await server.claim(spec.id, winner?.userId ?? '');
    assert.deepEqual([replay.status, replay.body.claim?.slot], [200, winner?.win?.slot]);
    assert.equal((await server.call('GET', `/v1/events/${spec.id}`)).body['won'], told.length);
    disk.enlarge();
    const again = await server.claimAll(users(1, 2_400, spec.id), 64);
    await complete(server, spec, [...history, ...again.history]);
    assert.equal((await server.stop()).code, 0);
  });

  test('the disk of the ledger is full: claims go on as ever, and with room again every win is issued', {
    skip: needsMount,
  }, async (t) => {
    const disk = await smallDisk(t);
    const { start } = await scene(t);
    const server = await start({ flags: ['--ledger', `sqlite:${join(disk.path, 'ledger.db')}`] });
    const spec = await server.create({ id: 'drop', capacity: 2_000 });
    const { history } = await server.claimAll(users(1, 2_400, spec.id), 64, 0);
    assert.deepEqual(outcomesOf(history), { won: 2_000, sold_out: 400 });
    const { body } = await server.audit(spec.id);
    assert.ok(body.ok === true && Number(body['unissued']) > 0, JSON.stringify(body));
    disk.enlarge();
    await complete(server, spec, [...history]);
  });
});

/** A win, or trouble that says that it is some, and never `internal`. */
function onlyTrouble(history: readonly HistoryEntry[]): void {
  const odd = history.filter(({ status }) => ![200, 201, 503].includes(status));
  assert.deepEqual(odd.slice(0, 3), []);
  const codes = new Set(history.flatMap(({ trouble }) => (trouble === null ? [] : [trouble])));
  for (const code of codes) assert.ok(code === 'unavailable' || code === 'unknown_outcome', code);
}

function tool(name: 'mount' | 'umount', ...args: string[]): void {
  execFileSync(`/bin/${name}`, args, { stdio: 'ignore' });
}

function canMount(): boolean {
  const path = `/tmp/dibs-mount-${process.pid}`;
  try {
    execFileSync('mkdir', [path]);
    tool('mount', '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', path);
    tool('umount', path);
    return true;
  } catch {
    return false;
  } finally {
    execFileSync('rmdir', [path]);
  }
}

async function smallDisk(t: { after(cleanup: () => Promise<void>): unknown }) {
  const path = await mkdtemp(join(tmpdir(), 'dibs-disk-'));
  tool('mount', '-t', 'tmpfs', '-o', 'size=400k', 'tmpfs', path);
  t.after(async () => {
    // Lazily: the server that has it open is ended by a hook that comes later.
    tool('umount', '-l', path);
    await rm(path, { recursive: true });
  });
  return { path, enlarge: () => tool('mount', '-o', 'remount,size=64m', path) };
}
