/** A fleet whose processes run out of memory under load, and one whose Redis waits long for its disk. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { HistoryEntry } from '../../../src/load/history.ts';
import { describeService } from '../../services/shared.ts';
import { complete, users } from '../cases/issuances.ts';
import type { MemberOptions } from '../fleet.ts';
import { frontOf, type TestServer } from '../server.ts';
import { fleetSite } from '../site.ts';
import { outcomesOf } from '../tallies.ts';

const exhausting: MemberOptions = {
  preloads: [new URL('../traps/out-of-memory.ts', import.meta.url)],
  env: { NODE_OPTIONS: '--max-old-space-size=80' },
  // What dies so would leave its memory in a file.
  wrapper: ['/bin/sh', '-c', 'ulimit -c 0; exec "$0" "$@"'],
};

/** Waits until it has died of it. */
async function exhausted({ ended }: TestServer): Promise<void> {
  const { code, signal, output } = await ended;
  assert.ok(signal === 'SIGABRT' || code === 134, `it ended with ${String(signal ?? code)}: ${output}`);
  assert.match(output, /heap out of memory/);
}

describeService(['redis', 'postgres'], 'out of memory under load', () => {
  test('an api and a worker: every told win stands, others take over, every place is won and issued once', async (t) => {
    const { fleet, front, apis } = await fleetSite(t, { database: 'postgres', log: 'embedded', apis: 1, workers: 1 });
    const [api, worker] = await Promise.all([fleet.api(exhausting), fleet.worker(exhausting)]);
    const spec = await front.create({ id: 'drop', capacity: 2_000 });
    const plan = users(2_400, spec.id);
    const told: HistoryEntry[] = [];
    const both = frontOf(() => [...apis, api]);
    const runs = ({ child }: TestServer): boolean => child.exitCode === null && child.signalCode === null;
    for (let at = 0; runs(api) || runs(worker); at = (at + 200) % plan.length) {
      const { history } = await both.claimAll(plan.slice(at, at + 200), 16, 0, (answered) => {
        if (answered === 100 && told.length === 0) for (const { child } of [api, worker]) child.send('exhaust');
      });
      told.push(...history);
    }
    await Promise.all([exhausted(api), exhausted(worker)]);
    const again = await front.claimAll(plan, 32);
    assert.equal(outcomesOf(again.history)['unknown'], undefined);
    await complete(front, spec, [...told, ...again.history]);
  });
});

const canTrace = spawnSync('strace', ['-f', 'true'], { stdio: 'ignore' }).status === 0;
/** A tenth of a second for each sync; what is done so is noted. */
const slowSync = ['strace', '-f', '--seccomp-bpf', '-qq', '-A', '-o', 'syncs', '-e', 'trace=fsync,fdatasync'];
const delayed = [...slowSync, '-e', 'inject=fsync,fdatasync:delay_enter=100000'];

describeService(['redis', 'mariadb'], 'a Redis whose disk is slow', () => {
  test('is waited for by every answer, and killed in a sync it has what was told', {
    skip: canTrace ? false : 'strace is not here, or may not trace',
  }, async (t) => {
    const site = await fleetSite(t, { database: 'mariadb', log: 'embedded', redis: { wrap: delayed } });
    const { front, redis } = site;
    const spec = await front.create({ id: 'drop', capacity: 600 });
    // One at a time, then many: a claim waits for one sync, and a hundred that are sent at once for few.
    const history: HistoryEntry[] = [...(await front.claimAll(users(5, spec.id), 1)).history];
    history.push(...(await front.claimAll(users(300, spec.id, 6), 64)).history);
    assert.deepEqual(outcomesOf(history), { won: 300 });
    const back: Promise<void>[] = [];
    const load = await front.claimAll(users(700, spec.id, 301), 64, 60_000, (answered) => {
      if (answered !== 100) return;
      // Between two syncs there is hardly a moment: most of the others are being synced now.
      redis.signal('SIGKILL');
      back.push(redis.restart());
    });
    await Promise.all(back);
    history.push(...load.history);
    assert.equal(outcomesOf(history)['unknown'], undefined);
    await complete(front, spec, history);
    const syncs = (await readFile(join(redis.folder, 'syncs'), 'utf8')).match(/\(DELAYED\)/g) ?? [];
    t.diagnostic(`${syncs.length} syncs of a tenth of a second`);
    assert.ok(syncs.length >= 5, 'one at least for each of those that were sent one at a time');
  });
});
