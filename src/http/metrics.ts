import { Counter, Gauge, Histogram, Registry } from '@prometheus-io/client';
import type { Observer } from '../engine/dibs.ts';
import type { EventFigures, Figures } from '../engine/views.ts';

/** The metrics of one process. What the engine counts anyway is read from its figures when somebody asks, and costs nothing before. */
export interface Metrics {
  /** For the engine: sizes of batches, and how long issuing took. */
  readonly observer: Observer;
  /** One claim was answered by the engine, in so many seconds; about 0.1 µs. */
  claimAnswered(seconds: number): void;
  /** All metrics in the text format of Prometheus; without figures, those that this process has measured itself. */
  render(figures: Figures | null): Promise<string>;
  readonly contentType: string;
}

// Each event is about ten series, so that a thousand of them would fill a scrape; those that live come first.
const eventsMax = 200;

// The engine answers within about 2 ms of a batch and its fsync; the last two buckets are where clients give up.
const claimBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
// The largest batch is 200 claims unless it is set otherwise.
const batchBuckets = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];
// One transaction of up to 500 coupons: from an idle SQLite to a ledger that is about to time out.
const issueBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Each call has metrics of its own: two servers in one process share none. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const claimDuration = new Histogram({
    name: 'dibs_claim_duration_seconds',
    help: 'From the request of a claim, read whole, to its answer.',
    buckets: claimBuckets,
    registers,
  });
  const batchSize = new Histogram({
    name: 'dibs_admit_batch_size',
    help: 'Claims in one trip to the gate.',
    buckets: batchBuckets,
    registers,
  });
  const issueDuration = new Histogram({
    name: 'dibs_issue_batch_duration_seconds',
    help: 'One batch of coupons written to the ledger.',
    buckets: issueBuckets,
    registers,
  });
  const show = figureMetrics(registers);
  return {
    observer: {
      admitted: (size) => batchSize.observe(size),
      issued: (_coupons, seconds) => issueDuration.observe(seconds),
    },
    claimAnswered: (seconds) => claimDuration.observe(seconds),
    render: (figures) => {
      show(figures);
      return registry.metrics();
    },
    contentType: Registry.PROMETHEUS_CONTENT_TYPE,
  };
}

/** The metrics that are read from figures: each scrape says them anew, so that what is gone is no longer said. */
function figureMetrics(registers: Registry[]): (figures: Figures | null) => void {
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Gauge<L>({ name, help, labelNames, registers });
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Counter<L>({ name, help, labelNames, registers });

  const byEvent = eventMetrics(gauge, counter);
  const recovering = gauge(
    'dibs_events_recovering',
    'Events that are not served: they wait for recovery, or are stopped.',
  );
  const queueDepth = gauge('dibs_queue_depth', 'Claims that wait for their decision.');
  const oldest = gauge('dibs_oldest_unissued_seconds', 'Age of the oldest win that is not issued yet.');
  const issued = counter('dibs_issued_total', 'Coupons written to the ledger by this process.');
  const failed = gauge('dibs_failed_issuances', 'Wins that the ledger refused, by what became of them.', ['state']);
  const lag = gauge('dibs_log_lag_records', 'What the ledger has yet to take from a partition of the log.', [
    'partition',
  ]);
  const storeUp = gauge('dibs_store_up', 'Whether the store answered when it was last asked.', ['store']);

  return (figures) => {
    for (const metric of [recovering, queueDepth, oldest, issued, failed, lag, storeUp]) metric.reset();
    byEvent(figures?.events ?? []);
    if (figures === null) {
      // What has no labels is 0 after a reset, and nobody knows that it is.
      for (const metric of [recovering, queueDepth, oldest, issued]) metric.remove();
      return;
    }
    recovering.set(figures.recovering);
    queueDepth.set(figures.queueDepth);
    oldest.set(Math.max(0, ...figures.events.map((event) => event.oldestUnissuedSeconds)));
    issued.inc(figures.issued);
    for (const [state, value] of Object.entries(figures.failedIssuances)) failed.set({ state }, value);
    for (const { partition, records } of furthestBehind(figures.logLags)) lag.set({ partition }, records);
    for (const { store, up } of figures.stores) storeUp.set({ store }, up ? 1 : 0);
  };
}

type MakeGauge = <L extends string>(name: string, help: string, labelNames: readonly L[]) => Gauge<L>;
type MakeCounter = <L extends string>(name: string, help: string, labelNames: readonly L[]) => Counter<L>;

function eventMetrics(gauge: MakeGauge, counter: MakeCounter): (events: readonly EventFigures[]) => void {
  const wins = gauge('dibs_wins', 'Places won.', ['event']);
  const capacity = gauge('dibs_capacity', 'Places there are.', ['event']);
  const unissued = gauge('dibs_unissued', 'Wins that are not issued yet.', ['event']);
  const claims = counter('dibs_claims_total', 'Claims decided by this process, by what became of them.', [
    'event',
    'outcome',
  ]);
  return (events) => {
    for (const metric of [wins, capacity, unissued, claims]) metric.reset();
    for (const figures of livingFirst(events)) {
      const event = figures.eventId;
      wins.set({ event }, figures.won);
      capacity.set({ event }, figures.capacity);
      unissued.set({ event }, figures.unissued);
      for (const [outcome, value] of Object.entries(figures.claims)) claims.inc({ event, outcome }, value);
    }
  };
}

/** At most `eventsMax` partitions, those that are furthest behind. */
const furthestBehind = (lags: Figures['logLags']): Figures['logLags'] =>
  lags.length <= eventsMax ? lags : lags.toSorted((a, b) => b.records - a.records).slice(0, eventsMax);

/** At most `eventsMax`: of those that are over, only those that still owe coupons come before the cut. */
function livingFirst(events: readonly EventFigures[]): readonly EventFigures[] {
  if (events.length <= eventsMax) return events;
  const isOver = (event: EventFigures) => (event.state === 'closed' && event.unissued === 0 ? 1 : 0);
  return events.toSorted((a, b) => isOver(a) - isOver(b)).slice(0, eventsMax);
}
