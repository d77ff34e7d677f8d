import { Buffer } from 'node:buffer';
import { setTimeout as pause } from 'node:timers/promises';
import type { LogRecord, PoisonRecord } from '../../core/record.ts';
import type { LogBatch, WinLog } from '../../core/win-log.ts';
import { wrapLog } from './wrap.ts';

/** A log that breaks one rule, to show that the suite can fail. */
export interface LogCanary {
  /** What it does wrong, in words. */
  readonly name: string;
  /** Tests of the suite that must fail with it, each by `concern > test`. */
  readonly failsAt: readonly string[];
  /** Breaks a log that is whole. */
  wrap(log: WinLog): WinLog;
}

/** Gives each batch as `change` makes it. */
const reading = (change: (batch: LogBatch, log: WinLog) => LogBatch) => (log: WinLog) =>
  wrapLog(log, {
    read: async (partition, position, winsMax) => change(await log.read(partition, position, winsMax), log),
  });

/** Keeps of what it cannot read what `change` makes of it. */
const spoiling = (change: (poison: PoisonRecord) => string) =>
  reading((batch) => ({
    ...batch,
    records: batch.records.map((record) => (record.type === 'poison' ? { ...record, raw: change(record) } : record)),
  }));

const appending = (append: (log: WinLog, records: readonly LogRecord[]) => Promise<void>) => (log: WinLog) =>
  wrapLog(log, { append: (records) => append(log, records) });

const appendingCanaries: readonly LogCanary[] = [
  {
    name: 'appends the other way round',
    failsAt: ['appending > keeps the order of each event, whatever else comes with it'],
    wrap: appending(async (log, records) => log.append?.(records.toReversed())),
  },
  {
    name: 'lets a later append overtake an earlier one',
    failsAt: ['appending > of one event twice at the same time keeps the order of the calls'],
    wrap(log) {
      let calls = 0;
      return appending(async (log, records) => {
        calls += 1;
        if (calls % 2 === 1) await pause(1);
        await log.append?.(records);
      })(log);
    },
  },
  {
    name: 'answers before it has appended',
    failsAt: ['appending > has done so once it answers'],
    wrap: appending(async (log, records) => void setImmediate(() => void log.append?.(records))),
  },
  {
    name: 'drops what it believes to have already',
    failsAt: ['appending > has done so once it answers'],
    wrap(log) {
      const seen = new Set<string>();
      return appending(async (log, records) => {
        await log.append?.(records.filter(({ eventId }) => !seen.has(eventId)));
        for (const { eventId } of records) seen.add(eventId);
      })(log);
    },
  },
  {
    name: 'appends no more than one store takes in one go',
    failsAt: ['appending > of more than any store takes in one go arrives whole and in order'],
    wrap: appending(async (log, records) => log.append?.(records.slice(0, 15))),
  },
  {
    name: 'folds letters that look alike',
    failsAt: ['appending > gives back what was put in, whatever it is spelt with'],
    wrap: appending(async (log, records) =>
      log.append?.(JSON.parse(JSON.stringify(records).normalize('NFC')) as LogRecord[]),
    ),
  },
  {
    name: 'appends after it was closed',
    failsAt: ['appending > to a log that is closed is refused'],
    wrap: (log) => wrapLog(log, { close: async () => undefined }),
  },
];

const poisonCanaries: readonly LogCanary[] = [
  {
    name: 'passes over what it cannot read',
    failsAt: ['poison > stands in its place, and reading goes on behind it'],
    wrap: reading((batch) => ({ ...batch, records: batch.records.filter(({ type }) => type !== 'poison') })),
  },
  {
    name: 'never gets past what it cannot read',
    failsAt: ['poison > stands in its place, and reading goes on behind it'],
    wrap: (log) =>
      wrapLog(log, {
        async read(partition, position, winsMax) {
          const batch = await log.read(partition, position, winsMax);
          return batch.records.some(({ type }) => type === 'poison') ? { records: [], position } : batch;
        },
      }),
  },
  {
    name: 'tidies up what it cannot read',
    failsAt: ['poison > is kept to the letter, and says what is wrong with it'],
    wrap: spoiling(({ raw }) => raw.slice(0, 200)),
  },
  {
    name: 'makes text of bytes that are none',
    failsAt: ['poison > that is no text is kept in base64'],
    wrap: spoiling(({ raw }) => (raw.startsWith('base64:') ? Buffer.from(raw.slice(7), 'base64').toString() : raw)),
  },
  {
    name: 'takes what it cannot read for nothing',
    failsAt: ['poison > is read in pieces as well'],
    wrap: (log) =>
      wrapLog(log, {
        async read(partition, position, winsMax) {
          const batch = await log.read(partition, position, winsMax);
          return batch.records.every(({ type }) => type === 'poison') ? log.read(partition, position, 1000) : batch;
        },
      }),
  },
];

