/**
 * Kills a server over and over while a crowd claims, and checks what the crowd was told: `npm run kill -- --from 1 --cycles
 * 100 [--seed N]`. A cycle is told by seed and number: the same two choose the same events, claims, kills and acts, though
 * not the same interleaving. The exit code is the verdict: 0 kept, 1 broken, 2 called wrongly, 130 stopped.
 */
import process from 'node:process';
import { parseArgs } from 'node:util';
import { seededRandom } from '../../src/load/plan.ts';
import { type CycleReport, planCycle, runCycle } from './kill/cycle.ts';
import { House } from './kill/house.ts';

const usage = `usage: npm run kill -- [--from 1] [--cycles 10] [--seed 1] [--keep]
  --from    number of the first cycle
  --cycles  how many
  --seed    another seed, other cycles
  --keep    leave the data folder of a cycle that failed`;

/** Servers that are broken on purpose, by what is loaded before them. */
const canaries: Readonly<Record<string, URL>> = {
  'early-ack': new URL('./traps/early-ack.ts', import.meta.url),
  'forgetful-start': new URL('./traps/forgetful-start.ts', import.meta.url),
  'skipped-coupon': new URL('./traps/skipped-coupon.ts', import.meta.url),
};

/** The share of cycles that begin on a new folder. */
const freshShare = 0.25;

const count = (value: number): string => Math.round(value).toLocaleString('en-US');
const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

interface Asked {
  readonly from: number;
  readonly cycles: number;
  readonly seed: number;
  readonly keep: boolean;
  readonly preloads: readonly URL[];
}

function asked(): Asked | null {
  try {
    const { values } = parseArgs({
      options: {
        from: { type: 'string', default: '1' },
        cycles: { type: 'string', default: '10' },
        seed: { type: 'string', default: '1' },
        keep: { type: 'boolean', default: false },
        canary: { type: 'string' },
      },
    });
    const [from, cycles, seed] = [values.from, values.cycles, values.seed].map(Number);
    const fits = [from, cycles, seed].every((value) => Number.isSafeInteger(value) && (value as number) >= 0);
    if (!fits || from === undefined || cycles === undefined || seed === undefined) return null;
    if (values.canary === undefined) return { from, cycles, seed, keep: values.keep, preloads: [] };
    const canary = canaries[values.canary];
    return canary === undefined ? null : { from, cycles, seed, keep: values.keep, preloads: [canary] };
  } catch {
    return null;
  }
}

function line(cycle: number, kept: boolean, report: CycleReport, seconds: number): string {
  const { start, creation, load, issuing } = report.kills;
  const kills = `${start + creation + load + issuing} kills (start ${start}, creation ${creation}, load ${load}, issuing ${issuing})`;
  const told = `${count(report.claims)} claims, ${count(report.ackedBeforeKill)} wins told before a kill, ${count(report.resolved)} unknown resolved`;
  const verdict = report.findings.length === 0 ? 'kept' : `BROKEN (${report.findings.length})`;
  return `cycle ${cycle} ${kept ? 'old' : 'new'} folder: ${kills}, ${told}, restart ${count(median(report.restartMillis))} ms, ${seconds.toFixed(1)} s: ${verdict}`;
}

function summary(reports: readonly CycleReport[], seconds: number): string[] {
  const kills = reports.map(({ kills }) => sum(Object.values(kills)));
  const by = (moment: keyof CycleReport['kills']) => sum(reports.map(({ kills }) => kills[moment]));
  const restarts = reports.flatMap(({ restartMillis }) => restartMillis);
  const broken = reports.filter(({ findings }) => findings.length > 0).length;
  return [
    '',
    `cycles                        ${count(reports.length)} in ${count(seconds)} s`,
    `kills                         ${count(sum(kills))} (start ${by('start')}, creation ${by('creation')}, load ${by('load')}, issuing ${by('issuing')})`,
    `claims sent                   ${count(sum(reports.map(({ claims }) => claims)))}`,
    `wins told before a kill       ${count(sum(reports.map(({ ackedBeforeKill }) => ackedBeforeKill)))}`,
    `unknown outcomes resolved     ${count(sum(reports.map(({ resolved }) => resolved)))}`,
    `start after a kill            median ${count(median(restarts))} ms, slowest ${count(Math.max(0, ...restarts))} ms`,
    broken === 0
      ? `verdict                       every promise kept; of ${count(reports.length)} cycles without a fault the rate is below ${(300 / Math.max(1, reports.length)).toFixed(1)} % (95 %)`
      : `verdict                       BROKEN in ${broken} of ${reports.length} cycles`,
  ];
}

async function run({ from, cycles, seed, keep, preloads }: Asked, stop: AbortSignal): Promise<number> {
  const random = seededRandom(seed);
  const reports: CycleReport[] = [];
  const startedAt = performance.now();
  let house: House | null = null;
  try {
    for (let cycle = from; cycle < from + cycles && !stop.aborted; cycle += 1) {
      const kept: boolean = house !== null && random() >= freshShare;
      if (!kept) {
        await house?.tearDown();
        house = await House.build(preloads);
      }
      const cycleAt = performance.now();
      const report: CycleReport = await runCycle(house as House, planCycle(seed, cycle), stop);
      if (stop.aborted) break;
      reports.push(report);
      console.log(line(cycle, kept, report, (performance.now() - cycleAt) / 1000));
      if (report.findings.length === 0) continue;
      for (const finding of report.findings) console.log(`  ${finding}`);
      console.log(`  again with: npm run kill -- --from ${cycle} --cycles 1 --seed ${seed}`);
      if (keep) {
        console.log(`  its stores: ${house?.data ?? ''}`);
        house = null;
      }
      break;
    }
  } finally {
    await house?.tearDown();
  }
  console.log(summary(reports, (performance.now() - startedAt) / 1000).join('\n'));
  if (stop.aborted) return 130;
  return reports.some(({ findings }) => findings.length > 0) ? 1 : 0;
}

const what = asked();
if (what === null) {
  console.error(usage);
  process.exitCode = 2;
} else {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  process.exitCode = await run(what, stop.signal).catch((error: unknown) => {
    if (stop.signal.aborted) return 130;
    console.error(error);
    return 1;
  });
}
