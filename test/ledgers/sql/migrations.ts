/** How a database comes to its schema, whatever happens on the way; and that nothing else touches it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DibsError } from '../../../src/core/errors.ts';
import { batchOf, couponOf, issue, ledgerEvent } from '../../../src/testing/ledger/acting.ts';
import { troubleOf } from '../../../src/testing/refusal.ts';
import { freshDatabase, sharedService } from '../../services/shared.ts';
import { atEnd, migrated, opened } from './bench.ts';
import type { Subject } from './conformance.ts';
import { operate } from './operate.ts';
import { openProxy } from './proxy.ts';

const names = ['0001-ledger', '0002-many-workers'];
const ownSchema = { mysql: 'DATABASE()', postgres: 'CURRENT_SCHEMA' };

/** Every column of every table, and every index, as text. */
export async function schemaOf(subject: Subject, url: string): Promise<string[]> {
  const columns = await operate(
    url,
    `SELECT table_name AS t, column_name AS c, data_type AS d, is_nullable AS n, character_maximum_length AS l, column_default AS f
     FROM information_schema.columns WHERE table_schema = ${ownSchema[subject.kind]} ORDER BY table_name, ordinal_position`,
  );
  const indexes = await operate(
    url,
    {
      mysql: `SELECT table_name AS t, index_name AS i, non_unique AS u, seq_in_index AS s, column_name AS c
              FROM information_schema.statistics WHERE table_schema = DATABASE() ORDER BY 1, 2, 4`,
      postgres: 'SELECT tablename AS t, indexdef AS i FROM pg_indexes WHERE schemaname = CURRENT_SCHEMA ORDER BY 1, 2',
    }[subject.kind],
  );
  return [...columns, ...indexes].map((row) => Object.values(row).join(' '));
}

const tablesOf = async (subject: Subject, url: string): Promise<string[]> =>
  (
    await operate(
      url,
      `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = ${ownSchema[subject.kind]} ORDER BY 1`,
    )
  ).map((row) => String(row['name']));

