/**
 * Kills and stops, at random, the processes of a fleet and the stores they work on while a crowd claims, and checks what the
 * crowd was told: `npm run kill:fleet -- --from 1 --cycles 100 [--seed N]`. A cycle is told by seed and number, and by the
 * stores it runs on: the same choose the same events, claims, faults and acts, though not the same interleaving. The exit code
 * is the verdict: 0 kept, 1 broken, 2 called wrongly, 130 stopped.
 */
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { seededRandom } from '../../src/load/plan.ts';
import { type CycleReport, runCycle } from './kill-fleet/cycle.ts';
import { House } from './kill-fleet/house.ts';
import { cycleLine, findingLines, summaryLines } from './kill-fleet/report.ts';
import { ordinary, probeNames, probeOf, type Scenario } from './kill-fleet/scenarios.ts';
import { Tally } from './kill-fleet/tally.ts';
import type { DatabaseName, LogName } from './stores.ts';

const usage = `usage: npm run kill:fleet -- [--from 1] [--cycles 10] [--seed 1] [--keep]
  --from     number of the first cycle
  --cycles   how many
  --seed     another seed, other cycles
  --ledger   mariadb or postgres alone, instead of each by turns
  --log      kafka or embedded alone, instead of each by turns
  --keep     leave the stores of a cycle that failed
  --canary   ${probeNames.join(', ')}: a wrong design under the fault that finds it out
  --control  the same fault upon the right design`;

/** The share of cycles that begin on new stores. */
const freshShare = 0.25;

/** More than all that a cycle waits for. */
const cycleMsMax = 150_000;

const storesByTurns = [
  { ledger: 'mariadb', log: 'kafka' },
  { ledger: 'postgres', log: 'embedded' },
  { ledger: 'postgres', log: 'kafka' },
  { ledger: 'mariadb', log: 'embedded' },
] as const;

interface Asked {
  readonly from: number;
  readonly cycles: number;
  readonly seed: number;
  readonly keep: boolean;
  readonly ledger: DatabaseName | null;
  readonly log: LogName | null;
  readonly scenario: Scenario;
  /** The flags beyond `--from` and `--cycles`, for another run of the same. */
  readonly flags: string;
}

function asked(): Asked | null {
  try {
    const number = (value: string): { type: 'string'; default: string } => ({ type: 'string', default: value });
    const { values } = parseArgs({
      options: {
        from: number('1'),
        cycles: number('10'),
        seed: number('1'),
        ledger: { type: 'string' },
        log: { type: 'string' },
        keep: { type: 'boolean', default: false },
        canary: { type: 'string' },
        control: { type: 'string' },
      },
    });
    const { keep, canary, control } = values;
    const [from = -1, cycles = -1, seed = -1] = [values.from, values.cycles, values.seed].map(Number);
    const ledger = oneOf(['mariadb', 'postgres'], values.ledger);
    const log = oneOf(['kafka', 'embedded'], values.log);
    const probe = canary ?? control;
    const scenario = probe === undefined ? ordinary : probeOf(probe, canary !== undefined);
    const fits = [from, cycles, seed].every((value) => Number.isSafeInteger(value) && value >= 0);
    if (!fits || from === 0 || scenario === null || ledger === undefined || log === undefined) return null;
    const name = probe === undefined ? '' : ` --${canary === undefined ? 'control' : 'canary'} ${probe}`;
    return { from, cycles, seed, keep, ledger, log, scenario, flags: `--seed ${seed}${name}` };
  } catch {
    return null;
  }
}

/** Null where nothing is asked for, undefined where something is that there is not. */
function oneOf<Name extends string>(names: readonly Name[], value: string | undefined): Name | null | undefined {
  return value === undefined ? null : names.find((name) => name === value);
}

/** What a cycle is said to come to that has no end. */
async function tooLong(house: House): Promise<CycleReport> {
  await pause(cycleMsMax, null, { ref: false });
  return { tally: new Tally(), findings: [`not done after ${cycleMsMax / 1000} s, and still ${house.doing}`] };
}

/** Which house each cycle stands in, and what is chosen of it, whichever the first cycle of the run is. */
class Houses {
  readonly #asked: Asked;
  #cycle = 0;
  #number = -1;
  #issueRate: string | null = null;
  readonly #random: () => number;

  constructor(asked: Asked) {
    this.#asked = asked;
    this.#random = seededRandom(asked.seed);
  }

  /** What the house of a cycle is built of; `isFresh` where the cycle before stands in another. */
  of(cycle: number) {
    let isFresh = this.#cycle === 0;
    while (this.#cycle < cycle) {
      this.#cycle += 1;
      const begins = this.#random() < freshShare || this.#number === -1;
      const rate = this.#random();
      isFresh ||= begins;
      if (!begins) continue;
      this.#number += 1;
      // Every other one is so slow that a backlog stands when the last claim is answered.
      this.#issueRate = rate < 0.5 ? null : `${Math.floor(200 + (rate - 0.5) * 1_600)}/s`;
    }
    const { scenario, ledger, log } = this.#asked;
    const { house } = scenario;
    const turn = storesByTurns[this.#number % storesByTurns.length] ?? storesByTurns[0];
    const options = {
      ...house,
      ledger: house.ledger ?? ledger ?? turn.ledger,
      log: house.log ?? log ?? turn.log,
      issueRate: house.issueRate === undefined ? this.#issueRate : house.issueRate,
    };
    return { isFresh, options };
  }
}

async function run(asked: Asked, current: { house: House | null }): Promise<number> {
  const { from, cycles, scenario, seed, keep, flags } = asked;
  const houses = new Houses(asked);
  const reports: CycleReport[] = [];
  const startedAt = performance.now();
  for (let cycle = from; cycle < from + cycles; cycle += 1) {
    const { isFresh, options } = houses.of(cycle);
    if (isFresh || current.house === null) {
      await current.house?.tearDown();
      current.house = null;
      current.house = await House.build(options);
    }
    const { house } = current;
    const cycleAt = performance.now();
    const report = await Promise.race([runCycle(house, scenario.plan(seed, cycle, house.targets)), tooLong(house)]);
    reports.push(report);
    console.log(cycleLine(cycle, isFresh, house.name, report, (performance.now() - cycleAt) / 1000));
    if (report.findings.length === 0) continue;
    console.log(findingLines(report.findings).join('\n'));
    const { ledger, log } = house.options;
    console.log(
      `  again with: npm run kill:fleet -- --from ${cycle} --cycles 1 ${flags} --ledger ${ledger} --log ${log}`,
    );
    if (keep) console.log(`  its stores: ${await house.keep()}`);
    break;
  }
  await current.house?.tearDown();
  current.house = null;
  console.log(summaryLines(reports, (performance.now() - startedAt) / 1000).join('\n'));
  return reports.some(({ findings }) => findings.length > 0) ? 1 : 0;
}

const what = asked();
if (what === null) {
  console.error(usage);
  process.exitCode = 2;
} else {
  const current: { house: House | null } = { house: null };
  const stopped = new Promise<number>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve(130));
  });
  const code = await Promise.race([
    stopped,
    run(what, current).catch((error: unknown) => {
      console.error(error);
      return 1;
    }),
  ]);
  if (code === 130 && current.house !== null) console.log(`stopped while ${current.house.doing}`);
  await current.house?.tearDown();
  // Where it was stopped in the midst of a cycle, that one would go on; processes and stores end with this one.
  process.exit(code);
}
