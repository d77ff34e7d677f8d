/**
 * What the Kafka log costs: appending, reading, and how long an answer takes where there is nothing new. Starts a Kafka of its
 * own unless `--brokers host:port` names one, on which it leaves its topic behind.
 */
import { randomBytes } from 'node:crypto';
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startKafka } from '../services/services.ts';
import type { LogRecord } from '../src/core/record.ts';
import type { WinLog } from '../src/core/win-log.ts';
import { systemClock } from '../src/lib/system-clock.ts';
import { openKafkaLog } from '../src/logs/kafka/log.ts';

const { values } = parseArgs({
  options: {
    brokers: { type: 'string' },
    partitions: { type: 'string', default: '8' },
    seconds: { type: 'string', default: '2' },
  },
});
const seconds = Number(values.seconds);

const recordOf = (eventId: string, slot: number, size: number): LogRecord => ({
  v: 1,
  type: 'wins',
  eventId,
  epoch: 1,
  revision: 1,
  wins: Array.from({ length: size }, (_, index) => ({
    slot: slot + index,
    userId: `user-${randomBytes(8).toString('hex')}`,
    nth: 1,
    claimId: `${slot + index}-0123456789ab`,
    key: randomBytes(16).toString('hex'),
    wonAt: 1_790_000_000_000,
  })),
});

interface Cost {
  readonly ms: number;
  readonly cpuMicros: number;
}

async function costOf(act: () => Promise<void>): Promise<Cost> {
  const [start, cpu] = [performance.now(), process.cpuUsage()];
  await act();
  const { user, system } = process.cpuUsage(cpu);
  return { ms: performance.now() - start, cpuMicros: user + system };
}

const quantile = (sorted: readonly number[], share: number): string =>
  (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(1);

function tell(
  what: string,
  { ms, cpuMicros }: Cost,
  count: number,
  wins: number,
  answers: readonly number[] = [],
): void {
  const rate = Math.round((count * 1000) / ms).toLocaleString('en');
  const winRate = Math.round((wins * 1000) / ms).toLocaleString('en');
  const sorted = answers.toSorted((a, b) => a - b);
  const latency = answers.length === 0 ? '' : `, answer p50 ${quantile(sorted, 0.5)} p99 ${quantile(sorted, 0.99)} ms`;
  const cpu = (cpuMicros / count).toFixed(1);
  process.stdout.write(`${what}: ${rate} records/s (${winRate} wins/s), ${cpu} µs of CPU a record${latency}\n`);
}

/** Appends `batch` records at a time of each of `events`, one append after the other, as a relay does. */
async function appending(log: WinLog, events: number, batch: number, size: number): Promise<void> {
  const ids = Array.from({ length: events }, () => `bench-${randomBytes(4).toString('hex')}`);
  const records = ids.flatMap((id) =>
    Array.from({ length: batch }, (_, index) => recordOf(id, index * size + 1, size)),
  );
  await log.append?.(records);
  const answers: number[] = [];
  const cost = await costOf(async () => {
    const end = performance.now() + seconds * 1000;
    while (performance.now() < end) {
      const start = performance.now();
      await log.append?.(records);
      answers.push(performance.now() - start);
    }
  });
  const count = answers.length * records.length;
  tell(`append ${batch} x ${size} wins of ${events} events`, cost, count, count * size, answers);
}

/** Reads everything that is there, partition by partition, in pieces as the issuer takes them. */
async function reading(log: WinLog): Promise<void> {
  let count = 0;
  let wins = 0;
  const cost = await costOf(async () => {
    for (const { partition } of await log.ends(null, 1000)) {
      for (let at = log.start; ; ) {
        const { records, position } = await log.read(partition, at, 500);
        if (records.length === 0) break;
        at = position;
        count += records.length;
        for (const record of records) wins += record.type === 'wins' ? record.wins.length : 0;
      }
    }
  });
  tell('read 500 wins at a time', cost, count, wins);
}

async function answering(what: string, ask: () => Promise<unknown>): Promise<void> {
  const answers: number[] = [];
  const cost = await costOf(async () => {
    const end = performance.now() + seconds * 1000;
    while (performance.now() < end) {
      const start = performance.now();
      await ask();
      answers.push(performance.now() - start);
      await pause(5);
    }
  });
  const sorted = answers.toSorted((a, b) => a - b);
  const cpu = Math.round(cost.cpuMicros / answers.length);
  process.stdout.write(`${what}: p50 ${quantile(sorted, 0.5)}, p99 ${quantile(sorted, 0.99)} ms, ${cpu} µs of CPU\n`);
}

const kafka = values.brokers === undefined ? await startKafka() : null;
const brokers = (values.brokers ?? new URL(kafka?.url ?? '').host).split(',');
const open = (): Promise<WinLog> =>
  openKafkaLog({
    brokers,
    topic,
    partitions: Number(values.partitions),
    clock: systemClock,
    random: Math.random,
    alarm: (message) => void process.stderr.write(`${message}\n`),
  });
const topic = `dibs-bench-${randomBytes(6).toString('hex')}`;
try {
  const [log, other] = [await open(), await open()];
  for (const [events, batch, size] of [
    [1, 1, 1],
    [1, 500, 1],
    [1, 20, 50],
    [8, 20, 50],
    [1, 20, 200],
  ] as const)
    await appending(log, events, batch, size);
  await reading(log);

  const partitions = await log.ends(null, 1000);
  const [first] = partitions;
  if (first === undefined) throw new Error('there is no partition');
  await answering('a read with nothing new', () => log.read(first.partition, first.end, 500));
  await answering('reads of all partitions at once with nothing new', () =>
    Promise.all(partitions.map(({ partition, end }) => log.read(partition, end, 500))),
  );
  await answering('the ends of all partitions', () => log.ends(null, 1000));
  const record = recordOf('back', 1, 20);
  const partition = log.partitionOf('back');
  let end = (await other.ends(null, 1000)).find((one) => one.partition === partition)?.end ?? log.start;
  await answering('an append and its reading by another', async () => {
    await log.append?.([record]);
    end = (await other.read(partition, end, 500)).position;
  });
  await Promise.all([log.close(), other.close()]);
} finally {
  await kafka?.stop();
}
