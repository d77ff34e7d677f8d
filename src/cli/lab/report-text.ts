import type { LabRun, LabSkip } from '../../lab/outcome.ts';
import { calledOf } from '../../lab/strategy.ts';
import { meanings } from '../../lab/verdict.ts';
import type { Screen } from '../screen.ts';
import { type Column, table } from '../table.ts';
import { count, plural, visible, wrap } from '../text.ts';

/** All that a report tells. */
export interface Report {
  readonly seed: number;
  readonly runs: readonly LabRun[];
  readonly skipped: readonly LabSkip[];
}

const right = (head: string): Column => ({ head, right: true });

// Two lines a run, since fifteen figures do not fit one: what became of the coupons, and what it cost.
const couponColumns: readonly Column[] = [
  { head: 'STRATEGY' },
  ...['ISSUED', 'OVER', 'UNDER', 'DUP', 'LOCKED', 'LEAKED'].map(right),
];
const costColumns: readonly Column[] = [
  { head: '  VERDICT' },
  ...['CLAIMS/S', 'P50', 'P99', 'LAST', 'STMTS', 'TRIPS', 'ABORTED', 'WAITS'].map(right),
];

/** What the lab has found, for people. */
export function reportLines(report: Report, screen: Screen): string[] {
  const { seed, runs, skipped } = report;
  const unexpected = runs.filter(({ asExpected }) => !asExpected).length;
  const summary =
    runs.length === 0
      ? 'Nothing ran.'
      : unexpected === 0
        ? screen.paint('green', `${plural(runs.length, 'run')}, every verdict as expected.`)
        : screen.paint(
            'red',
            `${plural(runs.length, 'run')}, ${count(unexpected)} with another verdict than expected.`,
          );
  const [first] = runs;
  return [
    ...(first === undefined ? [] : [...tableLines(runs, screen), '']),
    ...skippedLines(skipped, screen),
    ...(first === undefined ? [] : wrap(circumstancesOf(first, seed), screen.width)),
    summary,
  ];
}

const circumstancesOf = (
  { claims, tries, capacity, inFlight, servers, users, fault, database }: LabRun,
  seed: number,
) =>
  [
    `${count(claims / 2 ** (tries - 1))} claims for ${count(capacity)} places`,
    `${count(inFlight)} in flight`,
    plural(servers, 'server'),
    users === 'one' ? 'all of one user' : 'each of another user',
    ...(fault === null ? [] : [`with ${fault}`]),
    database,
    `seed ${seed}`,
  ].join(', ');

function tableLines(runs: readonly LabRun[], screen: Screen): string[] {
  const coupons = table(couponColumns, runs.map(couponCells), screen.width);
  const costs = table(costColumns, runs.map(costCells), screen.width);
  return [
    screen.paint('bold', coupons[0] ?? ''),
    screen.paint('bold', costs[0] ?? ''),
    ...runs.flatMap((run, i) => [
      coupons[i + 1] ?? '',
      screen.paint(run.asExpected ? 'dim' : 'red', costs[i + 1] ?? ''),
      ...notesOf(run).flatMap((note) => wrap(note, screen.width - 4).map((line) => `    ${line}`)),
    ]),
  ];
}

const couponCells = (run: LabRun): string[] => [
  calledOf(run.strategy, run.variant),
  `${count(run.issued)}/${count(run.capacity)}`,
  ...[run.over, run.under, run.duplicates, run.lockedOut, run.leaked].map(count),
];

const costCells = (run: LabRun): string[] => [
  `  ${run.asExpected ? '✓' : '✗'} ${run.verdict}`,
  count(run.claimsPerSecond),
  milliseconds(run.p50Ms),
  milliseconds(run.p99Ms),
  run.lastCouponSeconds === null ? '-' : `${run.lastCouponSeconds.toFixed(2)}s`,
  run.statementsPerClaim === null ? '-' : run.statementsPerClaim.toFixed(2),
  run.roundTripsPerClaim.toFixed(2),
  count(run.aborted),
  // PostgreSQL is looked at every few milliseconds, and may have been looked at too late.
  `${run.database === 'postgres' ? '≥' : ''}${count(run.lockWaits)}`,
];

const milliseconds = (ms: number): string => `${ms < 100 ? ms.toPrecision(2) : count(Math.round(ms))}ms`;

/** What the figures do not say by themselves. */
function notesOf(run: LabRun): string[] {
  const notes: string[] = [];
  const {
    capacity,
    issuedAtOnce,
    overtaken,
    lost,
    turnedAway,
    struck,
    tries,
    verdict,
    expected,
    asExpected,
    findings,
  } = run;
  if (!asExpected) {
    const [finding] = findings;
    const said = finding === undefined ? '' : ` ${finding.rule}: ${visible(finding.message)}.`;
    notes.push(`Expected ${expected.join(' or ')}; ${verdict} means: ${meanings[verdict].en}.${said}`);
  }
  if (struck === 0) notes.push('The fault has not struck, so that this shows nothing of it.');
  if (tries > 1)
    notes.push(`${asExpected ? 'It showed at' : 'That was'} try ${tries}, with ${count(run.claims)} claims.`);
  if (lost > 0) notes.push(`${plural(lost, 'winner')} without a coupon.`);
  if (turnedAway > 0) notes.push(`${plural(turnedAway, 'claim')} ended with neither a place nor a reason.`);
  if (issuedAtOnce !== null && issuedAtOnce < Math.min(capacity, run.issued))
    notes.push(`When ${count(capacity)} wins had been answered, the table had ${plural(issuedAtOnce, 'coupon')}.`);
  if (verdict === 'out-of-order' && overtaken !== null)
    notes.push(`${plural(overtaken, 'coupon')} stand before one with a smaller number.`);
  return notes;
}

/** One reason may be that of several. */
function skippedLines(skipped: readonly LabSkip[], screen: Screen): string[] {
  if (skipped.length === 0) return [];
  const byReason = Map.groupBy(skipped, ({ reason }) => reason);
  const lines = [...byReason].flatMap(([reason, all]) => {
    const names = all.map(({ strategy, variant }) => calledOf(strategy, variant)).join(', ');
    return [
      ...wrap(names, screen.width - 2).map((line) => `  ${line}`),
      ...wrap(visible(reason), screen.width - 4).map((line) => `    ${line}`),
    ];
  });
  return [screen.paint('bold', 'Did not run'), ...lines, ''];
}
