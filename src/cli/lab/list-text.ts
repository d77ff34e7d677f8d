import { strategies } from '../../lab/catalog.ts';
import { unfitFor } from '../../lab/fit.ts';
import type { Need, Strategy } from '../../lab/strategy.ts';
import {
  calledOf,
  type Circumstances,
  databaseNames,
  type DatabaseName,
  faultNames,
  type FaultName,
  type Lesson,
  type ServerCount,
  serverCounts,
} from '../../lab/terms.ts';
import { meanings, type Verdict, verdicts } from '../../lab/verdict.ts';
import type { Screen } from '../screen.ts';
import { padEnd, wrap } from '../text.ts';

const inFlight = 32;

/** What stands between the names, which are the same in every language. */
interface Phrases {
  readonly or: string;
  readonly never: string;
  readonly needs: (names: string) => string;
  readonly alike: (ending: string) => string;
  readonly apart: (alone: string, many: string) => string;
  readonly verdicts: string;
}

const phrases: Readonly<Record<keyof Lesson, Phrases>> = {
  en: {
    or: ' or ',
    never: 'does not run',
    needs: (names) => `(needs ${names})`,
    alike: (ending) => `${ending}, on 1 server and on 4`,
    apart: (alone, many) => `${alone} on 1 server, ${many} on 4`,
    verdicts: 'Verdicts, the gravest first',
  },
  ko: {
    or: ' 또는 ',
    never: '실행하지 않음',
    needs: (names) => `(${names} 필요)`,
    alike: (ending) => `서버 1대와 4대 모두 ${ending}`,
    apart: (alone, many) => `서버 1대는 ${alone}, 4대는 ${many}`,
    verdicts: '판정, 심각한 것부터',
  },
};

/** How a strategy is expected to end; null where it does not run so. */
function endingOf(strategy: Strategy, circumstances: Omit<Circumstances, 'inFlight'>): readonly Verdict[] | null {
  const whole = { ...circumstances, inFlight };
  return unfitFor(strategy, whole) === null ? strategy.expects(whole) : null;
}

const variantsOf = ({ variants }: Strategy): readonly (string | null)[] => (variants.length === 0 ? [null] : variants);

const needsOf = (strategy: Strategy): Need[] => [
  ...new Set(variantsOf(strategy).flatMap((one) => strategy.needs(one))),
];

/** How a variant is expected to end, in one line, or in one for each database where they differ. */
function endings(strategy: Strategy, variant: string | null, { or, never, alike, apart }: Phrases): string[] {
  const of = (database: DatabaseName, servers: ServerCount): string | null =>
    endingOf(strategy, { database, servers, users: 'all', fault: null, variant })?.join(or) ?? null;
  const lines = databaseNames.map((database) => {
    const [alone, many] = [of(database, 1), of(database, 4)];
    if (alone === many) return alone === null ? never : alike(alone);
    return apart(alone ?? never, many ?? never);
  });
  if (lines.every((line) => line === lines[0])) return lines.slice(0, 1);
  return lines.map((line, i) => `${padEnd(databaseNames[i] ?? '', 8)}  ${line}`);
}

/** All strategies and verdicts, for people. */
export function listLines(language: keyof Lesson, screen: Screen): string[] {
  const widest = Math.max(...verdicts.map((verdict) => verdict.length));
  return [
    ...strategies.flatMap((strategy) => strategyLines(strategy, language, screen)),
    screen.paint('bold', phrases[language].verdicts),
    ...verdicts.flatMap((verdict) =>
      wrap(meanings[verdict][language], screen.width - widest - 4).map(
        (line, i) => `  ${padEnd(i === 0 ? verdict : '', widest)}  ${line}`,
      ),
    ),
  ];
}

function strategyLines(strategy: Strategy, language: keyof Lesson, { paint, width }: Screen): string[] {
  const said = phrases[language];
  const needs = needsOf(strategy).filter((need) => need !== 'engine');
  const called = [strategy.name, ...strategy.variants.map((variant) => `:${variant}`)].join(' ');
  const [title = '', ...more] = wrap(
    needs.length === 0 ? called : `${called} ${said.needs(needs.join(', '))}`,
    width - 2,
  );
  const nameWidth = Math.max(0, ...strategy.variants.map((variant) => variant.length + 3));
  const ending = (variant: string | null): string[] =>
    endings(strategy, variant, said)
      .flatMap((line) => wrap(line, width - nameWidth - 4))
      .map((line) => paint('dim', `    ${padEnd(variant === null ? '' : `:${variant}`, nameWidth)}${line}`));
  return [
    paint('bold', title),
    ...more.map((line) => paint('bold', `  ${line}`)),
    ...wrap(strategy.lesson[language], width - 2).map((line) => `  ${line}`),
    ...variantsOf(strategy).flatMap(ending),
    '',
  ];
}

/** The same for programs: with how each is expected to end in all circumstances in which it runs. */
export const listDocument = () => ({
  strategies: strategies.map(strategyDocument),
  verdicts: verdicts.map((verdict) => ({ verdict, meaning: meanings[verdict] })),
});

function strategyDocument(strategy: Strategy) {
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
