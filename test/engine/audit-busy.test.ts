/** An audit beside claims, acts, relays, issuing, trimming and discarding: it finds nothing where nothing is wrong. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { wrapGate, wrapLog } from '../../src/testing/canaries/wrap.ts';
import { Fleet, one, slotsFrom, two } from './fleet.ts';
import { turns } from './fixture.ts';

describe('an audit while everything goes on', () => {
  it('finds nothing', async () => {
    const waits = fc.array(fc.nat({ max: 12 }), { minLength: 5, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(waits, fc.boolean(), async (waits, isBusy) => {
        const fleet = new Fleet();
        let calls = 0;
        /** Between any two calls of the audit the others do as much as they can, and time goes on. */
        const slow = <Port extends object>(port: Port): Port =>
          new Proxy(port, {
            get(target, name) {
              const member: unknown = Reflect.get(target, name);
              if (typeof member !== 'function' || ['partitionOf', 'holds', 'distance', 'slotAt'].includes(String(name)))
                return member;
              return async (...args: readonly unknown[]) => {
                const wait = waits[(calls += 1) % waits.length] ?? 0;
                fleet.clock.step(wait * 10);
                await turns(wait * 3);
                return Reflect.apply(member, target, args) as unknown;
              };
            },
          });
        const workers = [
          await fleet.open('w1', { roles: ['issuing'] }),
          await fleet.open('w2', { roles: ['issuing'] }),
        ];
        const claims = await fleet.open('claims', { roles: ['claims'] });
        // In small pages, so that there is something between two of them.
        const auditor = await fleet.open('auditor', {
          roles: ['claims'],
          gate: (gate) =>
            slow(
              wrapGate(gate, {
                outbox: (eventId, after) => gate.outbox(eventId, after, 20),
                scan: (eventId, cursor) => gate.scan(eventId, cursor, 25),
              }),
            ),
          log: (log) => slow(wrapLog(log, { read: (partition, position) => log.read(partition, position, 20) })),
          ledger: slow,
        });
        await fleet.drop(claims, one, 0, { capacity: 100_000, limitPerUser: 3 });
        await fleet.drop(claims, two, 3);
        for (let slot = 9; slot < 400; slot += 17) fleet.data.refused.add(`${one} ${slot}`);
        await fleet.pass(1_500);
        const crowd = { isOver: false };
        const claiming = (async () => {
          for (let round = 0; !crowd.isOver; round += 1) {
            // The models go through all that they have at each step.
            const users = fleet.entry().event.won < 300 ? slotsFrom(1, isBusy ? 12 : 3) : [];
            await Promise.all(
              users.map((user) =>
                claims.dibs.claim({ eventId: one, userId: `r${round}-${user % 9}`, key: `k${user}` }),
              ),
            );
            if (round % 3 === 0) await claims.dibs.changeEvent(one, { capacity: 100_000 + round });
            const [failure] = (await claims.dibs.listFailedIssuances({ state: 'waiting', limit: 1 })).items;
            if (failure !== undefined && round % 4 === 0) await claims.dibs.discard(failure.id, 'a test account');
            if (round === 20) fleet.data.refused.clear();
            await turns(5);
          }
        })();
        try {
          for (let audits = 0; audits < 3; audits += 1) {
            const report = await auditor.dibs.audit(one);
            assert.deepEqual(report.findings, []);
            assert.equal(report.won, report.issued + report.unissued + report.failed + report.discarded);
          }
        } finally {
          crowd.isOver = true;
          await claiming;
        }
        assert.deepEqual(
          workers.flatMap(({ alarms }) => alarms.filter((alarm) => alarm.includes('stopped'))),
          [],
        );
        await fleet.close();
      }),
      { numRuns: 8 },
    );
  });
});
