/** The metrics: what is served is what is documented, and it is true. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import type { EventFigures, Figures } from '../../src/engine/views.ts';
import { createMetrics } from '../../src/http/metrics.ts';
import { openRig } from './rig.ts';

/** Series by name and labels, and the type of each metric. */
function readMetrics(text: string): { series: Map<string, number>; types: Map<string, string> } {
  const series = new Map<string, number>();
  const types = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, name = '', type = ''] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? [];
    if (name !== '') types.set(name, type);
    const [, key = '', value = ''] = /^([a-z_]+(?:\{.*\})?) (\S+)$/.exec(line) ?? [];
    if (key !== '') series.set(key, Number(value));
  }
  return { series, types };
}

const eventOf = (eventId: string, more: Partial<EventFigures> = {}): EventFigures => ({
  eventId,
  state: 'open',
  capacity: 10,
  won: 5,
  unissued: 2,
  oldestUnissuedSeconds: 1.5,
  claims: { won: 5, sold_out: 7 },
  ...more,
});
const figuresOf = (events: readonly EventFigures[]): Figures => ({
  at: new Date(),
  events,
  recovering: 6,
  queueDepth: 3,
  issued: 4,
  failedIssuances: { waiting: 1, reissued: 2, discarded: 3 },
  logLags: [{ partition: 'a', records: 2 }],
  stores: [
    { store: 'gate:sqlite', up: true, message: null },
    { store: 'ledger:sqlite', up: false, message: 'gone' },
  ],
});

describe('metrics', () => {
  test('are served even where the engine has no figures', async () => {
    const rig = await openRig({ override: { figures: () => Promise.reject(new Error('no figures')) } });
    try {
      await rig.create({ id: 'launch', name: 'Launch', capacity: 1 });
      await rig.call('POST', '/v1/events/launch/claims', { as: 'service', body: { userId: 'u1' } });
      const { status, text } = await rig.call('GET', '/metrics');
      const { series } = readMetrics(text);
      assert.deepEqual([status, series.get('dibs_claim_duration_seconds_count')], [200, 1]);
      assert.equal(series.get('dibs_queue_depth'), undefined);
      assert.equal(rig.logged.length, 1);
    } finally {
      await rig.close();
    }
  });

  test('no longer say what is no longer so', async () => {
    const metrics = createMetrics();
    await metrics.render(figuresOf([eventOf('gone')]));
    const { series } = readMetrics(await metrics.render(figuresOf([eventOf('new')])));
    assert.equal(series.get('dibs_wins{event="new"}'), 5);
    assert.deepEqual(
      [...series.keys()].filter((key) => key.includes('gone')),
      [],
    );
    assert.equal(series.get('dibs_issued_total'), 4);
  });

  test('name no more than 200 events, those that are over last', async () => {
    const over = Array.from({ length: 150 }, (_, i) => eventOf(`over-${i}`, { state: 'closed', unissued: 0 }));
    const owing = eventOf('owing', { state: 'closed' });
    const living = Array.from({ length: 100 }, (_, i) => eventOf(`living-${i}`));
    const { series } = readMetrics(await createMetrics().render(figuresOf([...over, owing, ...living])));
    const named = [...series.keys()].filter((key) => key.startsWith('dibs_wins{'));
    assert.equal(named.length, 200);
    assert.equal(named.filter((key) => key.includes('living')).length, 100);
    assert.ok(named.includes('dibs_wins{event="owing"}'));
  });

  test('are all documented, with their types and labels, and nothing else is', async () => {
    const page = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
    const documented = new Map<string, { type: string; labels: string[] }>();
    for (const line of page.split('\n')) {
      const [, name = '', type = '', labels = ''] = /^\| `(dibs_\w+)` \| (\w+) \| ([^|]*)\|/.exec(line) ?? [];
      if (name === '') continue;
      documented.set(name, {
        type,
        labels: [...labels.matchAll(/`(\w+)`/g)].map((match) => match[1] ?? '').toSorted(),
      });
    }
    const metrics = createMetrics();
    metrics.observer.admitted?.(3);
    const { series, types } = readMetrics(await metrics.render(figuresOf([eventOf('launch')])));
    assert.deepEqual([...documented.keys()].toSorted(), [...types.keys()].toSorted());
    for (const [name, { type, labels }] of documented) {
      assert.equal(types.get(name), type, name);
      const key = [...series.keys()].find((each) => each === name || each.startsWith(`${name}{`));
      const served = [...(key ?? '').matchAll(/(\w+)="/g)].map((match) => match[1] ?? '').toSorted();
      assert.deepEqual(served, labels, name);
    }
    const mentioned = new Set(page.match(/dibs_[a-z_]+[a-z]/g));
    for (const name of mentioned) assert.ok(types.has(name.replace(/_(bucket|sum|count)$/, '')), name);
  });

  test('say what the figures say', async () => {
    const { series } = readMetrics(
      await createMetrics().render(figuresOf([eventOf('a'), eventOf('b', { oldestUnissuedSeconds: 9 })])),
    );
    const expected = {
      'dibs_claims_total{event="a",outcome="sold_out"}': 7,
      'dibs_wins{event="a"}': 5,
      'dibs_capacity{event="a"}': 10,
      'dibs_unissued{event="a"}': 2,
      'dibs_log_lag_records{partition="a"}': 2,
      dibs_oldest_unissued_seconds: 9,
      dibs_events_recovering: 6,
      dibs_queue_depth: 3,
      dibs_issued_total: 4,
      'dibs_failed_issuances{state="discarded"}': 3,
      'dibs_store_up{store="gate:sqlite"}': 1,
      'dibs_store_up{store="ledger:sqlite"}': 0,
    };
    for (const [key, value] of Object.entries(expected)) assert.equal(series.get(key), value, key);
  });

  test('of a real engine count what was asked of it', async () => {
    const rig = await openRig();
    try {
      await rig.create({ id: 'launch', name: 'Launch', capacity: 2 });
      for (const userId of ['a', 'b', 'b', 'c', 'd']) {
        await rig.call('POST', '/v1/events/launch/claims', { as: 'service', body: { userId } });
      }
      // Refused before the engine sees them, so no claims.
      await rig.call('POST', '/v1/events/launch/claims', { as: 'service', body: { userId: 'a b' } });
      while ((await rig.dibs.audit('launch')).unissued > 0);
      const { text, headers } = await rig.call('GET', '/metrics');
      assert.equal(headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
      const { series } = readMetrics(text);
      const outcome = (name: string) => series.get(`dibs_claims_total{event="launch",outcome="${name}"}`);
      assert.deepEqual([outcome('won'), outcome('replayed'), outcome('sold_out')], [2, 1, 2]);
      assert.equal(series.get('dibs_claim_duration_seconds_count'), 5);
      assert.equal(series.get('dibs_admit_batch_size_sum'), 5);
      assert.equal(series.get('dibs_issued_total'), 2);
      assert.equal(series.get('dibs_wins{event="launch"}'), 2);
      assert.equal(series.get('dibs_store_up{store="gate:sqlite"}'), 1);
      assert.ok((series.get('dibs_issue_batch_duration_seconds_count') ?? 0) >= 1);
    } finally {
      await rig.close();
    }
  });
});
