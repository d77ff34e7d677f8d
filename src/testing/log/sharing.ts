import assert from 'node:assert/strict';
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import type { WinLog } from '../../core/win-log.ts';
import { openEvent } from '../gate/acting.ts';
import { type LogBench, type LogConcern, needing } from './bench.ts';

const ids = Array.from({ length: 20 }, (_, index) => `event-${index}`);

async function partitionsOf({ gate, log, settle }: LogBench): Promise<string[]> {
  for (const id of ids) await openEvent(gate, { id });
  await settle();
  return (await log.ends(null, 1000)).map(({ partition }) => partition);
}

/** Who holds each partition, by the places in `logs`: `0,1` where two do. */
const holders = (logs: readonly WinLog[], partitions: readonly string[]): string[] =>
  partitions.map((partition) => logs.flatMap((log, index) => (log.holds(partition) ? [index] : [])).join());

async function until(msMax: number, what: string, holds: () => boolean, tell: () => string): Promise<void> {
  const end = performance.now() + msMax;
  while (!holds()) {
    assert.ok(performance.now() < end, `${what} within ${msMax} ms: ${tell()}`);
    await pause(5);
  }
}

/** Waits until each partition is held by one of `logs` alone, and each of them has some. */
async function shared(logs: readonly WinLog[], partitions: readonly string[], msMax: number): Promise<void> {
  const isShared = () => {
    const held = holders(logs, partitions);
    return held.every((one) => /^\d$/.test(one)) && new Set(held).size === logs.length;
  };
  const tell = () => holders(logs, partitions).join(' ');
  await until(msMax, `${logs.length} should share ${partitions.length} partitions`, isShared, tell);
}

export const logSharing: LogConcern = {
  concern: 'sharing',
  cases: {
    'holds nothing before it has joined': async (bench) => {
      const partitions = await partitionsOf(bench);
      assert.deepEqual(new Set(holders([bench.log], partitions)), new Set(['']));
    },
    'alone holds everything, and joining twice is joining once': async (bench) => {
      const partitions = await partitionsOf(bench);
      await bench.log.join();
      await bench.log.join();
      await shared([bench.log], partitions, bench.sharingMsMax);
    },
    'with another gives each partition to one of the two': needing(['workers'], async (bench) => {
      const partitions = await partitionsOf(bench);
      const other = await bench.connect();
      await Promise.all([bench.log.join(), other.join()]);
      await shared([bench.log, other], partitions, bench.sharingMsMax);
    }),
    'with another that comes later gives some away, and one that leaves leaves all': needing(
      ['workers'],
      async (bench) => {
        const { log, connect, sharingMsMax } = bench;
        const partitions = await partitionsOf(bench);
        await log.join();
        await shared([log], partitions, sharingMsMax);
        const other = await connect();
        await other.join();
        await shared([log, other], partitions, sharingMsMax);
        await other.close();
        await shared([log], partitions, sharingMsMax);
        assert.deepEqual(new Set(holders([other], partitions)), new Set(['']), 'closed, it holds nothing');
      },
    ),
    'is of the reading alone: who does not share reads and lists the same': needing(['workers'], async (bench) => {
      const { log, connect } = bench;
      await partitionsOf(bench);
      const other = await connect();
      await other.join();
      assert.deepEqual(await log.ends(null, 1000), await other.ends(null, 1000));
      const partition = log.partitionOf('event-0');
      assert.deepEqual(await log.read(partition, log.start, 1000), await other.read(partition, log.start, 1000));
    }),
  },
};
