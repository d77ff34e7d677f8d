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
    name: 'forgets a partition',
    failsAt: ['partitions and positions > an event has one partition, always the same'],
    wrap: (log) => wrapLog(log, { ends: async (after, limit) => (await log.ends(after, limit)).slice(1) }),
  },
  {
    name: 'gives all there is, whatever was asked for',
    failsAt: ['reading > gives at most about as many wins as were asked for'],
    wrap: (log) => wrapLog(log, { read: (partition, position) => log.read(partition, position, 1_000_000) }),
  },
];
