import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { test } from 'node:test';
import { LockWatch } from '../../src/lab/lock-watch.ts';
import type { SqlConnection } from '../../src/lab/stores/database.ts';
import { postgresDatabase } from '../../src/lab/stores/postgres.ts';
import { describeService, freshDatabase } from '../services/shared.ts';

/** Resolves once so many waits were seen. */
async function seen(watch: LockWatch, waits: number): Promise<void> {
  for (let tries = 0; tries < 2_000; tries += 1) {
    if ((await watch.count()) >= waits) return;
    await pause(5);
  }
  assert.fail(`saw ${await watch.count()} of ${waits} waits`);
}

describeService('postgres', 'the watch on locks in PostgreSQL', () => {
  test('tells the waits of one connection apart, however close they are', async (t) => {
    const { url, drop } = await freshDatabase('postgres');
    const opened: SqlConnection[] = [];
    t.after(async () => {
      await Promise.all(opened.map((one) => one.close()));
      await drop();
    });
    const connect = async (): Promise<SqlConnection> => {
      const connection = await postgresDatabase(url).connect();
      opened.push(connection);
      return connection;
    };
    const [holder, waiter, admin] = [await connect(), await connect(), await connect()];
    const watch = new LockWatch('postgres', admin, new URL(url).pathname.slice(1));
    await watch.start();
    const waits = 5;
    for (let n = 1; n <= waits; n += 1) {
      await holder.query('SELECT pg_advisory_lock(1)');
      const waiting = waiter.query('SELECT pg_advisory_lock(1)');
      await seen(watch, n);
      await holder.query('SELECT pg_advisory_unlock(1)');
      await waiting;
      await waiter.query('SELECT pg_advisory_unlock(1)');
    }
    await watch.stop();
    assert.equal(await watch.count(), waits);
  });

  test('ends by itself, and quietly, where its connection does', async () => {
    const { url, drop } = await freshDatabase('postgres');
    const admin = await postgresDatabase(url).connect();
    const watch = new LockWatch('postgres', admin, new URL(url).pathname.slice(1));
    await watch.start();
    await admin.close();
    await pause(50);
    await watch.stop();
    await drop();
    assert.equal(await watch.count(), 0);
  });
});
