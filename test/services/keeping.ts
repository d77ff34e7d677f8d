/** Gives a real service something to keep, and looks whether it has it: answers, and survival of a kill, are seen so. */
import type { Admin } from '@platformatic/kafka';
import { output } from '../../services/command.ts';
import { runSql } from '../../services/databases.ts';
import { found } from '../../services/find.ts';
import type { Service } from '../../services/services.ts';
import { freshName } from './shared.ts';

/** Something given to a service, by its name; `isKept` asks the service anew each time. */
export interface Kept {
  isKept(): Promise<boolean>;
}

/** Gives a service something that it acknowledges. */
export async function keep({ name, url }: Pick<Service, 'name' | 'url'>): Promise<Kept> {
  const thing = freshName();
  switch (name) {
    case 'redis':
    case 'redis-cluster': {
      // -c: goes to the node that has the key.
      const [, port = ''] = /:(\d+)/.exec(url) ?? [];
      const ask = (...words: readonly string[]) => output(found('redis-cli'), ['-c', '-p', port, ...words]);
      await ask('set', thing, 'kept');
      return { isKept: async () => (await ask('get', thing)).trim() === 'kept' };
    }
    case 'mariadb':
    case 'postgres':
      await runSql(url, `CREATE TABLE ${thing} (n int)`, `INSERT INTO ${thing} VALUES (17)`);
      return { isKept: async () => (await runSql(url, `SELECT n FROM ${thing}`)).trim() === '17' };
    case 'kafka': {
      await withAdmin(url, (admin) => admin.createTopics({ topics: [thing], partitions: 2, replicas: 1 }));
      return { isKept: async () => (await withAdmin(url, (admin) => admin.listTopics())).includes(thing) };
    }
  }
}

async function withAdmin<T>(url: string, act: (admin: Admin) => Promise<T>): Promise<T> {
  // It takes half a second to load, and only Kafka's tests need it.
  const kafka = await import('@platformatic/kafka');
  const bootstrapBrokers = [new URL(url).host];
  const admin = new kafka.Admin({ clientId: 'test', bootstrapBrokers, retries: 5, retryDelay: 100, strict: true });
  try {
    return await act(admin);
  } finally {
    await admin.close();
  }
}
