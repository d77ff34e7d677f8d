import { LeftBehind } from './end-all.ts';
import { fitOf } from './fit.ts';
import { Gone, Refused } from './member-process.ts';
import type { LabRun, LabSkip } from './outcome.ts';
import { type RunPlan, runOnce } from './run.ts';
import type { LabServices } from './services.ts';
import { CannotRun } from './stage.ts';
import type { Strategy } from './strategy.ts';
import { asSaid, type Circumstances, type DatabaseName, type Lesson } from './terms.ts';
import { type LabTrace, traceTwo } from './trace.ts';
import { BrokenOff, StoreTrouble } from './trouble.ts';
import { isMildest, type Verdict } from './verdict.ts';

/** A strategy, which way of it, and where. */
export interface Selected {
  readonly strategy: Strategy;
  readonly variant: string | null;
  readonly database: DatabaseName;
}

/** What is run. */
export interface LabPlan {
  readonly selected: readonly Selected[];
  readonly circumstances: Omit<Circumstances, 'variant' | 'database'>;
  readonly claims: number;
  readonly capacity: number;
  readonly seed: number;
  readonly isTraced: boolean;
  readonly services: LabServices;
  /** The module that each process of a run is started with. */
  readonly module: string;
  /** The users of so many claims in the order of their arrival; the same seed gives the same. */
  readonly arrivalsOf: (claims: number, seed: number) => readonly string[];
  readonly signal: AbortSignal;
}

/** How far it has come. */
export interface LabHooks {
  /** A run begins, for the so manieth time. */
  readonly begun: (selected: Selected & { readonly place: number }, tries: number) => void;
  readonly answered: () => void;
  /** Two claims were taken step by step; the run comes next. */
  readonly traced: (trace: LabTrace) => void;
}

/** What became of one strategy. */
export interface LabOutcome {
  readonly run: LabRun | null;
  readonly skip: LabSkip | null;
  readonly trace: LabTrace | null;
}

/** A race that does not show is looked for so often. */
const triesMax = 5;

/** Runs one strategy after another. */
export async function* runLab(plan: LabPlan, hooks: LabHooks): AsyncGenerator<LabOutcome> {
  for (const [i, selected] of plan.selected.entries()) {
    plan.signal.throwIfAborted();
    yield await outcomeOf(plan, { ...selected, place: i + 1 }, hooks);
  }
}

type Placed = Selected & { readonly place: number };

async function outcomeOf(plan: LabPlan, selected: Placed, hooks: LabHooks): Promise<LabOutcome> {
  const { strategy, variant, database } = selected;
  const circumstances = { ...plan.circumstances, variant, database };
  const skipped = (reason: Lesson, isTrouble: boolean): LabOutcome => ({
    run: null,
    skip: { strategy: strategy.name, variant, database, reason, isTrouble },
    trace: null,
  });
  const fit = fitOf(strategy, circumstances, plan.services);
  if ('reason' in fit) return skipped(fit.reason, false);
  const { capacity, seed, module, signal } = plan;
  const once: RunPlan = {
    strategy,
    circumstances,
    capacity,
    seed,
    module,
    signal,
    arrivals: plan.arrivalsOf(plan.claims, seed),
    addresses: plan.services.addresses,
    onAnswer: hooks.answered,
  };
  try {
    const trace = plan.isTraced ? await traceTwo(once) : null;
    if (trace !== null) hooks.traced(trace);
    const run = await untilItShows(once, fit.expected, (tries) => hooks.begun(selected, tries));
    return { run, skip: null, trace };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof CannotRun) return skipped(asSaid(error.message), error.isTrouble);
    if (error instanceof LeftBehind) return skipped(asSaid(error.message), true);
    if ([BrokenOff, StoreTrouble, Refused, Gone].some((kind) => error instanceof kind))
      return skipped(brokenOff((error as Error).message), true);
    throw error;
  }
}

const brokenOff = (why: string): Lesson => ({ en: `broke off: ${why}`, ko: `도중에 멈췄다: ${why}` });

/** Chance decides whether claims come in between each other; a run in which they did not is no proof that they cannot. */
async function untilItShows(
  plan: RunPlan,
  expected: readonly Verdict[],
  begun: (tries: number) => void,
): Promise<LabRun> {
  for (let tries = 1; ; tries += 1) {
    begun(tries);
    const run = await runOnce(plan);
    // A fault that has not struck has shown nothing.
    const asExpected = expected.includes(run.verdict) && run.struck !== 0;
    const mayBeChance = isMildest(run.verdict, expected) || run.struck === 0;
    if (!mayBeChance || tries === triesMax) return { ...run, expected, asExpected, tries };
  }
}
