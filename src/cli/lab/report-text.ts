import type { LabRun, LabSkip } from '../../lab/outcome.ts';
import { isMildest, meanings, type Verdict } from '../../lab/verdict.ts';
import type { Screen } from '../screen.ts';
import { type Column, table } from '../table.ts';
import { count, displayWidth, plural, visible, wrap } from '../text.ts';
import { areMixed, nameOf } from './names.ts';

/** All that a report tells. */
export interface Report {
  readonly seed: number;
  readonly claims: number;
  readonly runs: readonly LabRun[];
  readonly skipped: readonly LabSkip[];
  /** Why the lab has not shown what it was asked to show; null where it was stopped, and has only begun to. */
  readonly failures: readonly string[] | null;
}

const right = (head: string): Column => ({ head, right: true });

// Two lines a run, since fifteen figures do not fit one: what became of the coupons, and what it cost.
const couponColumns: readonly Column[] = [
  { head: 'STRATEGY' },
  ...['ISSUED', 'OVER', 'UNDER', 'DUP', 'LOCKED', 'LEAKED'].map(right),
];
const costColumns: readonly Column[] = [
  { head: '  VERDICT' },
  ...['CLAIMS/S', 'P50', 'P99', 'LAST', 'STMTS', 'TRIPS', 'ABORTS', 'WAITS'].map(right),
];

/** Of more than these the heads of the columns have left a usual terminal of 24 lines before the last is read. */
const runsAtAGlance = 10;

/** What the lab has found, for people. */
export function reportLines(report: Report, screen: Screen): string[] {
  const { seed, claims, runs, skipped, failures } = report;
  const [first] = runs;
  return [
    ...(first === undefined ? [] : [...tableLines(runs, screen), '']),
    ...skippedLines(skipped, screen),
    ...(first === undefined ? [] : wrap(circumstancesOf(runs, first, { claims, seed }), screen.width)),
    ...(failures === null ? [] : endingLines(failures, runs.length, screen)),
  ];
}

function endingLines(failures: readonly string[], runs: number, { paint, width }: Screen): string[] {
  if (failures.length === 0) return [paint('green', `${plural(runs, 'run')}, every verdict as expected.`)];
  return failures.flatMap((failure) => wrap(failure, width)).map((line) => paint('red', line));
}

function circumstancesOf(runs: readonly LabRun[], first: LabRun, { claims, seed }: Pick<Report, 'claims' | 'seed'>) {
  const { capacity, inFlight, servers, users, fault, database } = first;
  return [
    `${count(claims)} claims for ${count(capacity)} places`,
    `${count(inFlight)} in flight`,
    plural(servers, 'server'),
    users === 'one' ? 'all of one user' : 'each of another user',
    ...(fault === null ? [] : [`with ${fault}`]),
    areMixed(runs) ? 'sqlite where no other database is named' : database,
    `seed ${seed}`,
  ].join(', ');
}

function tableLines(runs: readonly LabRun[], screen: Screen): string[] {
  const coupons = table(
    couponColumns,
    runs.map((run) => couponCells(run, runs)),
    screen.width,
  );
  const costs = table(costColumns, runs.map(costCells), screen.width);
  // Tens of thousands of places: the names then stand on lines of their own.
  const isWide = coupons.some((line) => displayWidth(line) > screen.width);
  const figures = isWide
    ? table(
        couponColumns,
        runs.map((run) => ['', ...couponCells(run, runs).slice(1)]),
        screen.width,
      )
    : coupons;
  const heads = [figures[0] ?? '', costs[0] ?? ''].map((line) => screen.paint('bold', line));
  return [
    ...heads,
    ...runs.flatMap((run, i) => [
      ...(isWide ? [nameOf(run, runs)] : []),
      figures[i + 1] ?? '',
      screen.paint(run.asExpected ? 'dim' : 'red', costs[i + 1] ?? ''),
      ...notesOf(run).flatMap((note) => wrap(note, screen.width - 4).map((line) => `    ${line}`)),
    ]),
    ...(runs.length > runsAtAGlance ? heads : []),
    ...(runs.some(({ lockWaits }) => lockWaits === null)
      ? ['', ...wrap('-: not known, since a server that is killed takes along what it has counted.', screen.width)]
      : []),
  ];
}

