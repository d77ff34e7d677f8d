/** A migrated ledger in a fresh database, for one test. */
import type { TestContext } from 'node:test';
import type { Ledger } from '../../../src/core/ledger.ts';
import { freshDatabase } from '../../services/shared.ts';
import type { Subject } from './conformance.ts';
import { openProxy, type Proxy } from './proxy.ts';

/** What a ledger is opened with, besides where it is. */
export interface OpenOptions {
  readonly connectionsMax?: number;
  readonly timeoutMs?: number;
}

/** The ledger and the URL of its database; both are gone after the test. */
export async function migrated(t: TestContext, subject: Subject, options: OpenOptions = {}) {
  const { url, drop } = await freshDatabase(subject.service);
  t.after(drop);
  const ledger = await opened(t, subject, url, options);
  await ledger.migrate();
  return { ledger, url };
}

/** One more ledger in a database. */
export async function opened(
  t: TestContext,
  subject: Subject,
  url: string,
  options: OpenOptions = {},
): Promise<Ledger> {
  const ledger = await subject.open({ url, ...options });
  t.after(() => ledger.close());
  return ledger;
}

/** A ledger that reaches its database through a proxy, and another that does not. */
export async function proxied(t: TestContext, subject: Subject, options: OpenOptions = {}) {
  const { ledger: direct, url } = await migrated(t, subject);
  const proxy: Proxy = await openProxy(url);
  t.after(() => proxy.close());
  return { proxy, ledger: await opened(t, subject, proxy.url, options), direct, url };
}
