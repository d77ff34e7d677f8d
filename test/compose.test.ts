/** The library as programs open it: faults told at once, one holder of a folder, and nothing lost from open to open. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { openDibs } from '../src/compose.ts';
import type { Dibs } from '../src/engine/dibs.ts';
import { ManualClock } from '../src/testing/manual-clock.ts';
import { troubleOf } from '../src/testing/refusal.ts';
import { until } from './engine/fixture.ts';

type Options = NonNullable<Parameters<typeof openDibs>[0]>;

/** A data folder, and a way to open engines in it that are closed when the test ends. */
function dataOf(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'dibs-compose-'));
  const data = join(folder, 'data');
  const clock = new ManualClock();
  const alarms: string[] = [];
  const open: Dibs[] = [];
  t.after(async () => {
    for (const dibs of open) await dibs.close();
    rmSync(folder, { recursive: true });
  });
  const dibs = async (options: Options = {}): Promise<Dibs> => {
    const opened = await openDibs({ data, clock, onAlarm: (message) => void alarms.push(message), ...options });
    open.push(opened);
    return opened;
  };
  const issued = (dibs: Dibs, count: number): Promise<void> =>
    until(
      `${count} are issued`,
      async () => (await dibs.audit('drop')).issued === count,
      () => clock.step(5),
    );
  return { folder, data, clock, alarms, dibs, issued };
}

const drop = { id: 'drop', name: 'A drop', capacity: 1000 };

async function win(dibs: Dibs, from: number, to: number): Promise<number[]> {
  const asked = [];
  for (let user = from; user <= to; user += 1) asked.push(dibs.claim({ eventId: 'drop', userId: `u${user}` }));
  return (await Promise.all(asked)).map((decision) => (decision.outcome === 'won' ? decision.claim.slot : 0));
}

const numbers = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, at) => from + at);

describe('a configuration that is not usable', () => {
  it('is refused with every fault at once, and no file is made', async (t) => {
    const { data, dibs } = dataOf(t);
    const odd = { gate: 'oracle:x', ledger: 'sqlite:', issueRate: '0/s', log: 'kafka', roles: ['claim'], port: 80 };
    const trouble = await troubleOf('invalid_configuration', () => dibs(odd as unknown as Options));
    const faults = trouble.details['faults'] as string[];
    for (const name of ['gate', 'ledger', 'issueRate', 'log', 'roles', 'port'])
      assert.ok(
        faults.some((fault) => fault.includes(name)),
        `${name} in ${faults.join('\n')}`,
      );
    assert.equal(faults.length, 6);
    assert.equal(trouble.message, faults.join('\n'));
    assert.equal(existsSync(data), false);
  });

  it('is one with a guessable secret, or one file for both stores', async (t) => {
    const { data, dibs } = dataOf(t);
    await troubleOf('invalid_configuration', () => dibs({ codeSecret: 'secret' }));
    await troubleOf('invalid_configuration', () => dibs({ gate: 'sqlite:a.db', ledger: 'sqlite:./a.db' }));
    assert.equal(existsSync(data), false);
  });
});

describe('a folder that cannot be used', () => {
  it('because another has it open is refused, and the other goes on', async (t) => {
    const { data, dibs, issued } = dataOf(t);
    const first = await dibs();
    await first.createEvent(drop);
    await win(first, 1, 3);
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const trouble = await troubleOf('store_locked', () => dibs());
      assert.ok(trouble.message.includes(data), trouble.message);
    }
    await troubleOf('store_locked', () => dibs({ roles: ['issuing'] }));
    assert.deepEqual(await win(first, 4, 6), [4, 5, 6]);
    await issued(first, 6);
    await first.close();
    const second = await dibs();
    assert.deepEqual(await win(second, 1, 7), numbers(1, 7));
  });

  it('because a store in it is no database is refused, and no lock is left behind', async (t) => {
    const { data, dibs } = dataOf(t);
    const first = await dibs();
    await first.createEvent(drop);
    await first.close();
    const ledger = join(data, 'ledger-of-another-program.db');
    writeFileSync(ledger, 'not a database, but long enough to be taken for the header of one: '.repeat(40));
    const trouble = await troubleOf('store_unfit', () => dibs({ ledger: `sqlite:${ledger}` }));
    assert.ok(trouble.message.includes(ledger), trouble.message);
    assert.equal((await (await dibs()).getEvent('drop')).won, 0, 'the gate is free again');
  });

  it('because it is a file is refused', async (t) => {
    const { data, dibs } = dataOf(t);
    writeFileSync(data, '');
    await assert.rejects(dibs());
  });
});