const sharingCanaries: readonly LogCanary[] = [
  {
    name: 'holds before it has joined',
    failsAt: ['sharing > holds nothing before it has joined'],
    wrap: (log) => wrapLog(log, { holds: () => true }),
  },
  {
    name: 'holds nothing',
    failsAt: ['sharing > alone holds everything, and joining twice is joining once'],
    wrap: (log) => wrapLog(log, { holds: () => false }),
  },
  {
    name: 'holds all as soon as it has joined',
    failsAt: ['sharing > with another gives each partition to one of the two'],
    wrap(log) {
      let joined = false;
      return wrapLog(log, {
        async join() {
          joined = true;
          await log.join();
        },
        holds: () => joined,
      });
    },
  },
  {
    name: 'keeps its part when it is closed',
    failsAt: ['sharing > with another that comes later gives some away, and one that leaves leaves all'],
    wrap: (log) => wrapLog(log, { close: async () => undefined }),
  },
  {
    name: 'reads only what it holds',
    failsAt: ['sharing > is of the reading alone: who does not share reads and lists the same'],
    wrap: (log) =>
      wrapLog(log, {
        read: async (partition, position, winsMax) =>
          log.holds(partition) ? log.read(partition, position, winsMax) : { records: [], position },
      }),
  },
];

export const logCanaries: readonly LogCanary[] = [
  {
    name: 'leaves a gap',
    failsAt: ['reading > carries every win in slot order without a gap, and folds to what the gate has'],
    wrap: reading((batch) => ({
      ...batch,
      records: batch.records.filter((record) => record.type !== 'wins' || record.wins[0]?.slot !== 2),
    })),
  },
  {
    name: 'gives records out of order',
    failsAt: ['reading > carries every win in slot order without a gap, and folds to what the gate has'],
    wrap: reading((batch) => ({ ...batch, records: batch.records.toReversed() })),
  },
  {
    name: 'moves its position behind what nobody has read',
    failsAt: ['reading > in pieces of any size is the same', 'reading > goes on from every position that it has given'],
    wrap: (log) =>
      wrapLog(log, {
        async read(partition, position, winsMax) {
          const { records } = await log.read(partition, position, winsMax);
          const { position: further } = await log.read(partition, position, winsMax + 5);
          return { records, position: further };
        },
      }),
  },
  {
    name: 'does not move its position',
    failsAt: ['reading > carries every win in slot order without a gap, and folds to what the gate has'],
    wrap: (log) =>
      wrapLog(log, {
        async read(partition, position, winsMax) {
          return { ...(await log.read(partition, position, winsMax)), position };
        },
      }),
  },
  {
    name: 'compares positions as text',
    failsAt: ['partitions and positions > positions are ordered as the records behind them'],
    wrap: (log) => wrapLog(log, { distance: (from, to) => (from < to ? 1 : -Number(from > to)) }),
  },
  {
    name: 'tells a distance of one, whatever lies between',
    failsAt: ['partitions and positions > the distance of two is about how many records or wins lie between'],
    wrap: (log) => wrapLog(log, { distance: (from, to) => Math.sign(log.distance(from, to)) }),
  },
  {
    name: 'forgets a partition',
    failsAt: ['partitions and positions > an event has one partition, always the same'],
    wrap: (log) => wrapLog(log, { ends: async (after, limit) => (await log.ends(after, limit)).slice(1) }),
  },
  {
    name: 'gives all there is, whatever was asked for',
    failsAt: ['reading > gives at most about as many wins as were asked for'],
    wrap: (log) => wrapLog(log, { read: (partition, position) => log.read(partition, position, 1_000_000) }),
  },
  ...appendingCanaries,
  ...poisonCanaries,
  ...sharingCanaries,
];
