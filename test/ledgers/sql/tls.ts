/** Encrypted connections, and whom they trust. */
import assert from 'node:assert/strict';
import { chownSync } from 'node:fs';
import { after, before, describe, it, type TestContext } from 'node:test';
import { userFor } from '../../../services/find.ts';
import { type Service, startService } from '../../../services/services.ts';
import { couponOf, issue } from '../../../src/testing/ledger/acting.ts';
import { troubleOf } from '../../../src/testing/refusal.ts';
import { sharedService } from '../../services/shared.ts';
import { opened } from './bench.ts';
import { type Certificates, makeCertificates } from './certificates.ts';
import type { Subject } from './conformance.ts';
import { operate } from './operate.ts';

/** What starts a server that shows a certificate. */
const config = {
  mysql: ({ ca, cert, key }: Certificates) => ({ 'ssl-ca': ca, 'ssl-cert': cert, 'ssl-key': key }),
  postgres: ({ cert, key }: Certificates) => ({ ssl: 'on', ssl_cert_file: cert, ssl_key_file: key }),
};
/** How many connections of the user `dibs` to PostgreSQL are encrypted. MariaDB tells each of its own alone. */
const encrypted =
  "SELECT count(*)::int AS n FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE ssl AND usename = 'dibs'";

export function registerTls(subject: Subject): void {
  describe('an encrypted connection', () => {
    let service: Service;
    let own: Certificates;
    let others: Certificates;
    before(async () => {
      own = await makeCertificates();
      others = await makeCertificates();
      const user = userFor(subject.service);
      // PostgreSQL reads no key that others may read.
      if (subject.kind === 'postgres' && user !== null && user !== 'self') chownSync(own.key, user.uid, user.gid);
      service = await startService(subject.service, { config: config[subject.kind](own) });
    });
    after(async () => {
      await service.stop();
      await own.remove();
      await others.remove();
    });

    const at = (host: string, query: string): string => {
      const url = new URL(service.engineUrl);
      url.hostname = host;
      return `${url.href}?${query}`;
    };
    const uses = async (t: TestContext, url: string): Promise<void> => {
      const ledger = await opened(t, subject, url);
      await ledger.migrate();
      await ledger.check();
      await ledger.close();
    };
    const isRefused = async (t: TestContext, url: string): Promise<void> => {
      const ledger = await opened(t, subject, url);
      const { message } = await troubleOf('unavailable', () => ledger.check());
      assert.match(message, /certificate|altnames|self.signed/i);
    };

    it('is made where it is asked for, and nowhere else', async (t) => {
      if (subject.kind === 'mysql') {
        await operate(service.url, "ALTER USER dibs@'%' REQUIRE SSL");
        await uses(t, at('127.0.0.1', 'ssl-mode=REQUIRED'));
        const plain = await opened(t, subject, at('127.0.0.1', 'ssl-mode=DISABLED'));
        await troubleOf('unavailable', () => plain.check());
        await operate(service.url, "ALTER USER dibs@'%' REQUIRE NONE");
        return;
      }
      for (const [query, count] of [
        ['sslmode=require', 1],
        ['sslmode=disable', 0],
      ] as const) {
        const ledger = await opened(t, subject, at('127.0.0.1', query));
        await ledger.migrate();
        await issue(ledger, { partition: query, coupons: [couponOf(1)] });
        assert.equal((await operate(service.url, encrypted))[0]?.['n'], count, query);
        await ledger.close();
      }
    });

    it('trusts whom it is told to trust', async (t) => {
      for (const host of ['localhost', '127.0.0.1']) {
        await uses(t, at(host, `sslmode=verify-ca&sslrootcert=${own.ca}`));
        await uses(t, at(host, `sslmode=require&sslrootcert=${own.ca}`));
        await isRefused(t, at(host, `sslmode=verify-ca&sslrootcert=${others.ca}`));
        await isRefused(t, at(host, `sslmode=require&sslrootcert=${others.ca}`));
        await isRefused(t, at(host, 'sslmode=verify-ca'));
      }
    });

    it('looks at the name where it is told to', async (t) => {
      await uses(t, at('localhost', `sslmode=verify-full&sslrootcert=${own.ca}`));
      await isRefused(t, at('localhost', `sslmode=verify-full&sslrootcert=${others.ca}`));
      await isRefused(t, at('localhost', 'sslmode=verify-full'));
      const byAddress = at('127.0.0.1', `sslmode=verify-full&sslrootcert=${own.ca}`);
      if (subject.kind === 'postgres') await isRefused(t, byAddress);
      else await troubleOf('invalid_configuration', () => subject.open({ url: byAddress }));
    });

    it('is never given up for one in the clear', async (t) => {
      const plain = new URL(await sharedService(subject.service));
      plain.search = 'sslmode=require';
      const ledger = await opened(t, subject, plain.href);
      const { message } = await troubleOf('unavailable', () => ledger.check());
      assert.match(message, /secure|SSL/);
    });
  });
}