describe('opening', () => {
  it('makes the folder, its stores and its secrets, for its owner alone', async (t) => {
    const { data, dibs } = dataOf(t);
    await dibs();
    assert.deepEqual(
      readdirSync(data).filter((name) => !/-(wal|shm)$/.test(name)),
      ['gate.db', 'keys.json', 'ledger.db'],
    );
    assert.equal(statSync(data).mode & 0o777, 0o700);
    assert.equal(statSync(join(data, 'keys.json')).mode & 0o777, 0o600);
  });

  it('makes the folders of stores that stand elsewhere', async (t) => {
    const { folder, dibs } = dataOf(t);
    const gate = join(folder, 'fast/disk/gate.db');
    const ledger = join(folder, 'large/disk/ledger.db');
    await dibs({ gate: `sqlite:${gate}`, ledger: `sqlite:${ledger}` });
    assert.ok(existsSync(gate) && existsSync(ledger));
  });

  it('again and again goes on where it stood, with the same codes', async (t) => {
    const { dibs, issued } = dataOf(t);
    const codes: string[] = [];
    for (let round = 0; round < 4; round += 1) {
      const engine = await dibs();
      assert.equal((await engine.createEvent(drop)).created, round === 0);
      assert.deepEqual(await win(engine, 1, round * 5 + 5), numbers(1, round * 5 + 5));
      await issued(engine, round * 5 + 5);
      const { items } = await engine.listCoupons('drop');
      assert.deepEqual(
        items.slice(0, codes.length).map((coupon) => coupon.code),
        codes,
      );
      codes.splice(0, Infinity, ...items.map((coupon) => coupon.code));
      assert.equal((await engine.audit('drop')).ok, true);
      await engine.close();
    }
    assert.equal(new Set(codes).size, 20);
  });

  it('with claims alone issues nothing, and with both again issues all', async (t) => {
    const { clock, dibs, issued } = dataOf(t);
    const deciding = await dibs({ roles: ['claims'] });
    await deciding.createEvent(drop);
    await win(deciding, 1, 20);
    clock.step(60_000);
    await until('it was looked at', async () => (await deciding.audit('drop')).won === 20);
    assert.equal((await deciding.audit('drop')).issued, 0);
    await deciding.close();
    const both = await dibs();
    await issued(both, 20);
    assert.equal((await both.audit('drop')).ok, true);
  });

  it('keeps to the rate that is configured', async (t) => {
    const { clock, dibs, issued } = dataOf(t);
    const engine = await dibs({ issueRate: '60/m' });
    await engine.createEvent(drop);
    const start = clock.now();
    await win(engine, 1, 5);
    await issued(engine, 5);
    assert.ok(clock.now() - start >= 4000, 'the first was free, the other four took a second each');
  });

  it('tells alarms and measurements to whoever asked for them', async (t) => {
    const sizes: number[] = [];
    const { dibs, issued, alarms } = dataOf(t);
    const engine = await dibs({
      observer: { admitted: (size) => void sizes.push(size), issued: (coupons) => void sizes.push(-coupons) },
    });
    await engine.createEvent(drop);
    await win(engine, 1, 3);
    await issued(engine, 3);
    assert.equal(
      sizes.reduce((sum, size) => sum + size, 0),
      0,
    );
    assert.deepEqual(alarms, []);
  });
});

describe('closing', () => {
  it('answers all that was taken and refuses what comes; nothing of it is lost', async (t) => {
    const { dibs, issued } = dataOf(t);
    const first = await dibs();
    await first.createEvent(drop);
    const taken = win(first, 1, 700);
    const closing = first.close();
    await troubleOf('unavailable', () => first.claim({ eventId: 'drop', userId: 'late' }));
    assert.deepEqual(await taken, numbers(1, 700));
    await closing;
    const second = await dibs();
    assert.deepEqual(await win(second, 1, 701), numbers(1, 701));
    await issued(second, 701);
    assert.equal((await second.audit('drop')).ok, true);
  });

  it('twice, or at once, is closing once', async (t) => {
    const { dibs } = dataOf(t);
    const engine = await dibs();
    await engine.createEvent(drop);
    const taken = win(engine, 1, 3);
    await Promise.all([engine.close(), engine.close()]);
    assert.deepEqual(await taken, [1, 2, 3]);
    await engine.close();
    await troubleOf('unavailable', () => engine.getEvent('drop'));
    await (await dibs()).close();
  });
});

describe('whoever asks in a loop until a coupon is there', () => {
  it('does not keep it from being issued', async (t) => {
    const data = mkdtempSync(join(tmpdir(), 'dibs-loop-'));
    t.after(() => rmSync(data, { recursive: true }));
    const dibs = await openDibs({ data });
    t.after(() => dibs.close());
    await dibs.createEvent({ id: 'drop', name: 'Drop', capacity: 1 });
    const decision = await dibs.claim({ eventId: 'drop', userId: 'alice' });
    assert.ok(decision.outcome === 'won');
    const { id } = decision.claim;
    let asked = 0;
    const loop = async (isThere: () => Promise<boolean>): Promise<void> => {
      while (!(await isThere())) assert.ok((asked += 1) < 1_000_000, 'the issuer never had its turn');
    };
    await loop(async () => (await dibs.listCoupons('drop')).items.length === 1);
    await loop(async () => (await dibs.getClaim('drop', id)).status === 'issued');
    await loop(async () => (await dibs.figures()).issued === 1);
  });
});
