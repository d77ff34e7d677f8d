/** The audit: silent while all is well, however busy; and each contradiction that is planted is found and named. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import type { Finding } from '../../src/core/invariants.ts';
import type { AuditReport } from '../../src/engine/views.ts';
import { wrapGate } from '../../src/testing/canaries/wrap.ts';
import { troubleOf } from '../../src/testing/refusal.ts';
import { openRig, type Rig, turn, unavailable, withIssue } from './fixture.ts';

/** An event with `won` wins that are all in the ledger, served by an engine that issues no more. */
async function issued(t: TestContext, won: number, refused: readonly number[] = []): Promise<Rig> {
  const rig = await openRig(t, { roles: ['claims'] });
  await rig.drop({ capacity: 1000 }, won);
  rig.plant(refused.length === 0 ? [0] : refused);
  await rig.reopen();
  await rig.caughtUp();
  rig.unplant();
  await rig.reopen({ roles: ['claims'] });
  return rig;
}

async function finds(rig: Rig, rule: Finding['rule'], message: RegExp): Promise<AuditReport> {
  const report = await rig.dibs.audit('drop');
  const found = report.findings.map((finding) => `${finding.rule} ${finding.message}`);
  assert.equal(report.ok, false, 'nothing was found');
  assert.ok(
    report.findings.some((finding) => finding.rule === rule && message.test(finding.message)),
    `${rule} ${message} in:\n${found.join('\n')}`,
  );
  return report;
}

/** What is planted by an operator with another tool while the engine is closed. */
async function tamper(rig: Rig, file: 'gate.db' | 'ledger.db', sql: string): Promise<void> {
  await rig.close();
  rig.operate(file, sql);
  await rig.open({ roles: ['claims'] });
}

