import { fitOf } from './fit.ts';
import type { LabRun, LabSkip } from './outcome.ts';
import { type RunPlan, runOnce } from './run.ts';
import { CannotRun } from './stage.ts';
import type { ServiceAddresses } from './services.ts';
import type { Circumstances, Strategy } from './strategy.ts';
import { type LabTrace, traceTwo } from './trace.ts';
import { type Verdict, verdicts } from './verdict.ts';

/** A strategy and which way of it. */
export interface Selected {
  readonly strategy: Strategy;
  readonly variant: string | null;
}

/** What is run. */
export interface LabPlan {
  readonly selected: readonly Selected[];
  readonly circumstances: Omit<Circumstances, 'variant'>;
  readonly claims: number;
  readonly capacity: number;
  readonly seed: number;
  readonly isTraced: boolean;
  readonly addresses: ServiceAddresses;
  /** The module that each process of a run is started with. */
  readonly module: string;
  /** The users of so many claims in the order of their arrival; the same seed gives the same. */
  readonly arrivalsOf: (claims: number, seed: number) => readonly string[];
  readonly signal: AbortSignal;
}

/** How far it has come. */
export interface LabHooks {
  /** A run begins; `claims` of it will be answered. */
  readonly begun: (selected: Selected & { readonly place: number }, claims: number, tries: number) => void;
  readonly answered: () => void;
}

/** What became of one strategy. */
export interface LabOutcome {
  readonly run: LabRun | null;
  readonly skip: LabSkip | null;
  readonly trace: LabTrace | null;
}

/** A race that does not show is looked for so often, among twice as many claims each time. */
const triesMax = 5;

/** Runs one strategy after another. */
export async function* runLab(plan: LabPlan, hooks: LabHooks): AsyncGenerator<LabOutcome> {
  for (const selected of plan.selected) {
    plan.signal.throwIfAborted();
    yield await outcomeOf(plan, selected, hooks);
  }
}

async function outcomeOf(plan: LabPlan, selected: Selected, hooks: LabHooks): Promise<LabOutcome> {
  const { strategy, variant } = selected;
  const circumstances = { ...plan.circumstances, variant };
  const skipped = (reason: string): LabOutcome => ({
    run: null,
    skip: { strategy: strategy.name, variant, reason },
    trace: null,
  });
  const fit = fitOf(strategy, circumstances, plan.addresses);
  if ('reason' in fit) return skipped(fit.reason);
  try {
    const once = runPlanOf(plan, selected, plan.claims, hooks);
    const trace = plan.isTraced ? await traceTwo(once) : null;
    return { run: await untilItShows(plan, selected, fit.expected, hooks), skip: null, trace };
  } catch (error) {
    plan.signal.throwIfAborted();
    if (error instanceof CannotRun) return skipped(error.message);
    throw error;
  }
}

function runPlanOf(plan: LabPlan, { strategy, variant }: Selected, claims: number, { answered }: LabHooks): RunPlan {
  const { capacity, seed, module, addresses, signal } = plan;
  const circumstances = { ...plan.circumstances, variant };
  const arrivals = plan.arrivalsOf(claims, seed);
  return { strategy, circumstances, capacity, seed, arrivals, module, addresses, signal, onAnswer: answered };
}

/** Chance decides whether claims come in between each other; a run in which they did not is no proof that they cannot. */
async function untilItShows(
  plan: LabPlan,
  selected: Selected,
  expected: readonly Verdict[],
  hooks: LabHooks,
): Promise<LabRun> {
  for (let tries = 1; ; tries += 1) {
    const claims = plan.claims * 2 ** (tries - 1);
    hooks.begun({ ...selected, place: plan.selected.indexOf(selected) + 1 }, claims, tries);
    const run = await runOnce(runPlanOf(plan, selected, claims, hooks));
    // A fault that has not struck has shown nothing.
    const asExpected = expected.includes(run.verdict) && run.struck !== 0;
    const isMilder = expected.every((verdict) => verdicts.indexOf(verdict) < verdicts.indexOf(run.verdict));
    if (asExpected || !(isMilder || run.struck === 0) || tries === triesMax)
      return { ...run, expected, asExpected, tries };
  }
}
