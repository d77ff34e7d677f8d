/** What is printed: a line for each cycle, and the figures of all. */
import type { CycleReport } from './cycle.ts';
import { type Counts, sumOf, Tally } from './tally.ts';

const number = (value: number): string => Math.round(value).toLocaleString('en-US');
const plural = (value: number, what: string): string => `${number(value)} ${what}${value === 1 ? '' : 's'}`;
const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

const shownOfKind = 3;
const kindLength = 24;

export function cycleLine(
  cycle: number,
  isFresh: boolean,
  stores: string,
  { tally, findings }: CycleReport,
  seconds: number,
): string {
  const faults = [plural(sumOf(tally.kills), 'kill'), plural(sumOf(tally.stops), 'stop'), ...Object.keys(tally.losses)];
  const told = `${number(tally.claims)} claims, ${number(tally.told)} told, ${Math.round(seconds)} s`;
  const verdict = findings.length === 0 ? 'kept' : 'BROKEN';
  return `cycle ${cycle} ${isFresh ? 'new' : 'old'} ${stores}: ${faults.join(', ')}, ${told}: ${verdict}`;
}

/** Some of each kind: what is broken once is often broken for every claim. */
export function findingLines(findings: readonly string[]): string[] {
  const kinds = Map.groupBy(findings, (finding) => finding.replaceAll(/\d+/g, '#').slice(0, kindLength));
  return [...kinds.values()].flatMap((some) => {
    const more = some.length - shownOfKind;
    return [
      ...some.slice(0, shownOfKind).map((finding) => `  ${finding}`),
      ...(more > 0 ? [`  and ${number(more)} more like that`] : []),
    ];
  });
}

export function summaryLines(reports: readonly CycleReport[], seconds: number): string[] {
  const all = new Tally();
  for (const { tally } of reports) all.add(tally);
  const broken = reports.filter(({ findings }) => findings.length > 0).length;
  const rate = (300 / Math.max(1, reports.length)).toFixed(1);
  return [
    '',
    `cycles                        ${number(reports.length)} in ${number(seconds)} s`,
    `kills                         ${number(sumOf(all.kills))}${byTarget(all.kills)}`,
    `stops                         ${number(sumOf(all.stops))}${byTarget(all.stops)}`,
    `Redis put back                ${number(sumOf(all.losses))}${byTarget(all.losses)}`,
    `claims sent                   ${number(all.claims)}`,
    `wins told before a fault      ${number(all.told)}`,
    `unknown outcomes resolved     ${number(all.resolved)}`,
    `fences healed by themselves   ${number(all.healed)}`,
    `events recovered by hand      ${number(all.recoveries)}`,
    `start after a kill            ${spread(all.startMillis)}`,
    `served after a Redis restart  ${spread(all.servedAgainMillis)}`,
    broken === 0
      ? `verdict                       every promise kept; 0 of ${number(reports.length)} broken, a rate below ${rate} % (95 %)`
      : `verdict                       BROKEN in ${broken} of ${reports.length} cycles`,
  ];
}

const spread = (millis: readonly number[]): string =>
  millis.length === 0 ? 'none' : `median ${number(median(millis))} ms, slowest ${number(Math.max(...millis))} ms`;

function byTarget(counts: Counts | Tally['losses']): string {
  const named = Object.entries(counts).map(([name, times]) => `${name} ${number(times)}`);
  return named.length === 0 ? '' : ` (${named.join(', ')})`;
}