describe('a contradiction in the ledger is found', () => {
  it('a coupon of another user', async (t) => {
    const rig = await issued(t, 10);
    rig.operate('ledger.db', "UPDATE coupons SET user_id = 'mallory' WHERE slot = 4");
    const { findings } = await finds(rig, 'I14', /slot 4 is .* of u4 in the gate, .* of mallory in the ledger/);
    assert.equal(findings.length, 1);
  });

  it('a coupon of another win of the same user, and one that says another number', async (t) => {
    const rig = await issued(t, 10);
    rig.operate('ledger.db', "UPDATE coupons SET claim_id = '4-ffffffffffff' WHERE slot = 4");
    rig.operate('ledger.db', 'UPDATE coupons SET nth = 2 WHERE slot = 7');
    const { findings } = await finds(rig, 'I14', /slot 4 is .* in the gate, 4-ffffffffffff/);
    assert.match(findings[1]?.message ?? '', /slot 7/);
    assert.equal(findings.length, 2);
  });

  it('two coupons that have changed places', async (t) => {
    const rig = await issued(t, 10);
    for (const [from, to] of [
      [3, 99],
      [4, 3],
      [99, 4],
    ] as const)
      rig.operate('ledger.db', `UPDATE coupons SET slot = ${to} WHERE slot = ${from}`);
    const { findings } = await finds(rig, 'I14', /slot 3 /);
    assert.equal(findings.length, 2);
  });

  for (const [name, slots] of [
    ['first', [1]],
    ['one in the middle', [5]],
    ['some', [2, 3, 7]],
    ['last', [10]],
    ['all', [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]],
  ] as [string, number[]][]) {
    it(`coupons that are gone: ${name}`, async (t) => {
      const rig = await issued(t, 10);
      rig.operate('ledger.db', `DELETE FROM coupons WHERE slot IN (${slots.join()})`);
      const report = await rig.dibs.audit('drop');
      assert.equal(report.ok, false, 'nothing was found');
      assert.ok(report.findings.every(({ message }) => /\bslot \d+/.test(message)));
      assert.equal(report.won, report.issued + report.unissued + report.failed + report.discarded);
    });
  }

  it('a coupon beyond all that was won', async (t) => {
    const rig = await issued(t, 10);
    await rig.reopen({ roles: ['claims'] });
    rig.operate(
      'ledger.db',
      `INSERT INTO coupons VALUES ('drop', 12, 'mallory', 1, '12-ffffffffffff', NULL, 'C', 1, 1)`,
    );
    const report = await finds(rig, 'I6', /slot 12, the gate has 10 wins/);
    assert.ok(report.findings.some((finding) => finding.rule === 'I8'));
  });

  it('a coupon of a win that failed and waits', async (t) => {
    const rig = await issued(t, 10, [4]);
    const [win] = await rig.gate.wins('drop', 3, 1);
    rig.operate(
      'ledger.db',
      `INSERT INTO coupons VALUES ('drop', 4, 'u4', 1, '${win?.claimId ?? ''}', 'k4', 'C', 1, 1)`,
    );
    await finds(rig, 'I12', /slot 4 has its coupon, and is waiting as failed issuance \d+ as well/);
  });

  it('a failed issuance that cannot be read, or is of another win', async (t) => {
    const rig = await issued(t, 10, [4, 6]);
    rig.operate('ledger.db', `UPDATE failed_issuances SET record = 'cut {"v' WHERE slot = 4`);
    rig.operate('ledger.db', `UPDATE failed_issuances SET record = replace(record, 'u6', 'mallory') WHERE slot = 6`);
    const { findings } = await finds(rig, 'I14', /the failed issuance of slot 4 cannot be read/);
    const other =
      /^slot 6 is .* of u6 .*in the gate, .* of mallory .*in failed issuance \d+, which waits to be discarded$/;
    assert.match(findings[0]?.message ?? '', other);
    assert.match(findings[2]?.message ?? '', /slot 6 is .* of u6 in the gate, .* of mallory in the ledger/);
    assert.equal(findings.length, 3);
  });

  it('a failed issuance that is gone', async (t) => {
    const rig = await issued(t, 10, [4]);
    rig.operate('ledger.db', 'DELETE FROM failed_issuances');
    await finds(rig, 'I14', /slot 4 is not in the ledger/);
  });

  it('any coupon that is changed or gone', async (t) => {
    const rig = await issued(t, 40, [11, 12, 39]);
    const damage = fc.constantFrom(
      (slot: number) => `DELETE FROM coupons WHERE slot = ${slot}`,
      (slot: number) => `DELETE FROM failed_issuances WHERE slot = ${slot}`,
      (slot: number) => `UPDATE coupons SET user_id = 'mallory' WHERE slot = ${slot}`,
      (slot: number) => `UPDATE coupons SET slot = 900 WHERE slot = ${slot}`,
      (slot: number) => `UPDATE coupons SET claim_id = '${slot}-ffffffffffff' WHERE slot = ${slot}`,
    );
    await rig.close();
    await rig.backUp('ledger.db');
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 40 }), damage, async (slot, damage) => {
        await rig.close();
        await rig.putBack('ledger.db');
        await rig.open({ roles: ['claims'] });
        const sql = damage(slot);
        const isFailure = [11, 12, 39].includes(slot);
        rig.operate('ledger.db', sql);
        const { ok } = await rig.dibs.audit('drop');
        assert.equal(ok, isFailure !== sql.includes('failed_issuances'), sql);
      }),
      { numRuns: 25 },
    );
  });

  it('a million of them do not fill the memory: beyond a hundred they are counted', async (t) => {
    const rig = await issued(t, 300);
    rig.operate('ledger.db', "UPDATE coupons SET user_id = 'mallory-' || slot");
    const { findings } = await finds(rig, 'I14', /slot 1 /);
    assert.equal(findings.length, 101);
    assert.equal(findings.at(-1)?.message, 'and 200 more');
  });
});

describe('a contradiction in the gate is found', () => {
  it('a win that is gone', async (t) => {
    const rig = await issued(t, 10);
    await tamper(rig, 'gate.db', 'DELETE FROM wins WHERE slot = 5');
    await finds(rig, 'I8', /slot 6 follows slot 4/);
  });

  it('the last win, with its number kept', async (t) => {
    const rig = await issued(t, 10);
    await tamper(rig, 'gate.db', 'DELETE FROM wins WHERE slot = 10');
    await finds(rig, 'I7', /has 10 wins, its outbox 9/);
  });

  it('an act that is gone', async (t) => {
    const rig = await issued(t, 10);
    await rig.dibs.pauseEvent('drop');
    await rig.dibs.resumeEvent('drop');
    await tamper(rig, 'gate.db', 'DELETE FROM acts WHERE slot = 10 AND n = 1');
    await finds(rig, 'I8', /revision 3 follows revision 1/);
    await tamper(rig, 'gate.db', 'DELETE FROM acts WHERE slot = 10');
    await finds(rig, 'I7', /at revision 3, its outbox at 1/);
  });

  it('a user who has more wins than a user may', async (t) => {
    const rig = await issued(t, 10);
    await tamper(rig, 'gate.db', "UPDATE wins SET user_id = 'u1', nth = 2 WHERE slot = 5");
    await finds(rig, 'I8', /win 2 of user u1, who may have 1/);
  });

  it('wins beyond the capacity', async (t) => {
    const rig = await issued(t, 10);
    await tamper(rig, 'gate.db', `UPDATE acts SET record = replace(record, '"capacity":1000', '"capacity":8')`);
    await finds(rig, 'I8', /slot 9 of a capacity of 8/);
  });
});