const couponCells = (run: LabRun, runs: readonly LabRun[]): string[] => [
  nameOf(run, runs),
  `${count(run.issued)}/${count(run.capacity)}`,
  ...[run.over, run.under, run.duplicates, run.lockedOut, run.leaked].map(count),
];

const costCells = (run: LabRun): string[] => [
  `  ${run.asExpected ? '✓' : '✗'} ${run.verdict}`,
  count(run.claimsPerSecond),
  time(run.p50Ms),
  time(run.p99Ms),
  run.lastCouponSeconds === null ? '-' : time(run.lastCouponSeconds * 1000),
  average(run.statementsPerClaim),
  average(run.roundTripsPerClaim),
  run.aborted === null ? '-' : count(run.aborted),
  run.lockWaits === null ? '-' : `${run.isLockWaitsLowerBound ? '≥' : ''}${count(run.lockWaits)}`,
];

/** At most six columns, of which two or three digits tell something: 0.52ms, 5.2ms, 52ms, 520ms, 5.20s, 52.0s, 520s. */
function time(ms: number): string {
  if (ms < 99.5) return `${ms < 9.95 ? ms.toFixed(ms < 0.995 ? 2 : 1) : Math.round(ms)}ms`;
  const seconds = ms / 1000;
  if (ms < 999.5) return `${Math.round(ms)}ms`;
  return `${seconds.toFixed(seconds < 9.995 ? 2 : seconds < 99.95 ? 1 : 0)}s`;
}

function average(value: number | null): string {
  if (value === null) return '-';
  return value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0);
}

/** What the figures do not say by themselves. */
function notesOf(run: LabRun): string[] {
  const notes: string[] = [];
  const { capacity, issuedAtOnce, overtaken, lost, turnedAway, turnedAwayEarly, struck, tries, verdict, asExpected } =
    run;
  if (!asExpected) notes.push(surpriseOf(run));
  if (struck === 0) notes.push('The fault has not struck, so that this shows nothing of it.');
  if (tries > 1) notes.push(triesNote(run));
  if (lost > 0) notes.push(`${plural(lost, 'winner')} without a coupon.`);
  const early = turnedAwayEarly === turnedAway ? 'all' : turnedAwayEarly === 0 ? 'none' : count(turnedAwayEarly);
  if (turnedAway > 0)
    notes.push(
      `${plural(turnedAway, 'claim')} ended with neither a place nor a reason, ${early} of them while there were places.`,
    );
  if (issuedAtOnce !== null && issuedAtOnce < Math.min(capacity, run.issued))
    notes.push(`When ${count(capacity)} wins had been answered, the table had ${plural(issuedAtOnce, 'coupon')}.`);
  if (verdict === 'out-of-order' && overtaken !== null)
    notes.push(`${plural(overtaken, 'coupon')} stand before one with a smaller number.`);
  return notes;
}

function triesNote({ tries, verdict, expected, asExpected }: LabRun): string {
  if (!asExpected) return `That was try ${tries}, and the last.`;
  if (!isMildest(verdict, expected)) return `It showed at try ${tries}.`;
  return verdict === 'safe' ? `No race showed in ${tries} tries.` : `Nothing graver showed in ${tries} tries.`;
}

function surpriseOf({ verdict, expected, findings }: LabRun): string {
  const [finding] = findings;
  const said = finding === undefined ? '' : ` ${finding.rule}: ${visible(finding.message)}.`;
  const meant = (one: Verdict): string => `${one} means: ${meanings[one].en}`;
  return `Expected ${expected.join(' or ')}; ${meant(verdict)}.${said}`;
}

/** One reason may be that of several. */
function skippedLines(skipped: readonly LabSkip[], screen: Screen): string[] {
  if (skipped.length === 0) return [];
  const byReason = Map.groupBy(skipped, ({ reason }) => reason);
  const lines = [...byReason].flatMap(([reason, all]) => {
    const names = all.map((one) => nameOf(one, skipped)).join(', ');
    return [
      ...wrap(names, screen.width - 2).map((line) => `  ${line}`),
      ...wrap(visible(reason), screen.width - 4).map((line) => `    ${line}`),
    ];
  });
  return [screen.paint('bold', 'Did not run'), ...lines, ''];
}
