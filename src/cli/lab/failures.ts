import type { Selected } from '../../lab/lab.ts';
import type { LabRun, LabSkip } from '../../lab/outcome.ts';
import { calledOf, type Lesson } from '../../lab/terms.ts';
import { reportWords } from './report-words.ts';

/** What the lab was asked, and what came of it. */
export interface Ended {
  /** The strategies that were named; none where all were meant. */
  readonly names: readonly string[];
  readonly selected: readonly Selected[];
  readonly runs: readonly LabRun[];
  readonly skipped: readonly LabSkip[];
}

/** Why the lab has not shown what it was asked to show, in sentences; none where it has. */
export function failuresOf({ names, selected, runs, skipped }: Ended, language: keyof Lesson): string[] {
  const words = reportWords[language];
  const unexpected = runs.filter(({ asExpected }) => !asExpected).length;
  const troubled = skipped.filter(({ isTrouble }) => isTrouble).length;
  const ran = new Set(runs.map(({ strategy, variant }) => calledOf(strategy, variant)));
  const called = new Set(selected.map(({ strategy, variant }) => calledOf(strategy.name, variant)));
  const missing = names.length === 0 ? [] : [...called].filter((one) => !ran.has(one));
  return [
    ...(runs.length === 0 ? [words.nothingRan] : []),
    ...(unexpected === 0 ? [] : [words.unexpected(unexpected)]),
    ...(troubled === 0 ? [] : [words.troubled(troubled)]),
    ...(missing.length === 0 || runs.length === 0 ? [] : [words.missing(missing)]),
  ];
}