describe('an audit', () => {
  it('of what is not there, or waits, is trouble', async (t) => {
    const rig = await issued(t, 3);
    await troubleOf('event_not_found', () => rig.dibs.audit('none'));
    await rig.close();
    await rig.lose('gate.db');
    await rig.open();
    await troubleOf('recovering', () => rig.dibs.audit('drop'));
  });

  it('whose store is away is trouble, not a finding', async (t) => {
    let isDown = false;
    const rig = await openRig(t, {
      gate: (gate) => wrapGate(gate, { outbox: (...rest) => (isDown ? unavailable() : gate.outbox(...rest)) }),
    });
    await rig.drop({}, 3);
    await rig.caughtUp();
    isDown = true;
    await troubleOf('unavailable', () => rig.dibs.audit('drop'));
  });

  it('adds up at each stage of issuing', async (t) => {
    const rig = await openRig(t, { roles: ['claims'] });
    await rig.drop({ capacity: 900 });
    assert.deepEqual(await rig.dibs.audit('drop'), {
      ok: true,
      capacity: 900,
      won: 0,
      logged: 0,
      issued: 0,
      unissued: 0,
      failed: 0,
      discarded: 0,
      findings: [],
    });
    await rig.win('drop', 1, 700);
    rig.plant([3, 4, 600]);
    let isAway = true;
    await rig.reopen({
      ledger: withIssue((batch, ledger) =>
        isAway && batch.coupons.some(({ slot }) => slot > 500) ? unavailable() : ledger.issue(batch),
      ),
    });
    const seen = async () => {
      const { ok, findings: _, capacity: __, ...counts } = await rig.dibs.audit('drop');
      assert.equal(ok, true);
      return counts;
    };
    await rig.until('the second piece fails', () => rig.alarms.length > 1);
    assert.deepEqual(await seen(), { won: 700, logged: 700, issued: 498, unissued: 200, failed: 2, discarded: 0 });
    isAway = false;
    await rig.caughtUp();
    const all = { won: 700, logged: 700, issued: 697, unissued: 0, failed: 3, discarded: 0 };
    assert.deepEqual(await seen(), all);
    const [first] = (await rig.dibs.listFailedIssuances()).items;
    await rig.dibs.discard(first?.id ?? 0, 'a test account');
    assert.deepEqual(await seen(), { ...all, failed: 2, discarded: 1 });
    rig.unplant();
    rig.clock.step(10_000);
    await rig.until('the others are reissued', async () => (await rig.dibs.audit('drop')).failed === 0);
    assert.deepEqual(await seen(), { ...all, issued: 699, failed: 0, discarded: 1 });
  });

  it('finds nothing while claims, acts, issuing, failures and discards go on', async (t) => {
    const rig = await openRig(t);
    await rig.drop({ capacity: 100_000, limitPerUser: 2 });
    rig.plant(Array.from({ length: 400 }, (_, at) => at * 7 + 3));
    const crowd = { isOver: false, audits: 0 };
    let rounds = 0;
    const claiming = (async () => {
      // Until there were audits enough: how many rounds one takes is the machine's affair.
      for (; !crowd.isOver && (rounds < 40 || crowd.audits < 20); rounds += 1) {
        const round = rounds;
        const claims = [];
        for (let user = 0; user < 60; user += 1)
          claims.push(rig.dibs.claim({ eventId: 'drop', userId: `r${round}-${user % 45}`, key: `k${user}` }));
        await Promise.all(claims);
        if (round % 5 === 0) await rig.dibs.changeEvent('drop', { capacity: 100_000 + round });
        if (round % 7 === 0) {
          const [failure] = (await rig.dibs.listFailedIssuances({ state: 'waiting', limit: 1 })).items;
          if (failure !== undefined) await rig.dibs.discard(failure.id, 'a test account');
        }
        if (round === 20) rig.unplant();
        rig.clock.step(100);
      }
    })().finally(() => (crowd.isOver = true));
    try {
      for (; !crowd.isOver; crowd.audits += 1) {
        const report = await rig.dibs.audit('drop');
        assert.deepEqual(report.findings, []);
        assert.equal(report.won, report.issued + report.unissued + report.failed + report.discarded);
        await turn();
      }
    } finally {
      crowd.isOver = true;
    }
    await claiming;
    rig.clock.step(3_600_000);
    const end = await rig.soundAudit();
    assert.equal(end.won, rounds * 60);
    assert.ok(end.discarded > 0);
  });
});