export function registerMigrations(subject: Subject): void {
  describe('opening and asking', () => {
    it('makes nothing and changes nothing', async (t) => {
      const { url, drop } = await freshDatabase(subject.service);
      atEnd(t, drop);
      const ledger = await opened(t, subject, url);
      const acts = [
        () => ledger.check(),
        () => ledger.issue(batchOf({ coupons: [couponOf(1)] })),
        () => ledger.events(null, 10),
        () => ledger.putEvent(ledgerEvent(1)),
        () => ledger.stopped(),
      ];
      for (const act of acts) {
        const error = await troubleOf('store_not_migrated', act);
        assert.match(error.remedy, /dibs migrate/);
      }
      assert.deepEqual(await tablesOf(subject, url), []);
    });
  });

  describe('migrating', () => {
    it('makes the tables and columns of the contract', async (t) => {
      const { url } = await migrated(t, subject);
      const contract: Record<string, string> = {
        coupons: 'claim_id claim_key code event_id issued_at nth slot user_id won_at',
        events: 'created_at epoch event_id revision spec state updated_at',
        failed_issuances: 'attempts error event_id id next_attempt_at reason record slot state user_id',
        issue_rates: 'filled_at name tokens',
        log_positions: 'log_partition position updated_at',
        stopped_events: 'cause event_id stopped_at',
      };
      const columns = (await schemaOf(subject, url)).map((line) => line.split(' '));
      for (const [table, expected] of Object.entries(contract)) {
        const own = columns.filter(
          ([name, , ...rest]) => name === table && rest.length >= 3 && /YES|NO/.test(rest.join(' ')),
        );
        assert.deepEqual(own.map(([, column]) => String(column)).toSorted(), expected.split(' '), table);
      }
      assert.deepEqual(await tablesOf(subject, url), [...Object.keys(contract), 'dibs_migrations'].toSorted());
    });

    it('cut at any moment is finished by the next, and comes to the same', async (t) => {
      const { ledger, url } = await migrated(t, subject);
      const expected = await schemaOf(subject, url);
      const all = await tablesOf(subject, url);
      for (const fate of ['drop', 'answerless'] as const) {
        for (let number = 1, reached = true; reached; number += 1) {
          await operate(url, `DROP TABLE IF EXISTS ${all.join(', ')}`);
          const proxy = await openProxy(url);
          let sent = 0;
          proxy.rule = () => {
            sent += 1;
            return sent === number ? fate : 'pass';
          };
          const cut = await subject.open({ url: proxy.url });
          const run = await cut.migrate().catch((error: unknown) => {
            assert.ok(error instanceof DibsError && error.retryable, String(error));
            return null;
          });
          await cut.close();
          await proxy.close();
          reached = sent >= number;
          const again = await ledger.migrate();
          if (run !== null) assert.deepEqual([...run, ...again], names);
          await ledger.check();
          assert.deepEqual(await schemaOf(subject, url), expected, `${fate} at ${number}`);
          await issue(ledger, { coupons: [couponOf(1)] });
        }
      }
    });

    it('refuses a schema of a later version, and so does every start', async (t) => {
      const { ledger, url } = await migrated(t, subject);
      const columns = { mysql: '(number, name, statements, applied_at)', postgres: '(number, name, applied_at)' };
      const values = { mysql: "(3, '0003-later', 1, 0)", postgres: "(3, '0003-later', 0)" };
      await operate(url, `INSERT INTO dibs_migrations ${columns[subject.kind]} VALUES ${values[subject.kind]}`);
      for (const act of [() => ledger.check(), () => ledger.migrate()]) {
        assert.match((await troubleOf('store_not_migrated', act)).message, /0003-later/);
      }
    });

    it('of an older version runs what is missing, and keeps what is there', async (t) => {
      const { ledger, url } = await migrated(t, subject);
      await issue(ledger, { coupons: [couponOf(1)] });
      for (const table of ['issue_rates', 'stopped_events']) await operate(url, `DROP TABLE ${table}`);
      await operate(url, 'DELETE FROM dibs_migrations WHERE number = 2');
      assert.match((await troubleOf('store_not_migrated', () => ledger.check())).message, /0002-many-workers/);
      assert.deepEqual(await ledger.migrate(), ['0002-many-workers']);
      assert.deepEqual([(await ledger.totals('drop')).issued, await ledger.stopped()], [1, []]);
    });

    it('never takes somebody else’s table for one of its own', async (t) => {
      const { url, drop } = await freshDatabase(subject.service);
      atEnd(t, drop);
      await operate(url, 'CREATE TABLE failed_issuances (theirs INT)');
      const ledger = await opened(t, subject, url);
      for (let time = 0; time < 3; time += 1) {
        const error = await troubleOf('store_unfit', () => ledger.migrate());
        assert.match(error.message, /failed_issuances/);
        await troubleOf('store_not_migrated', () => ledger.check());
      }
      await operate(url, 'DROP TABLE failed_issuances');
      assert.deepEqual(await ledger.migrate(), names);
      await ledger.check();
    });

    it('by a user who may make no tables says so', async (t) => {
      const { url, drop } = await freshDatabase(subject.service);
      atEnd(t, drop);
      const { username, pathname } = new URL(url);
      const admin = new URL(await sharedService(subject.service));
      admin.pathname = pathname;
      const revoke = {
        mysql: [`REVOKE CREATE ON ${pathname.slice(1)}.* FROM ${username}@'%'`],
        postgres: [`ALTER SCHEMA public OWNER TO postgres`, `ALTER DATABASE ${pathname.slice(1)} OWNER TO postgres`],
      };
      for (const one of revoke[subject.kind]) await operate(admin.href, one);
      const ledger = await opened(t, subject, url);
      assert.match((await troubleOf('store_unfit', () => ledger.migrate())).message, /denied/);
    });
  });
}
