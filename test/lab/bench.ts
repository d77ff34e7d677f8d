/** Runs strategies for the tests: small, and on whatever services a test names. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { arrivals } from '../../src/cli/lab/options.ts';
import { serverModule } from '../../src/cli/lab/server-process.ts';
import { findStrategy } from '../../src/lab/catalog.ts';
import { type LabOutcome, type LabPlan, runLab } from '../../src/lab/lab.ts';
import type { LabRun } from '../../src/lab/outcome.ts';
import type { ServiceAddresses } from '../../src/lab/services.ts';
import type { Circumstances } from '../../src/lab/terms.ts';
import type { LabTrace } from '../../src/lab/trace.ts';
import type { Verdict } from '../../src/lab/verdict.ts';
import { sharedService } from '../services/shared.ts';

/** What a test may say; the rest is as in the tutorials, only smaller. */
export type Asked = Partial<Omit<Circumstances, 'variant'> & Pick<LabPlan, 'claims' | 'capacity' | 'isTraced'>> & {
  readonly services?: readonly (keyof ServiceAddresses)[];
};

export const nowhere: ServiceAddresses = { redis: null, kafka: null, mariadb: null, postgres: null };

async function addressesOf(services: Asked['services'] = []): Promise<ServiceAddresses> {
  const found = services.map(async (name) => [name, await sharedService(name)] as const);
  return { ...nowhere, ...Object.fromEntries(await Promise.all(found)) };
}

/** A plan that says nothing but what is to be otherwise than usual. */
export function planOf(changes: Partial<LabPlan> & Pick<LabPlan, 'selected'>): LabPlan {
  const { users = 'all' } = changes.circumstances ?? {};
  return {
    circumstances: { servers: 1, users, inFlight: 32, fault: null },
    claims: 400,
    capacity: 40,
    seed: 7,
    isTraced: false,
    services: { addresses: nowhere, absences: nowhere },
    module: serverModule,
    arrivalsOf: (claims, seed) => arrivals(claims, seed, users),
    signal: new AbortController().signal,
    ...changes,
  };
}

/** Runs one strategy, called as `sql-count:ge`. */
export async function outcomeOf(called: string, asked: Asked = {}): Promise<LabOutcome> {
  const [name = '', variant = null] = called.split(':');
  const { services, database = 'sqlite', claims = 400, capacity = 40, isTraced = false, ...circumstances } = asked;
  const plan = planOf({
    selected: [{ strategy: findStrategy(name), variant, database }],
    circumstances: { servers: 1, inFlight: 32, fault: null, users: 'all', ...circumstances },
    claims,
    capacity,
    isTraced,
    services: { addresses: await addressesOf(services), absences: nowhere },
  });
  for await (const outcome of runLab(plan, { begun() {}, answered() {}, traced() {} })) return outcome;
  return assert.fail('nothing came of it');
}

/** As `outcomeOf`, for a strategy that runs. */
export async function runOf(called: string, asked: Asked = {}): Promise<LabRun> {
  const { run, skip } = await outcomeOf(called, asked);
  return run ?? assert.fail(skip?.reason.en);
}

/** How two claims of it went, step by step. */
export async function traceOf(called: string, asked: Asked = {}): Promise<LabTrace> {
  const { trace, skip } = await outcomeOf(called, { ...asked, isTraced: true, claims: 100, capacity: 20 });
  return trace ?? assert.fail(skip?.reason.en);
}

/** Each step by its first two words, with what came of it. */
export const story = ({ lines }: LabTrace): string[] =>
  lines.map(({ claim, text, outcome, isEnd }) => {
    const what = isEnd ? 'goes on' : text.split(' ').slice(0, 2).join(' ');
    return `${claim === 0 ? 'A' : 'B'} ${what} -> ${outcome ?? 'waits'}`;
  });

/** One line of a list of runs. */
export type Row = readonly [called: string, asked: Asked, verdicts: Verdict | readonly Verdict[]];

/** A test for each: it ends as it must, by what the checker finds and by its own expectation. */
export function endings(rows: readonly Row[], common: Asked = {}): void {
  for (const [called, asked, verdicts] of rows) {
    const { services: _, ...shown } = asked;
    const how = Object.entries(shown).map(([name, value]) => ` ${name} ${String(value)}`);
    test(`${called}${how.join('')}: ${verdicts.toString()}`, async () => {
      const run = await runOf(called, { ...common, ...asked });
      const { verdict, findings, turnedAway } = run;
      assert.ok(verdicts.includes(verdict), `${verdict}: ${JSON.stringify(findings.slice(0, 3))}`);
      assert.ok(run.asExpected, `expected ${run.expected.toString()}, came out ${verdict}`);
      assertVisible(run);
      if (verdict === 'safe') assert.deepEqual([findings, turnedAway], [[], 0]);
      else assert.ok(findings.length + turnedAway > 0);
    });
  }
}

/** What a verdict says must be seen in the figures. */
function assertVisible({ verdict, issued, capacity, users, ...figures }: LabRun): void {
  const { over, duplicates, lost, lockedOut, leaked, turnedAway, overtaken } = figures;
  const seen: Readonly<Record<Verdict, boolean>> = {
    duplicates: duplicates > 0,
    over: over > 0 && issued === capacity + over,
    lost: lost > 0,
    'locked-out': lockedOut > 0,
    leaked: leaked > 0,
    misled: true,
    under: issued < capacity,
    unfair: true,
    'out-of-order': overtaken !== 0,
    'turned-away': turnedAway > 0,
    safe: issued === (users === 'one' ? 1 : capacity),
  };
  assert.ok(seen[verdict], `${verdict} does not show in ${JSON.stringify(figures)}`);
}
