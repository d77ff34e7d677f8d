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

const undone = new WeakMap<TestContext, (() => Promise<unknown>)[]>();

/** Undoes something once the test is over: the last first, so that nobody holds locks in a database that is dropped. */
export function atEnd(t: TestContext, undo: () => Promise<unknown>): void {
  const known = undone.get(t);
  if (known !== undefined) return void known.push(undo);
  const undos = [undo];
  undone.set(t, undos);
  t.after(async () => {
    for (const one of undos.toReversed()) await one();
  });
}

/** The ledger and the URL of its database; both are gone after the test. */
export async function migrated(t: TestContext, subject: Subject, options: OpenOptions = {}) {
  const { url, drop } = await freshDatabase(subject.service);
  atEnd(t, drop);
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
  atEnd(t, () => ledger.close());
  return ledger;
}

/** A ledger that reaches its database through a proxy, and another that does not. */
export async function proxied(t: TestContext, subject: Subject, options: OpenOptions = {}) {
  const { ledger: direct, url } = await migrated(t, subject);
  const proxy: Proxy = await openProxy(url);
  atEnd(t, () => proxy.close());
  return { proxy, ledger: await opened(t, subject, proxy.url, options), direct, url };
}
