import {
  calledOf,
  type Circumstances,
  databaseNames,
  type DatabaseName,
  faultNames,
  type FaultName,
  type Lesson,
  type Need,
  type ServerCount,
  serverCounts,
  type Strategy,
} from '../../lab/strategy.ts';
import type { Verdict } from '../../lab/verdict.ts';
import type { Screen } from '../screen.ts';
import { padEnd, wrap } from '../text.ts';

const inFlight = 32;

/** How a strategy is expected to end; null where it does not run so. */
function endingOf(strategy: Strategy, circumstances: Omit<Circumstances, 'inFlight'>): readonly Verdict[] | null {
  const whole = { ...circumstances, inFlight };
  return (strategy.unfit?.(whole) ?? null) === null ? strategy.expects(whole) : null;
}

const variantsOf = ({ variants }: Strategy): readonly (string | null)[] => (variants.length === 0 ? [null] : variants);

const needsOf = (strategy: Strategy): Need[] => [
  ...new Set(variantsOf(strategy).flatMap((one) => strategy.needs(one))),
];

/** How a variant is expected to end, in one line, or in one for each database where they differ. */
function endings(strategy: Strategy, variant: string | null): string[] {
  const of = (database: DatabaseName, servers: ServerCount): string | null =>
    endingOf(strategy, { database, servers, users: 'all', fault: null, variant })?.join(' or ') ?? null;
  const lines = databaseNames.map((database) => {
    const [alone, many] = [of(database, 1), of(database, 4)];
    if (alone === many) return alone === null ? 'does not run' : `${alone}, on 1 server and on 4`;
    return `${alone ?? 'does not run'} on 1 server, ${many ?? 'does not run'} on 4`;
  });
  if (lines.every((line) => line === lines[0])) return lines.slice(0, 1);
  return lines.map((line, i) => `${padEnd(databaseNames[i] ?? '', 8)}  ${line}`);
}

/** A strategy, for people. */
export function strategyLines(strategy: Strategy, language: keyof Lesson, { paint, width }: Screen): string[] {
  const needs = needsOf(strategy).filter((need) => need !== 'engine');
  const title = [strategy.name, ...strategy.variants.map((variant) => `:${variant}`)].join(' ');
  const nameWidth = Math.max(0, ...strategy.variants.map((variant) => variant.length + 3));
  const ending = (variant: string | null): string[] =>
    endings(strategy, variant)
      .flatMap((line) => wrap(line, width - nameWidth - 4))
      .map((line) => paint('dim', `    ${padEnd(variant === null ? '' : `:${variant}`, nameWidth)}${line}`));
  return [
    `${paint('bold', title)}${needs.length === 0 ? '' : `  (needs ${needs.join(', ')})`}`,
    ...wrap(strategy.lesson[language], width - 2).map((line) => `  ${line}`),
    ...variantsOf(strategy).flatMap(ending),
    '',
  ];
}

/** A strategy, for programs: with how it is expected to end in all circumstances in which it runs. */
export function strategyDocument(strategy: Strategy) {
  const { name, lesson, variants } = strategy;
  const expected = [];
  for (const variant of variantsOf(strategy)) {
    for (const database of databaseNames) {
      for (const servers of serverCounts) {
        for (const users of ['all', 'one'] as const) {
          for (const fault of [null, ...faultNames] satisfies (FaultName | null)[]) {
            const verdicts = endingOf(strategy, { database, servers, users, fault, variant });
            if (verdicts !== null) expected.push({ variant, database, servers, users, fault, verdicts });
          }
        }
      }
    }
  }
  const called = variantsOf(strategy).map((variant) => calledOf(name, variant));
  return { name, called, variants, needs: needsOf(strategy), lesson, expected };
}
